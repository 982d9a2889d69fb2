using System.Globalization;
using StableDiffusion.Onnx;
using StableDiffusion.Tensors;
using StableDiffusion.Text.Prompts;

namespace StableDiffusion.Text;

/// <summary>
/// CLIP's text encoder: turns a prompt's tokens into the vectors that steer the U-Net. Source: Radford et al., arXiv 2103.00020.
/// </summary>
public sealed class TextEncoder : IDisposable
{
    private const string HiddenStates = "last_hidden_state";

    private readonly ClipTokenizer _tokenizer;
    private readonly OnnxSession _session;
    private readonly OnnxValueInfo _ids;
    private readonly string _model;

    internal TextEncoder(ClipTokenizer tokenizer, OnnxSession session, string model)
    {
        _tokenizer = tokenizer;
        _session = session;
        _model = model;
        _ids = session.Input("input_ids");
        _ = session.Output(HiddenStates);
    }

    /// <summary>Encodes one prompt.</summary>
    /// <param name="prompt">The prompt; may be empty, which stands for no wish at all.</param>
    /// <param name="options">How it is read; null takes it as it stands.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>
    /// The embedding. In plain syntax it is of 77 tokens, and <see cref="TextEmbedding.LostText"/> holds what did not
    /// fit; the other syntaxes take prompts of any length.
    /// </returns>
    /// <exception cref="InvalidSettingException">The encoder has no such layer as the clip skip asks for.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the encoder gave values that are not finite.</exception>
    public TextEmbedding Encode(string prompt, PromptOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        options ??= PromptOptions.Default;
        if (options.Syntax == PromptSyntax.Plain)
        {
            TokenizedPrompt tokens = _tokenizer.Encode(prompt);
            PromptToken[] details = [.. tokens.Tokens.Select((text, index) => new PromptToken(text, tokens.Ids[index + 1], 1, Chunk: 0))];
            return new TextEmbedding(prompt, options, Run([.. tokens.Ids], options, cancellationToken), tokens.Ids, details, _model) { LostText = tokens.LostText };
        }

        (string text, IReadOnlyList<string> warnings) = Prepare(prompt, options);
        bool isDynamic = options.Syntax == PromptSyntax.A1111 && DynamicPrompt.IsDynamic(text);
        (IReadOnlyList<PromptChunk> chunks, IReadOnlyList<PromptToken> promptTokens) = PromptChunker.Divide(
            _tokenizer, isDynamic ? DynamicPrompt.FirstText(text) : text, options);
        Tensor hiddenStates = Encode([chunks], options, cancellationToken)[0];
        return new TextEmbedding(prompt, options, hiddenStates, [.. chunks.SelectMany(chunk => chunk.Ids)], promptTokens, _model)
        {
            Warnings = warnings,
            DynamicText = isDynamic ? text : null,
        };
    }

    /// <summary>Frees the graph.</summary>
    public void Dispose() => _session.Dispose();

    /// <summary>Encodes texts that take turns in one run, as a whole: the mean that emphasis keeps is that of all of them.</summary>
    /// <param name="texts">The texts, their schedules resolved.</param>
    /// <param name="options">How they are read.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>An embedding for each text, all equally long.</returns>
    internal IReadOnlyList<Tensor> EncodeTogether(IReadOnlyList<string> texts, PromptOptions options, CancellationToken cancellationToken) =>
        Encode([.. texts.Select(text => PromptChunker.Divide(_tokenizer, text, options).Chunks)], options, cancellationToken);

    /// <summary>Takes what is no prompt off a prompt, and says what its syntax reads otherwise than it was probably meant.</summary>
    private static (string Text, IReadOnlyList<string> Warnings) Prepare(string prompt, PromptOptions options)
    {
        if (options.Syntax != PromptSyntax.A1111)
            return (prompt, []);

        string text = ExtraNetworks.Remove(prompt, out IReadOnlyList<string> removed);
        List<string> warnings = [.. removed.Select(tag => $"The prompt asks for {tag}, which is not supported and was left out.")];
        if (options.Emphasis != EmphasisMode.None)
        {
            warnings.AddRange(PromptValidation.Check(text, PromptSyntax.A1111, DynamicPrompt.NominalSteps)
                .Select(finding => string.Create(CultureInfo.InvariantCulture, $"The prompt, column {finding.Column}: {finding.Message}")));
        }

        return (text, warnings);
    }

    private Tensor[] Encode(IReadOnlyList<IReadOnlyList<PromptChunk>> prompts, PromptOptions options, CancellationToken cancellationToken)
    {
        int chunkCount = prompts.Max(prompt => prompt.Count);
        PromptChunk empty = PromptChunker.Empty(_tokenizer);
        Tensor? emptyStates = null;
        Tensor[] embeddings = [.. prompts.Select(_ => new Tensor(1, 0, 0))];
        Dictionary<int[], Tensor> encoded = new(IdsComparer.Instance);
        for (int chunk = 0; chunk < chunkCount; chunk++)
        {
            PromptChunk[] row = [.. prompts.Select(prompt => chunk < prompt.Count ? prompt[chunk] : empty)];
            Tensor[] states = [.. row.Select(item => EncodeIds(item.Ids).Clone())];
            if (options.Syntax == PromptSyntax.ComfyUI)
            {
                if (Array.Exists(row, item => item.HasWeights))
                    PromptWeighting.Interpolate(states, row, emptyStates ??= EncodeIds(empty.Ids));
            }
            else if (options.Emphasis is EmphasisMode.Original or EmphasisMode.NoNorm)
            {
                PromptWeighting.Multiply(states, row, keepsMean: options.Emphasis == EmphasisMode.Original);
            }

            for (int i = 0; i < states.Length; i++)
                embeddings[i] = chunk == 0 ? states[i] : PromptWeighting.Append(embeddings[i], states[i]);
        }

        return embeddings;

        Tensor EncodeIds(int[] ids)
        {
            if (!encoded.TryGetValue(ids, out Tensor? states))
                encoded.Add(ids, states = Run(ids, options, cancellationToken));
            return states;
        }
    }

    private Tensor Run(int[] tokenIds, PromptOptions options, CancellationToken cancellationToken)
    {
        using OnnxBuffer ids = OnnxBuffer.FromIntegers(tokenIds, _ids.ElementType, 1, tokenIds.Length);
        Tensor hiddenStates = _session.Run(Layer(options.ClipSkip), cancellationToken, (_ids, ids));
        return hiddenStates.IsFinite()
            ? hiddenStates
            : throw new InferenceException("The text encoder gave values that are not finite. The model's weights are damaged, or too large for half precision.");
    }

    private OnnxValueInfo Layer(int clipSkip)
    {
        if (clipSkip == 1)
            return _session.Output(HiddenStates);
        if (clipSkip > 1 && _session.Outputs.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{HiddenStates}.{clipSkip - 1}"), out OnnxValueInfo? layer))
            return layer;

        int layers = _session.Outputs.Keys.Count(name => name.StartsWith(HiddenStates, StringComparison.Ordinal));
        throw new InvalidSettingException("ClipSkip", $"A clip skip of {clipSkip} cannot be had: the text encoder of '{_model}' gives its last {layers} layers. Use 1, the last one, to {layers}.");
    }

    private sealed class IdsComparer : IEqualityComparer<int[]>
    {
        public static IdsComparer Instance { get; } = new();

        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(int[] ids)
        {
            HashCode hash = default;
            foreach (int id in ids)
                hash.Add(id);
            return hash.ToHashCode();
        }
    }
}
