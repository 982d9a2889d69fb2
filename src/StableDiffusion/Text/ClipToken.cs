namespace StableDiffusion.Text;

/// <summary>A token of a prompt.</summary>
/// <param name="Id">The id in the vocabulary.</param>
/// <param name="Text">The readable text of the token; a part of a character is shown as U+FFFD.</param>
/// <param name="Start">The start of the token in the prompt, in UTF-16 units.</param>
/// <param name="Length">
/// The number of UTF-16 units that it covers. Tokens that are parts of one character cover the same text.
/// </param>
internal readonly record struct ClipToken(int Id, string Text, int Start, int Length);
