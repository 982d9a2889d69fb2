using System.Globalization;
using StableDiffusion.Prompts;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>
/// CLIP's text encoder: turns a prompt's tokens into the vectors that steer the U-Net. Source: Radford et al., arXiv 2103.00020.
/// </summary>
public sealed class TextEncoder : IDisposable
{
    private readonly IReadOnlyList<ClipEncoder> _encoders;
    private readonly string _model;

    /// <summary>Takes the model's encoders.</summary>
    /// <param name="encoders">One, or SDXL's two in the order in which the U-Net takes what they give.</param>
    /// <param name="model">The model's name.</param>
    internal TextEncoder(IReadOnlyList<ClipEncoder> encoders, string model)
    {
        _encoders = encoders;
        _model = model;
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
    /// <exception cref="AdapterInvalidException">A word of textual inversion was made for another family of models.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the encoder gave values that are not finite.</exception>
    public TextEmbedding Encode(string prompt, PromptOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
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

    /// <summary>Frees the graphs.</summary>
    public void Dispose()
    {
        foreach (ClipEncoder encoder in _encoders)
            encoder.Dispose();
    }

    /// <summary>Encodes texts that take turns in one run, as a whole: the mean that emphasis keeps is that of all of them.</summary>
    /// <param name="texts">The texts, their schedules resolved.</param>
    /// <param name="options">How they are read.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>An embedding for each text, all equally long.</returns>
    internal IReadOnlyList<TextVectors> EncodeTogether(IReadOnlyList<string> texts, PromptOptions options, CancellationToken cancellationToken) => _encoders
        .Select(encoder => Encode(encoder, [.. texts.Select(text => PromptChunker.Divide(encoder.TokenizerFor(options), text, options).Chunks)], options, cancellationToken))
        .Aggregate(static (first, second) => [.. first.Zip(second, TextVectors.Join)]);

    /// <summary>Takes what is no prompt off a prompt, and says what its syntax reads otherwise than it was probably meant.</summary>
    private static (string Text, IReadOnlyList<string> Warnings) Prepare(string prompt, PromptOptions options)
    {
        if (options.Syntax != PromptSyntax.A1111)
            return (prompt, []);

        string text = ExtraNetworks.Remove(prompt, out IReadOnlyList<ExtraNetwork> removed);
        List<string> warnings = [.. removed
            .Where(tag => !tag.IsLora || !options.LoraNames.Contains(tag.Name, StringComparer.OrdinalIgnoreCase))
            .Select(tag => tag.IsLora
                ? $"The prompt asks for {tag.Text}, but the model was opened without that LoRA; it was left out."
                : $"The prompt asks for {tag.Text}, which is not supported and was left out.")];
        if (options.Emphasis != EmphasisMode.None)
        {
            warnings.AddRange(PromptValidation.Check(text, PromptSyntax.A1111, DynamicPrompt.NominalSteps)
                .Select(finding => string.Create(CultureInfo.InvariantCulture, $"The prompt, column {finding.Column}: {finding.Message}")));
        }

        return (text, warnings);
    }

    private static TextVectors[] Encode(ClipEncoder encoder, IReadOnlyList<IReadOnlyList<PromptChunk>> prompts, PromptOptions options, CancellationToken cancellationToken)
    {
        int chunkCount = prompts.Max(prompt => prompt.Count);
        PromptChunk empty = PromptChunker.Empty(encoder.TokenizerFor(options));
        Tensor[] embeddings = new Tensor[prompts.Count];
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

            for (int i = 0; i < states.Length; i++)
                embeddings[i] = chunk == 0 ? states[i] : PromptWeighting.Append(embeddings[i], states[i]);
        }

        // A1111 and ComfyUI alike take the pooled state of the first stretch, whatever its weights.
        return [.. embeddings.Select((hiddenStates, index) => new TextVectors(hiddenStates, EncodeIds(prompts[index][0].Ids).PooledState))];

        TextVectors EncodeIds(int[] ids)
        {
            if (!encoded.TryGetValue(ids, out TextVectors? states))
                encoded.Add(ids, states = encoder.Encode(ids, options, cancellationToken));
            return states;
        }
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
