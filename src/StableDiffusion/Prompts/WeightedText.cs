using System.Globalization;

namespace StableDiffusion.Prompts;

/// <summary>A segment of a prompt whose tokens have the same weight.</summary>
internal sealed class WeightedText
{
    private readonly SourceMap? _map;

    /// <summary>Creates a segment that is part of the prompt as it is, without escapes or brackets.</summary>
    /// <param name="text">The text.</param>
    /// <param name="weight">Its weight; 1 has no effect.</param>
    /// <param name="start">The index of its first character in the prompt.</param>
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

    /// <summary>The text to tokenize, with escapes resolved and without the brackets and weights around it.</summary>
    public string Text { get; }

    /// <summary>
    /// The factor of the token vectors; 1 has no effect. May be zero or negative, and is finite unless huge weights are nested.
    /// </summary>
    public double Weight { get; }

    /// <summary>The index of the text's first character in the prompt; for an empty text, its position.</summary>
    public int Start { get; }

    /// <summary>
    /// The number of characters of the prompt from the first to the last one of the text, including escapes, brackets and weights
    /// between them.
    /// </summary>
    public int Length { get; }

    /// <summary>
    /// Whether this is not text but the keyword <c>BREAK</c>, which ends the chunk of 75 tokens (A1111 only).
    /// <see cref="Text"/> is then <c>BREAK</c> and <see cref="Weight"/> -1.
    /// </summary>
    public bool IsBreak { get; }

    /// <summary>Returns the index in the prompt of a character of <see cref="Text"/>.</summary>
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
