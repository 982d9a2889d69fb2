using System.Globalization;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>A CLIP text encoder: a tokenizer and a graph. SDXL has two of them.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="session">The graph; it is disposed with the encoder.</param>
/// <param name="layers">The number of layers of the encoder.</param>
/// <param name="vocabularySize">The number of ids in its own vocabulary; 0 if not known.</param>
/// <param name="isSecond">Whether it is SDXL's second one.</param>
/// <param name="isPenultimate">Whether the U-Net was trained with the last layer but one, before the final normalization, as for SDXL.</param>
/// <param name="model">The model's name, for messages.</param>
internal sealed class ClipEncoder(ClipTokenizer tokenizer, OnnxSession session, int layers, int vocabularySize, bool isSecond, bool isPenultimate, string model) : IDisposable
{
    private const string LastHiddenState = "last_hidden_state";
    private const string ClipSkipInput = "clip_skip";
    private const string AddedInput = "added_embeddings";

    private readonly OnnxSession _session = session;
    private readonly OnnxValueInfo _ids = session.Input(RequiredInput);

    /// <summary>What its graph must have as an input: the ids of tokens.</summary>
    public static GraphInput RequiredInput { get; } = new("input_ids");

    public ClipTokenizer Tokenizer { get; } = tokenizer;

    /// <summary>The name of its folder in diffusers' layout.</summary>
    public string Name => isSecond ? "text_encoder_2" : "text_encoder";

    /// <summary>Finds entries of the vocabulary near those of a prompt.</summary>
    /// <param name="vectors">The table of token embeddings, [entries, width].</param>
    /// <param name="options">The words of textual inversion.</param>
    public TokenNeighbors NeighborsIn(Tensor vectors, PromptOptions options) =>
        new(Tokenizer, vectors, options.TextualInversions.Count == 0 ? null : PromptTokenizer.Vectors(options.TextualInversions, isSecond, vectors.Shape[1]));

    /// <summary>Returns the tokenizer with words of textual inversion.</summary>
    /// <param name="options">The words, and the syntax for them.</param>
    public PromptTokenizer TokenizerFor(PromptOptions options) =>
        new(Tokenizer, options.TextualInversions, vocabularySize, options.Syntax);

    /// <summary>Encodes one sequence of ids.</summary>
    /// <param name="tokenIds">The ids, including start, end and padding.</param>
    /// <param name="options">The layer to use, and the words of textual inversion.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>The hidden state, and the pooled state if the encoder has a projection for it.</returns>
    /// <exception cref="InvalidSettingException">The encoder does not output that layer.</exception>
    /// <exception cref="AdapterInvalidException">A word of textual inversion has no vectors for this encoder.</exception>
    /// <exception cref="ModelInvalidException">The graph did not return a hidden state.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or returned values that are not finite.</exception>
    public TextVectors Encode(int[] tokenIds, PromptOptions options, CancellationToken cancellationToken)
    {
        int clipSkip = options.ClipSkip;
        CheckLayer(clipSkip, layers, model);

        // SDXL never uses the last layer, so that its first and its second mean the same.
        int layer = isPenultimate ? Math.Max(clipSkip, 2) : clipSkip;
        using OnnxBuffer ids = OnnxBuffer.FromIntegers(tokenIds, _ids.ElementType, 1, tokenIds.Length);
        using OnnxBuffer? added = AddedVectors(options);
        OnnxValueInfo? pooled = _session.Outputs.GetValueOrDefault("text_embeds");
        List<(OnnxValueInfo, OnnxBuffer)> inputs = [(_ids, ids)];
        if (added is not null)
            inputs.Add((_session.OptionalInputs[AddedInput], added));

        OnnxValueInfo hidden;
        Tensor[] states;
        if (_session.OptionalInputs.TryGetValue(ClipSkipInput, out OnnxValueInfo? skip))
        {
            using OnnxBuffer skipped = OnnxBuffer.FromIntegers([layer], skip.ElementType, 1);
            hidden = _session.Output(LastHiddenState);
            states = _session.Run(Outputs(hidden, pooled), cancellationToken, [.. inputs, (skip, skipped)]);
        }
        else
        {
            hidden = ForeignOutput(clipSkip, layer);
            states = _session.Run(Outputs(hidden, pooled), cancellationToken, [.. inputs]);
        }

        _session.CheckShape(states[0], hidden, 1, tokenIds.Length, -1);
        if (pooled is not null)
            _session.CheckShape(states[1], pooled, 1, -1);

        return Array.TrueForAll(states, state => state.IsFinite())
            ? new TextVectors(states[0], states.ElementAtOrDefault(1))
            : throw new InferenceException("The text encoder returned values that are not finite. The model's weights are damaged, or too large for half precision.");
    }

    /// <summary>Throws for a layer that an encoder does not have.</summary>
    /// <param name="clipSkip">The layer, counted from the last one, which is 1.</param>
    /// <param name="layers">The number of its layers.</param>
    /// <param name="model">The model in the message.</param>
    public static void CheckLayer(int clipSkip, int layers, string model)
    {
        if (clipSkip < 1 || clipSkip > layers)
            throw new InvalidSettingException("ClipSkip", $"A clip skip of {clipSkip} is not possible: the text encoder of '{model}' outputs its last {layers} layers. Use 1, the last one, to {layers}.");
    }

    public void Dispose() => _session.Dispose();

    private OnnxBuffer? AddedVectors(PromptOptions options)
    {
        if (options.TextualInversions.Count == 0)
            return null;
        if (vocabularySize == 0 || !_session.OptionalInputs.TryGetValue(AddedInput, out OnnxValueInfo? info) || info.Rank == 0)
            throw new AdapterInvalidException($"The text encoder of '{model}' is a graph of another exporter, which does not support embeddings. They need a model that was imported from its weights: a safetensors file or a diffusers folder.");
        return new OnnxBuffer(PromptTokenizer.Vectors(options.TextualInversions, isSecond, info.Dimensions[^1]), info.ElementType);
    }

    private static OnnxValueInfo[] Outputs(OnnxValueInfo hiddenState, OnnxValueInfo? pooled) => pooled is null ? [hiddenState] : [hiddenState, pooled];

    /// <summary>Graphs of other exporters have their layers, if at all, as outputs that are not normalized; the first is the embedding.</summary>
    private OnnxValueInfo ForeignOutput(int clipSkip, int layer)
    {
        if (!isPenultimate)
        {
            CheckLayer(clipSkip, layers: 1, model);
            return _session.Output(LastHiddenState);
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"hidden_states.{layers + 1 - layer}");
        return _session.Outputs.TryGetValue(name, out OnnxValueInfo? output)
            ? output
            : throw new ModelInvalidException($"The text encoder '{_session.Path}' has no output '{name}', which SDXL needs. Export it with its hidden states.");
    }
}
