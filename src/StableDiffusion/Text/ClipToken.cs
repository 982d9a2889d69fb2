namespace StableDiffusion.Text;

/// <summary>One token of a prompt.</summary>
/// <param name="Id">The token's number in the vocabulary.</param>
/// <param name="Text">The token as a person reads it; a part of a character shows as U+FFFD.</param>
/// <param name="Start">Where in the prompt the token's text starts, in UTF-16 units.</param>
/// <param name="Length">
/// How much of the prompt it covers. Tokens that are parts of one character cover the same text.
/// </param>
public readonly record struct ClipToken(int Id, string Text, int Start, int Length);
