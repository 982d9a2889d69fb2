using StableDiffusion.Tensors;

namespace StableDiffusion.Text;

/// <summary>A prompt as the U-Net takes it: one vector a token, which say what the picture should show.</summary>
public sealed class TextEmbedding
{
    internal TextEmbedding(string prompt, TokenizedPrompt tokens, Tensor hiddenStates, string model)
    {
        Prompt = prompt;
        HiddenStates = hiddenStates;
        TokenIds = tokens.Ids;
        Tokens = tokens.Tokens;
        TokenCount = tokens.Count;
        LostText = tokens.LostText;
        Model = model;
    }

    /// <summary>The prompt.</summary>
    public string Prompt { get; }

    /// <summary>The text encoder's last hidden state, [1, tokens, width].</summary>
    public Tensor HiddenStates { get; }

    /// <summary>The id of each token with start, end and padding; 77 of them.</summary>
    public IReadOnlyList<int> TokenIds { get; }

    /// <summary>The text of each of the prompt's own tokens that were taken in.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>How many of the prompt's own tokens were taken in, at most 75.</summary>
    public int TokenCount { get; }

    /// <summary>The words that no longer fitted, empty where the whole prompt did.</summary>
    public string LostText { get; }

    /// <summary>The model whose text encoder made it.</summary>
    public string Model { get; }

    /// <summary>The prompt in short.</summary>
    /// <returns>The prompt and the embedding's shape.</returns>
    public override string ToString() => $"'{Prompt}' {HiddenStates}";
}
