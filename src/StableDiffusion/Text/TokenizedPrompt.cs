namespace StableDiffusion.Text;

/// <summary>A prompt as one text encoder takes it: start, tokens, end, and padding up to a fixed length.</summary>
public sealed class TokenizedPrompt
{
    internal TokenizedPrompt(int[] ids, string[] tokens, string lostText)
    {
        Ids = ids;
        Tokens = tokens;
        LostText = lostText;
    }

    /// <summary>The ids, <see cref="ClipTokenizer.MaxLength"/> of them.</summary>
    public IReadOnlyList<int> Ids { get; }

    /// <summary>The tokens between start and end as a person reads them.</summary>
    public IReadOnlyList<string> Tokens { get; }

    /// <summary>How many tokens stand between start and end.</summary>
    public int Count => Tokens.Count;

    /// <summary>The words of the prompt that found no room, from the first one that was cut; empty if all fitted.</summary>
    public string LostText { get; }

    /// <summary>The tokens in a line.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Join('|', Tokens);
}
