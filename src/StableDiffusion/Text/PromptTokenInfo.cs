namespace StableDiffusion.Text;

/// <summary>A token of a prompt as a text encoder receives it.</summary>
public sealed record PromptTokenInfo
{
    internal PromptTokenInfo()
    {
    }

    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>The text encoder: <c>text_encoder</c>, or <c>text_encoder_2</c> for SDXL's second one.</summary>
    public required string Encoder { get; init; }

    /// <summary>The text of the token. Bytes that are only a part of a character, or one that cannot be seen, are in hexadecimal: <c>&lt;E2 98&gt;</c>.</summary>
    public required string Piece { get; init; }

    /// <summary>Its id in the vocabulary; that of a vector of textual inversion is beyond the vocabulary.</summary>
    public required int TokenId { get; init; }

    /// <summary>Its position in its chunk, 0 for the mark of the start; null if it was cut off.</summary>
    public required int? Position { get; init; }

    /// <summary>The index of its chunk of 77 tokens, from 0; null if it was cut off.</summary>
    public required int? Chunk { get; init; }

    /// <summary>Its weight; 1 unless the prompt says otherwise.</summary>
    public required double Weight { get; init; }

    /// <summary>Whether a word ends with it, rather than going on in the next token.</summary>
    public required bool EndsWord { get; init; }

    /// <summary>Whether it marks the start or the end of a chunk.</summary>
    public required bool IsSpecial { get; init; }

    /// <summary>Whether it did not fit, so that the text encoder does not receive it.</summary>
    public required bool IsCut { get; init; }

    /// <summary>The entries of the vocabulary whose vectors have the most similar direction, the nearest first; empty if they were not asked for.</summary>
    public IReadOnlyList<TokenNeighbor> Neighbors { get; init; } = [];
}

/// <summary>An entry of the vocabulary near a token.</summary>
/// <param name="Piece">Its text, as in <see cref="PromptTokenInfo.Piece"/>.</param>
/// <param name="TokenId">Its id.</param>
/// <param name="Similarity">The cosine of the angle between the two vectors of the table of token embeddings, -1 to 1.</param>
/// <param name="EndsWord">Whether a word ends with it.</param>
public sealed record TokenNeighbor(string Piece, int TokenId, double Similarity, bool EndsWord)
{
    /// <summary>The entry as text.</summary>
    /// <returns>The piece, with a hyphen if the word goes on, and the similarity.</returns>
    public override string ToString() => PrintableText.Of($"{Piece}{(EndsWord ? string.Empty : "-")} {Similarity:F2}");
}
