namespace StableDiffusion.Text;

/// <summary>A prompt as input of one text encoder: start, tokens, end, and padding up to a fixed length.</summary>
internal sealed class TokenizedPrompt
{
    internal TokenizedPrompt(int[] ids, string[] tokens, string lostText)
    {
        Ids = ids;
        Tokens = tokens;
        LostText = lostText;
    }

    /// <summary>The ids; their number is <see cref="ClipTokenizer.MaxLength"/>.</summary>
    public IReadOnlyList<int> Ids { get; }

    /// <summary>The readable texts of the tokens between start and end.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>The number of tokens between start and end.</summary>
    public int Count => Tokens.Count;

    /// <summary>The words of the prompt that did not fit, from the first one that was cut off; empty if all did.</summary>
    public string LostText { get; }

    /// <summary>The tokens as one text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Join('|', Tokens);
}
