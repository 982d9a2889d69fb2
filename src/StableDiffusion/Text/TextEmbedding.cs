using StableDiffusion.Prompts;
using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>A prompt as the U-Net takes it: one vector a token, which say what the picture should show.</summary>
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

    /// <summary>The prompt.</summary>
    public string Prompt { get; }

    /// <summary>The text encoder's hidden state, [1, tokens, width]; that of the text in force first where it changes from step to step.</summary>
    public Tensor HiddenStates => Vectors.HiddenStates;

    /// <summary>One vector for the whole prompt, [1, width], which SDXL's U-Net takes as well; null for other models.</summary>
    public Tensor? PooledState => Vectors.PooledState;

    /// <summary>The id of each token with start, end and padding; 77 of them, or a multiple.</summary>
    public IReadOnlyList<int> TokenIds { get; }

    /// <summary>The text of each of the prompt's own tokens that were taken in.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>The prompt's own tokens that were taken in, each with its weight and the stretch of 77 tokens that it lies in.</summary>
    public IReadOnlyList<PromptToken> WeightedTokens { get; }

    /// <summary>How many of the prompt's own tokens were taken in.</summary>
    public int TokenCount => Tokens.Count;

    /// <summary>The words that no longer fitted, empty where the whole prompt did.</summary>
    public string LostText { get; internal init; } = string.Empty;

    /// <summary>The model whose text encoder made it.</summary>
    public string Model { get; }

    /// <summary>Whose syntax the prompt is in.</summary>
    public PromptSyntax PromptSyntax => Options.Syntax;

    /// <summary>What weights in the prompt do.</summary>
    public EmphasisMode Emphasis => Options.Emphasis;

    /// <summary>The layer of the text encoder that it comes from, counted from the last one, 1.</summary>
    public int ClipSkip => Options.ClipSkip;

    /// <summary>What in the prompt could not be honoured, or is read otherwise than it was probably meant.</summary>
    public IReadOnlyList<string> Warnings { get; internal init; } = [];

    /// <summary>The LoRAs that the text encoder was opened with, each as text with its strengths; the U-Net is to have the same.</summary>
    public IReadOnlyList<string> Lora => Options.Loras;

    /// <summary>The names of the textual inversion embeddings that the prompt might use.</summary>
    public IReadOnlyList<string> TextualInversion => [.. Options.TextualInversions.Select(word => word.Name)];

    internal PromptOptions Options { get; }

    internal TextVectors Vectors { get; }

    /// <summary>The prompt without what is no prompt, where it changes from step to step or is several in one and is resolved for each run; else null.</summary>
    internal string? DynamicText { get; init; }

    /// <summary>Whether it stands for no prompt at all rather than for an empty one.</summary>
    internal bool IsNothing { get; private init; }

    /// <summary>What SDXL takes where there is no negative prompt: zeros.</summary>
    /// <param name="like">An embedding of the prompt that it is set against.</param>
    internal static TextEmbedding Nothing(TextEmbedding like) =>
        new(string.Empty, like.Options, TextVectors.Zeros(like.Vectors), [], [], like.Model) { IsNothing = true };

    /// <summary>The prompt in short.</summary>
    /// <returns>The prompt and the embedding's shape.</returns>
    public override string ToString() => $"'{Prompt}' {HiddenStates}";
}
