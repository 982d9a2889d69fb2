using System.Globalization;
using StableDiffusion.Onnx;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>One CLIP text encoder: a tokenizer and the graph that takes its ids. SDXL has two side by side.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="session">The graph; it is disposed with the encoder.</param>
/// <param name="layers">How many layers the encoder has.</param>
/// <param name="vocabularySize">How many ids stand for its own vectors; 0 where that is not known.</param>
/// <param name="isSecond">Whether it is the second one of SDXL.</param>
/// <param name="isPenultimate">Whether the U-Net was trained on the last layer but one, before the final normalization, as SDXL's was.</param>
/// <param name="model">The model's name, for messages.</param>
internal sealed class ClipEncoder(ClipTokenizer tokenizer, OnnxSession session, int layers, int vocabularySize, bool isSecond, bool isPenultimate, string model) : IDisposable
{
    private const string LastHiddenState = "last_hidden_state";
    private const string ClipSkipInput = "clip_skip";
    private const string AddedInput = "added_embeddings";

    private readonly OnnxSession _session = session;
    private readonly OnnxValueInfo _ids = session.Input("input_ids");

    public ClipTokenizer Tokenizer { get; } = tokenizer;

    /// <summary>The tokenizer with words of textual inversion.</summary>
    /// <param name="options">The words, and how prompts name them.</param>
    public PromptTokenizer TokenizerFor(PromptOptions options) =>
        new(Tokenizer, options.TextualInversions, vocabularySize, options.Syntax);

    /// <summary>Encodes as many ids as the encoder takes at once.</summary>
    /// <param name="tokenIds">The ids with start, end and padding.</param>
    /// <param name="options">The layer to take, and the words of textual inversion that the ids may stand for.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>The hidden state, and the pooled state where the encoder has a projection for it.</returns>
    /// <exception cref="InvalidSettingException">The encoder does not give that layer.</exception>
    /// <exception cref="AdapterInvalidException">A word of textual inversion has no vectors for this encoder.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or gave values that are not finite.</exception>
    public TextVectors Encode(int[] tokenIds, PromptOptions options, CancellationToken cancellationToken)
    {
        int clipSkip = options.ClipSkip;
        if (clipSkip < 1 || clipSkip > layers)
            throw InvalidLayer(clipSkip, layers);

        // SDXL never looks at the last layer, so that its first and its second mean the same.
        int layer = isPenultimate ? Math.Max(clipSkip, 2) : clipSkip;
        using OnnxBuffer ids = OnnxBuffer.FromIntegers(tokenIds, _ids.ElementType, 1, tokenIds.Length);
        using OnnxBuffer? added = AddedVectors(options);
        OnnxValueInfo? pooled = _session.Outputs.GetValueOrDefault("text_embeds");
        List<(OnnxValueInfo, OnnxBuffer)> inputs = [(_ids, ids)];
        if (added is not null)
            inputs.Add((_session.OptionalInputs[AddedInput], added));

        Tensor[] states;
        if (_session.OptionalInputs.TryGetValue(ClipSkipInput, out OnnxValueInfo? skip))
        {
            using OnnxBuffer skipped = OnnxBuffer.FromIntegers([layer], skip.ElementType, 1);
            states = _session.Run(Outputs(_session.Output(LastHiddenState), pooled), cancellationToken, [.. inputs, (skip, skipped)]);
        }
        else
        {
            states = _session.Run(Outputs(ForeignOutput(clipSkip, layer), pooled), cancellationToken, [.. inputs]);
        }

        return Array.TrueForAll(states, state => state.IsFinite())
            ? new TextVectors(states[0], states.ElementAtOrDefault(1))
            : throw new InferenceException("The text encoder gave values that are not finite. The model's weights are damaged, or too large for half precision.");
    }

    public void Dispose() => _session.Dispose();

    private OnnxBuffer? AddedVectors(PromptOptions options)
    {
        if (options.TextualInversions.Count == 0)
            return null;
        if (vocabularySize == 0 || !_session.OptionalInputs.TryGetValue(AddedInput, out OnnxValueInfo? info))
            throw new AdapterInvalidException($"The text encoder of '{model}' is a graph of another exporter, which takes no embeddings. They need a model that was imported from its weights: a safetensors file or a diffusers folder.");
        return new OnnxBuffer(PromptTokenizer.Vectors(options.TextualInversions, isSecond, (int)info.Dimensions[^1]), info.ElementType);
    }

    private static OnnxValueInfo[] Outputs(OnnxValueInfo hiddenState, OnnxValueInfo? pooled) => pooled is null ? [hiddenState] : [hiddenState, pooled];

    /// <summary>Other exporters' graphs give their layers, if at all, as outputs that are not normalized, the embedding being the first.</summary>
    private OnnxValueInfo ForeignOutput(int clipSkip, int layer)
    {
        if (!isPenultimate)
            return layer == 1 ? _session.Output(LastHiddenState) : throw InvalidLayer(clipSkip, 1);

        string name = string.Create(CultureInfo.InvariantCulture, $"hidden_states.{layers + 1 - layer}");
        return _session.Outputs.TryGetValue(name, out OnnxValueInfo? output)
            ? output
            : throw new ModelInvalidException($"The text encoder '{_session.Path}' has no output '{name}', which SDXL needs. Export it with its hidden states.");
    }

    private InvalidSettingException InvalidLayer(int clipSkip, int highest) =>
        new("ClipSkip", $"A clip skip of {clipSkip} cannot be had: the text encoder of '{model}' gives its last {highest} layers. Use 1, the last one, to {highest}.");
}
