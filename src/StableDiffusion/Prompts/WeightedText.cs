using System.Globalization;

namespace StableDiffusion.Prompts;

/// <summary>A stretch of a prompt whose tokens all have one weight.</summary>
public sealed class WeightedText
{
    private readonly SourceMap? _map;

    /// <summary>Makes a stretch that stands in the prompt as it is, without escapes or brackets within.</summary>
    /// <param name="text">The text.</param>
    /// <param name="weight">Its weight; 1 leaves the embedding as it is.</param>
    /// <param name="start">The index in the prompt of its first character.</param>
    public WeightedText(string text, double weight, int start)
    {
        ArgumentNullException.ThrowIfNull(text);

        Text = text;
        Weight = weight;
        Start = start;
        Length = text.Length;
    }

    internal WeightedText(string text, double weight, int start, int length, bool isBreak, SourceMap map)
    {
        Text = text;
        Weight = weight;
        Start = start;
        Length = length;
        IsBreak = isBreak;
        _map = map;
    }

    /// <summary>The text to tokenize: escapes resolved, the brackets and weights around it taken off.</summary>
    public string Text { get; }

    /// <summary>
    /// What the embeddings of the text's tokens are multiplied by; 1 leaves them as they are. May be zero or negative;
    /// finite unless huge weights are nested.
    /// </summary>
    public double Weight { get; }

    /// <summary>The index in the prompt of the text's first character; for an empty text, where it would stand.</summary>
    public int Start { get; }

    /// <summary>
    /// How many characters of the prompt lie from the text's first to its last one, with the escapes, brackets and
    /// weights between them.
    /// </summary>
    public int Length { get; }

    /// <summary>
    /// Whether this is no text but the keyword <c>BREAK</c>, which closes the chunk of 75 tokens (A1111 only).
    /// <see cref="Text"/> is then <c>BREAK</c> and <see cref="Weight"/> -1.
    /// </summary>
    public bool IsBreak { get; }

    /// <summary>The index in the prompt of a character of <see cref="Text"/>.</summary>
    /// <param name="index">The character's index in <see cref="Text"/>.</param>
    /// <returns>The index in the prompt.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The text has no such character.</exception>
    public int SourceIndex(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Text.Length);
        return _map is null ? Start + index : _map[index];
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"({Text}:{Weight})");
}
