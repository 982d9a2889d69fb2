using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Denoising.CrossAttention;

/// <summary>Keeps the cross-attention of a denoising: of the predictions for the prompt, in the first call of each chosen step.</summary>
/// <param name="unet">Computes it.</param>
/// <param name="layers">The chosen layers.</param>
/// <param name="steps">The chosen steps that the denoising makes, from 1.</param>
/// <param name="keepsHeads">Whether each head is kept, and not only their mean.</param>
/// <param name="texts">Where the tokens of the prompt's texts are.</param>
internal sealed class AttentionProbe(AttentionUNet unet, IReadOnlyList<AttentionLayer> layers, IReadOnlySet<int> steps, bool keepsHeads, IReadOnlyDictionary<TextVectors, PlacedText> texts)
{
    private const int MostHalvings = 12;

    private readonly List<AttentionPlane> _planes = [];
    private readonly Dictionary<TextVectors, AttentionText> _columns = new(ReferenceEqualityComparer.Instance);

    /// <summary>The memory in bytes that all of it will take, which was checked before; null if that is not known.</summary>
    public long? Bytes { get; init; }

    /// <summary>Whether the attention of a step is kept.</summary>
    /// <param name="step">The step, from 1; null for a call that is not the first of its step.</param>
    public bool Wants(int? step) => step is int number && steps.Contains(number);

    /// <summary>Computes and keeps the attention of a prediction.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="text">The text of the prediction.</param>
    /// <param name="height">The height of the latent.</param>
    /// <param name="width">The width of the latent.</param>
    /// <param name="inputs">The inputs of the prediction.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="InvalidSettingException">All of it would not fit into memory, as the first step shows.</exception>
    public void Keep(int step, TextVectors text, int height, int width, ReadOnlySpan<(OnnxValueInfo Info, OnnxBuffer Buffer)> inputs, CancellationToken cancellationToken)
    {
        bool isFirst = _planes.Count == 0;
        if (!_columns.TryGetValue(text, out AttentionText? columns))
            _columns.Add(text, columns = new AttentionText(texts[text], text.HiddenStates.Shape[1]));
        foreach (LayerAttention attention in unet.Run(layers, inputs, cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            (int planeHeight, int planeWidth) = SizeOf(attention, height, width);
            _planes.Add(Reduce(attention, step, columns, planeHeight, planeWidth));
        }

        if (isFirst && Bytes is null)
            CheckRoom(_planes.Sum(static plane => plane.Bytes) * steps.Count, steps.Count, keepsHeads);
    }

    /// <summary>Throws for attention that would not fit into memory.</summary>
    /// <param name="bytes">The memory that it takes.</param>
    /// <param name="steps">The number of steps of which it is kept.</param>
    /// <param name="keepsHeads">Whether each head is kept.</param>
    /// <exception cref="InvalidSettingException">There is not enough memory.</exception>
    public static void CheckRoom(long bytes, int steps, bool keepsHeads)
    {
        if (!MemoryWatch.HasRoom(bytes))
            throw new InvalidSettingException("Attention", $"The attention of {steps} {(steps == 1 ? "step" : "steps")} would take {ByteSize.Format(bytes)} of memory, more than there is. Choose fewer steps with AttentionStep, or fewer layers with AttentionLayer{(keepsHeads ? ", or omit AttentionHead" : string.Empty)}.");
    }

    /// <summary>What was kept up to now; null if there is nothing.</summary>
    public KeptAttention? Capture() => _planes.Count == 0 ? null : new KeptAttention([.. _planes]);

    private AttentionPlane Reduce(LayerAttention attention, int step, AttentionText text, int height, int width)
    {
        if (attention.Tokens != text.Length)
            throw new ModelInvalidException($"The cross-attention '{attention.Layer.Name}' looks at {attention.Tokens} tokens, and the text has {text.Length}. Get another model, or omit Attention.");

        int pixels = attention.Pixels, heads = keepsHeads ? attention.Heads : 1;
        float part = keepsHeads ? 1 : 1f / attention.Heads;
        float[] values = new float[heads * text.Columns * pixels];
        attention.ForEachRow((head, pixel, probabilities) =>
        {
            int start = (keepsHeads ? head * text.Columns * pixels : 0) + pixel;
            for (int position = 0; position < probabilities.Length; position++)
                values[start + (text.ColumnOf(position) * pixels)] += probabilities[position] * part;
        });
        return new AttentionPlane(step, attention.Layer.Name, text, width, height, heads, keepsHeads, values);
    }

    // A convolution with a stride of 2 rounds odd sizes up.
    private static (int Height, int Width) SizeOf(LayerAttention attention, int height, int width)
    {
        for (int i = 0; i < MostHalvings; i++)
        {
            if (height * width == attention.Pixels)
                return (height, width);
            (height, width) = ((height + 1) / 2, (width + 1) / 2);
        }

        throw new ModelInvalidException($"The cross-attention '{attention.Layer.Name}' has {attention.Pixels} pixels, which is not the size of the latent or a half of it. Get another model, or omit Attention.");
    }
}
