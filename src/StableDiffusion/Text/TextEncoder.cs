using System.Globalization;
using StableDiffusion.Prompts;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// CLIP's text encoder, which converts a prompt to the embedding that conditions the U-Net. Source: Radford et al., arXiv 2103.00020.
/// </summary>
internal sealed class TextEncoder : IDisposable
{
    private const int MaxWarnings = 100;

    private readonly IReadOnlyList<ClipEncoder> _encoders;
    private readonly string _model;

    /// <summary>Initializes the text encoder.</summary>
    /// <param name="encoders">One encoder, or SDXL's two in the order in which the U-Net uses their outputs.</param>
    /// <param name="model">The model's name.</param>
    internal TextEncoder(IReadOnlyList<ClipEncoder> encoders, string model)
    {
        _encoders = encoders;
        _model = model;
    }

    /// <summary>Encodes a prompt.</summary>
    /// <param name="prompt">The prompt; an empty one means no prompt.</param>
    /// <param name="options">How to read it; null reads it as plain text.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>
    /// The embedding. In plain syntax it has 77 tokens, and <see cref="TextEmbedding.LostText"/> has the words that did not fit;
    /// the other syntaxes support prompts of any length.
    /// </returns>
    /// <exception cref="InvalidSettingException">The encoder does not have the layer of the clip skip, or the prompt is too long or has a weight that is too large.</exception>
    /// <exception cref="AdapterInvalidException">A word of textual inversion was made for another family of models.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the encoder returned values that are not finite.</exception>
    public TextEmbedding Encode(string prompt, PromptOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        PromptLimit.Check("Prompt", prompt);
        options ??= PromptOptions.Default;
        if (options.Syntax == PromptSyntax.Plain)
        {
            TokenizedPrompt tokens = _encoders[0].TokenizerFor(options).Encode(prompt);
            PromptToken[] details = [.. tokens.Tokens.Select((text, index) => new PromptToken(text, tokens.Ids[index + 1], 1, Chunk: 0))];
            TextVectors vectors = _encoders
                .Select(encoder => encoder.Encode([.. encoder.TokenizerFor(options).Encode(prompt).Ids], options, cancellationToken))
                .Aggregate(TextVectors.Join);
            return new TextEmbedding(prompt, options, vectors, tokens.Ids, details, _model) { LostText = tokens.LostText };
        }

        (string text, IReadOnlyList<string> warnings) = Prepare(prompt, options);
        bool isDynamic = options.Syntax == PromptSyntax.A1111 && DynamicPrompt.IsDynamic(text);
        string firstText = isDynamic ? DynamicPrompt.FirstText(text) : text;
        (IReadOnlyList<PromptChunk> chunks, IReadOnlyList<PromptToken> promptTokens) = PromptChunker.Divide(_encoders[0].TokenizerFor(options), firstText, options);
        TextVectors states = EncodeTogether([firstText], options, cancellationToken)[0];
        return new TextEmbedding(prompt, options, states, [.. chunks.SelectMany(chunk => chunk.Ids)], promptTokens, _model)
        {
            Warnings = warnings,
            DynamicText = isDynamic ? text : null,
        };
    }

    /// <summary>Finds where the tokens of an encoded text are in its embedding.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="options">How the text was read.</param>
    internal PlacedText Place(IReadOnlyList<PromptToken> tokens, PromptOptions options)
    {
        PromptTokenizer tokenizer = _encoders[0].TokenizerFor(options);
        int length = tokenizer.Clip.MaxLength;
        return new PlacedText(
            [.. tokens.GroupBy(static token => token.Chunk).SelectMany(chunk => chunk.Select((token, index) => tokenizer.Place(token, (chunk.Key * length) + index + 1)))],
            length);
    }

    /// <inheritdoc cref="Place(IReadOnlyList{PromptToken}, PromptOptions)"/>
    /// <param name="text">A text whose schedules are resolved.</param>
    /// <param name="options">How it is read; not as plain text.</param>
    internal PlacedText Place(string text, PromptOptions options) => Place(PromptChunker.Divide(_encoders[0].TokenizerFor(options), text, options).Tokens, options);

    /// <summary>Releases the graphs.</summary>
    public void Dispose()
    {
        foreach (ClipEncoder encoder in _encoders)
            encoder.Dispose();
    }

    /// <summary>Encodes the texts of one run together: the mean that emphasis restores is that of all of them.</summary>
    /// <param name="texts">The texts, with their schedules resolved.</param>
    /// <param name="options">How to read them.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>An embedding for each text, all of the same length.</returns>
    internal IReadOnlyList<TextVectors> EncodeTogether(IReadOnlyList<string> texts, PromptOptions options, CancellationToken cancellationToken)
    {
        return _encoders
            .Select(encoder => Encode(encoder, [.. texts.Select(text => Divide(encoder, text))], options, cancellationToken))
            .Aggregate(static (first, second) => [.. first.Zip(second, TextVectors.Join)]);

        IReadOnlyList<PromptChunk> Divide(ClipEncoder encoder, string text)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return PromptChunker.Divide(encoder.TokenizerFor(options), text, options).Chunks;
        }
    }

    /// <summary>Removes tags from a prompt, and collects warnings about questionable syntax.</summary>
    private static (string Text, IReadOnlyList<string> Warnings) Prepare(string prompt, PromptOptions options)
    {
        if (options.Syntax == PromptSyntax.ComfyUI)
            return (prompt, [.. UnknownEmbeddings(prompt, options)]);

        string text = ExtraNetworks.Remove(prompt, out IReadOnlyList<ExtraNetwork> removed);
        List<string> warnings = [.. removed
            .Where(tag => !tag.IsLora || !options.LoraNames.Contains(tag.Name, StringComparer.OrdinalIgnoreCase))
            .Select(tag => tag.IsLora
                ? $"The prompt asks for {tag.Text}, but the model was opened without that LoRA; it was left out."
                : $"The prompt asks for {tag.Text}, which is not supported and was left out.")];
        PromptLimit.CheckParts(CompositePrompt.Parse(text).Count);
        if (options.Emphasis != EmphasisMode.None)
        {
            warnings.AddRange(PromptValidation.Check(text, PromptSyntax.A1111, DynamicPrompt.NominalSteps)
                .Select(finding => string.Create(CultureInfo.InvariantCulture, $"The prompt, column {finding.Column}: {finding.Message}")));
        }

        return (text, warnings);
    }

    private static IEnumerable<string> UnknownEmbeddings(string prompt, PromptOptions options) => PromptAttention.Parse(prompt, PromptSyntax.ComfyUI)
        .SelectMany(static part => PromptTokenizer.ComfyNames(part.Text))
        .Distinct(StringComparer.OrdinalIgnoreCase)
        .Where(name => !options.TextualInversions.Any(word => word.Name.Equals(name, StringComparison.OrdinalIgnoreCase)))
        .Take(MaxWarnings)
        .Select(static name => $"The prompt asks for embedding:{name}, but the model was opened without that embedding; it was read as text.");

    private static TextVectors[] Encode(ClipEncoder encoder, IReadOnlyList<IReadOnlyList<PromptChunk>> prompts, PromptOptions options, CancellationToken cancellationToken)
    {
        PromptLimit.CheckChunks([.. prompts.Select(prompt => prompt.Count)]);
        int chunkCount = prompts.Max(prompt => prompt.Count);
        PromptChunk empty = PromptChunker.Empty(encoder.TokenizerFor(options));
        List<Tensor>[] embeddings = [.. prompts.Select(_ => new List<Tensor>(chunkCount))];
        Dictionary<int[], TextVectors> encoded = new(IdsComparer.Instance);
        for (int chunk = 0; chunk < chunkCount; chunk++)
        {
            PromptChunk[] row = [.. prompts.Select(prompt => chunk < prompt.Count ? prompt[chunk] : empty)];
            Tensor[] states = [.. row.Select(item => EncodeIds(item.Ids).HiddenStates.Clone())];
            if (options.Syntax == PromptSyntax.ComfyUI)
            {
                if (Array.Exists(row, item => item.HasWeights))
                    PromptWeighting.Interpolate(states, row, EncodeIds(empty.Ids).HiddenStates);
            }
            else if (options.Emphasis is EmphasisMode.Original or EmphasisMode.NoNorm)
            {
                PromptWeighting.Multiply(states, row, keepsMean: options.Emphasis == EmphasisMode.Original);
            }

            if (!Array.TrueForAll(states, state => state.IsFinite()))
                throw TooLarge(row.SelectMany(item => item.Weights));
            for (int i = 0; i < states.Length; i++)
                embeddings[i].Add(states[i]);
        }

        // A1111 and ComfyUI both use the pooled state of the first chunk, whatever its weights.
        return [.. embeddings.Select((chunks, index) => new TextVectors(PromptWeighting.Join(chunks), EncodeIds(prompts[index][0].Ids).PooledState))];

        TextVectors EncodeIds(int[] ids)
        {
            if (!encoded.TryGetValue(ids, out TextVectors? states))
                encoded.Add(ids, states = encoder.Encode(ids, options, cancellationToken));
            return states;
        }
    }

    // What the encoder returned was finite.
    private static InvalidSettingException TooLarge(IEnumerable<float> weights) => new("Prompt", string.Create(
        CultureInfo.InvariantCulture, $"The prompt has a weight of {weights.MaxBy(Math.Abs):G3}, which makes its values too large. Give a weight nearer to 1; weights from 0 to 2 are usual."));

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
