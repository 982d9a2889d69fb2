using StableDiffusion.Prompts;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>An encoded prompt for the U-Net: one vector per token.</summary>
public sealed class TextEmbedding
{
    internal TextEmbedding(string prompt, PromptOptions options, TextVectors vectors, IReadOnlyList<int> tokenIds, IReadOnlyList<PromptToken> tokens, string model)
    {
        Prompt = prompt;
        Options = options;
        Vectors = vectors;
        TokenIds = tokenIds;
        WeightedTokens = tokens;
        Tokens = [.. tokens.Select(token => token.Text)];
        Model = model;
    }

    /// <summary>The prompt; of a merged embedding, its weights and prompts in words, which are no prompt themselves.</summary>
    public string Prompt { get; }

    /// <summary>The text encoder's hidden state, [1, tokens, width]; for prompts that change between steps, that of the first text.</summary>
    public Tensor HiddenStates => Vectors.HiddenStates;

    /// <summary>One vector for the whole prompt, [1, width], which SDXL's U-Net also uses; null for other models.</summary>
    public Tensor? PooledState => Vectors.PooledState;

    /// <summary>The token ids, including start, end and padding; 77, or a multiple of it. None if the embedding is merged from several.</summary>
    public IReadOnlyList<int> TokenIds { get; }

    /// <summary>The texts of the encoded tokens of the prompt itself.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>The encoded tokens of the prompt itself, with their weights and chunks.</summary>
    public IReadOnlyList<PromptToken> WeightedTokens { get; }

    /// <summary>The number of encoded tokens of the prompt itself.</summary>
    public int TokenCount => Tokens.Count;

    /// <summary>The words that did not fit; empty if the whole prompt did.</summary>
    public string LostText { get; internal init; } = string.Empty;

    /// <summary>The name of the model that encoded it.</summary>
    public string Model { get; }

    /// <summary>The full path of the file that it was read from or last written to; null if there is none.</summary>
    public string? Path { get; internal set; }

    /// <summary>The model that encoded it, with its hash; null if unknown.</summary>
    internal ModelMark? Maker { get; set; }

    /// <summary>The syntax of the prompt.</summary>
    public PromptSyntax PromptSyntax => Options.Syntax;

    /// <summary>The effect of weights in the prompt.</summary>
    public EmphasisMode Emphasis => Options.Emphasis;

    /// <summary>The layer of the text encoder that was used, counted from the last one, 1.</summary>
    public int ClipSkip => Options.ClipSkip;

    /// <summary>Warnings about parts of the prompt that are not supported or are probably not meant as they are read.</summary>
    public IReadOnlyList<string> Warnings { get; internal init; } = [];

    /// <summary>The LoRAs that the text encoder was opened with, each as text with its strengths; use the same for the U-Net.</summary>
    public IReadOnlyList<string> Lora => Options.Loras;

    /// <summary>The names of the textual inversion embeddings that were available to the prompt.</summary>
    public IReadOnlyList<string> TextualInversion => [.. Options.TextualInversions.Select(word => word.Name)];

    /// <summary>The stages that made it, in their order; null if unknown.</summary>
    public StageList? Stages { get; internal set; }

    internal PromptOptions Options { get; }

    internal TextVectors Vectors { get; }

    /// <summary>The prompt without tags if it changes between steps or consists of several, and so is resolved for each run; otherwise null.</summary>
    internal string? DynamicText { get; init; }

    /// <summary>Whether it was merged from several, so that its vectors belong to no tokens.</summary>
    internal bool IsMerged => TokenIds.Count == 0 && !IsNothing;

    /// <summary>Whether it means no prompt, rather than an empty one.</summary>
    internal bool IsNothing { get; private init; }

    /// <summary>All values, one after another.</summary>
    internal ReadOnlySpan<float> Values => PooledState is null ? HiddenStates.Span : (float[])[.. HiddenStates.Span, .. PooledState.Span];

    /// <summary>The stages that made the values as they are now.</summary>
    internal StageList Origin() => StageList.Of(Stages, Values);

    /// <summary>The negative conditioning of SDXL if there is no negative prompt: zeros.</summary>
    /// <param name="like">The embedding of the prompt.</param>
    internal static TextEmbedding Nothing(TextEmbedding like) =>
        new(string.Empty, like.Options, TextVectors.Zeros(like.Vectors), [], [], like.Model) { IsNothing = true };

    /// <summary>The embedding as the text encoder made it, with values of its own, which do not change with those of this one.</summary>
    internal TextEmbedding Copy() => new(Prompt, Options, new TextVectors(HiddenStates.Clone(), PooledState?.Clone()), [.. TokenIds], WeightedTokens, Model)
    {
        LostText = LostText,
        Warnings = Warnings,
        DynamicText = DynamicText,
        IsNothing = IsNothing,
    };

    /// <summary>Checks that the values are finite; the caller may have written to the arrays.</summary>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    internal void CheckFinite()
    {
        if ((HiddenStates.FindUnusable() ?? PooledState?.FindUnusable()) is string fault)
            throw new NotFiniteException($"The embedding of '{Prompt}' contains a value that is {fault}. Make it again.") { Remedy = Remedy.EncodePrompt };
    }

    /// <summary>The embedding as text.</summary>
    /// <returns>The prompt and the shape of the embedding.</returns>
    public override string ToString() => PrintableText.Of($"'{Prompt}' {HiddenStates}");
}
