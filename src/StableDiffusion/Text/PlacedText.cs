namespace StableDiffusion.Text;

/// <summary>Where the tokens of a text are in its embedding.</summary>
/// <param name="Tokens">The tokens of the text itself, in their order.</param>
/// <param name="ChunkLength">The number of vectors of a chunk, of which the first is that of the start.</param>
internal sealed record PlacedText(IReadOnlyList<PlacedToken> Tokens, int ChunkLength);

/// <summary>A token of a text and the vector of its embedding.</summary>
/// <param name="Text">The readable text of the token, in lower case.</param>
/// <param name="Position">The index of its vector in the embedding, from 0, the start of the first chunk.</param>
/// <param name="EndsWord">Whether a word ends with it.</param>
internal sealed record PlacedToken(string Text, int Position, bool EndsWord);
