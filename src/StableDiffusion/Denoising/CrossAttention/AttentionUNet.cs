using System.IO.Enumeration;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.CrossAttention;

/// <summary>Receives the probabilities of one pixel.</summary>
/// <param name="head">The head, from 0.</param>
/// <param name="pixel">The pixel of the layer's feature maps, row by row.</param>
/// <param name="probabilities">How much it looks at each token; their sum is 1.</param>
internal delegate void AttentionRow(int head, int pixel, ReadOnlySpan<float> probabilities);

/// <summary>
/// A U-Net of which only the cross-attention is computed: how much each pixel of its feature maps looks at each token,
/// softmax(q·kᵀ / √d) (Vaswani et al., arXiv 1706.03762, section 3.2.1). It runs beside the U-Net that predicts, on the same
/// inputs, so that no prediction changes.
/// </summary>
/// <param name="session">The graph, whose outputs are those of the layers.</param>
/// <param name="layers">The layers.</param>
internal sealed class AttentionUNet(OnnxSession session, IReadOnlyList<AttentionLayer> layers) : IDisposable
{
    private const int ShownLayers = 100;

    /// <summary>The cross-attentions, in the order of the network.</summary>
    public IReadOnlyList<AttentionLayer> Layers => layers;

    /// <summary>Finds layers by their names.</summary>
    /// <param name="patterns">Names, in which <c>*</c> and <c>?</c> stand for any letters; none for all layers.</param>
    /// <returns>The layers, in the order of the network.</returns>
    /// <exception cref="InvalidSettingException">No layer has one of the names.</exception>
    public IReadOnlyList<AttentionLayer> Choose(IReadOnlyList<string> patterns)
    {
        Find(patterns, [.. layers.Select(static layer => layer.Name)], "AttentionLayer");
        return patterns.Count == 0 ? layers : [.. layers.Where(layer => patterns.Any(pattern => IsOf(pattern, layer.Name)))];
    }

    /// <summary>Throws for a name that no layer has.</summary>
    /// <param name="patterns">The names.</param>
    /// <param name="names">The names of the layers.</param>
    /// <param name="setting">The setting's name.</param>
    /// <exception cref="InvalidSettingException">No layer has one of the names.</exception>
    public static void Find(IReadOnlyList<string> patterns, IReadOnlyList<string> names, string setting)
    {
        if (patterns.FirstOrDefault(pattern => !names.Any(name => IsOf(pattern, name))) is string unknown)
            throw new InvalidSettingException(setting, $"No cross-attention has the name '{unknown}'. There are: {string.Join(", ", names.Take(ShownLayers))}.");
    }

    /// <summary>Whether a layer has a name.</summary>
    /// <param name="pattern">The name, in which <c>*</c> and <c>?</c> stand for any letters.</param>
    /// <param name="name">The layer's own name.</param>
    public static bool IsOf(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name);

    /// <summary>Computes the attention of layers.</summary>
    /// <param name="chosen">The layers.</param>
    /// <param name="inputs">The inputs of the U-Net that predicts.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>The attention of each layer.</returns>
    /// <exception cref="ModelInvalidException">The graph has values of other shapes than an attention has.</exception>
    public IReadOnlyList<LayerAttention> Run(IReadOnlyList<AttentionLayer> chosen, ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs, CancellationToken cancellationToken)
    {
        string[] names = [.. chosen.SelectMany(static layer => layer.Values).Distinct(StringComparer.Ordinal)];
        Tensor[] values = session.Run([.. names.Select(name => session.Output(name))], cancellationToken, inputs);
        return [.. chosen.Select(layer => new LayerAttention(layer, [.. layer.Values.Select(name => values[Array.IndexOf(names, name)])], session.Path))];
    }

    public void Dispose() => session.Dispose();
}

/// <summary>The attention of one layer in one prediction.</summary>
internal sealed class LayerAttention
{
    private readonly IReadOnlyList<Tensor> _values;
    private readonly float _scale;

    /// <summary>Checks the values of a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="values">Its queries and keys, or its probabilities.</param>
    /// <param name="path">The path of the graph, for messages.</param>
    /// <exception cref="ModelInvalidException">They have other shapes than an attention has.</exception>
    public LayerAttention(AttentionLayer layer, IReadOnlyList<Tensor> values, string path)
    {
        Layer = layer;
        _values = values;
        Tensor first = values[0], last = values[^1];
        bool fits = values.Count == 2
            ? first.HasShape(1, -1, -1) && last.HasShape(1, -1, first.Shape[^1]) && first.Shape[^1] % layer.Heads == 0
            : first.HasShape(-1, -1, -1) || first.HasShape(1, -1, -1, -1);
        if (!fits || values.Any(static value => value.Length == 0))
            throw new ModelInvalidException($"The cross-attention '{layer.Name}' of the graph '{path}' has values of the shapes {string.Join(" and ", values)}, which are not those of an attention for one latent. Get another model, or omit Attention.");

        Tokens = values.Count == 2 ? last.Shape[1] : last.Shape[^1];
        Pixels = values.Count == 2 ? first.Shape[1] : first.Shape[^2];
        Heads = values.Count == 2 ? layer.Heads : first.Length / (Pixels * Tokens);
        _scale = layer.Scale ?? (values.Count == 2 ? 1 / MathF.Sqrt(first.Shape[^1] / Heads) : 1);
    }

    /// <summary>The layer.</summary>
    public AttentionLayer Layer { get; }

    /// <summary>The number of heads.</summary>
    public int Heads { get; }

    /// <summary>The number of pixels of its feature maps.</summary>
    public int Pixels { get; }

    /// <summary>The number of tokens, with the start, the end and the padding.</summary>
    public int Tokens { get; }

    /// <summary>Computes the probabilities, one pixel after another: all of them together may take much memory.</summary>
    /// <param name="receive">Receives those of a pixel in one head.</param>
    public void ForEachRow(AttentionRow receive)
    {
        float[] row = new float[Tokens];
        for (int head = 0; head < Heads; head++)
        {
            for (int pixel = 0; pixel < Pixels; pixel++)
            {
                if (_values.Count == 2)
                    Compute(head, pixel, row);
                else
                    Read(head, pixel, row);
                receive(head, pixel, row);
            }
        }
    }

    private void Read(int head, int pixel, Span<float> row)
    {
        _values[0].Span.Slice(((head * Pixels) + pixel) * Tokens, Tokens).CopyTo(row);

        // Those of half precision are rounded.
        if (TensorPrimitives.Sum<float>(row) is > 0 and float sum)
            TensorPrimitives.Divide(row, sum, row);
    }

    private void Compute(int head, int pixel, Span<float> row)
    {
        int width = _values[0].Shape[^1], own = width / Heads;
        ReadOnlySpan<float> query = _values[0].Span.Slice((pixel * width) + (head * own), own), keys = _values[1].Span;
        for (int token = 0; token < row.Length; token++)
            row[token] = TensorPrimitives.Dot(query, keys.Slice((token * width) + (head * own), own)) * _scale;
        TensorPrimitives.Subtract(row, TensorPrimitives.Max<float>(row), row);
        TensorPrimitives.Exp<float>(row, row);
        TensorPrimitives.Divide(row, TensorPrimitives.Sum<float>(row), row);
    }
}
