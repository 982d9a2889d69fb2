using System.Globalization;
using System.Text;

namespace StableDiffusion.Text;

/// <summary>
/// A text as the tokenizer uses it (composed, in lower case), with the position of each character in the original.
/// </summary>
internal sealed class ClipTokenizerText
{
    // The only character whose lower case is two characters; .NET does not change it.
    private const char CapitalIWithDot = '\u0130';

    // Null if each character is at its original position.
    private readonly int[]? _starts;
    private readonly int[]? _ends;

    private ClipTokenizerText(string text, int[]? starts, int[]? ends)
    {
        Text = text;
        _starts = starts;
        _ends = ends;
    }

    /// <summary>The normalized text, without unpaired surrogates.</summary>
    public string Text { get; }

    /// <summary>Composes a text (NFC) and converts it to lower case, character by character and independent of the language.</summary>
    /// <param name="original">Any text.</param>
    /// <returns>The text with its original positions.</returns>
    public static ClipTokenizerText Normalize(ReadOnlySpan<char> original)
    {
        string text = Repair(original);
        if (Ascii.IsValid(text) || (text.IsNormalized(NormalizationForm.FormC) && !text.Contains(CapitalIWithDot)))
            return new ClipTokenizerText(text.ToLowerInvariant(), starts: null, ends: null);

        StringBuilder normalized = new(text.Length);
        List<int> starts = new(text.Length);
        List<int> ends = new(text.Length);
        for (int start = 0; start < text.Length;)
        {
            int length = WordLength(text.AsSpan(start));
            AddWord(text.Substring(start, length), start, normalized, starts, ends);
            start += length;
        }

        return new ClipTokenizerText(normalized.ToString(), [.. starts], [.. ends]);
    }

    /// <summary>The start of the original of a character.</summary>
    /// <param name="index">The character's index in <see cref="Text"/>; either half of a surrogate pair means both.</param>
    /// <returns>The index in the original.</returns>
    public int OriginalStart(int index)
    {
        if (char.IsLowSurrogate(Text[index]))
            index--;
        return _starts is null ? index : _starts[index];
    }

    /// <summary>The end of the original of a character.</summary>
    /// <param name="index">The character's index in <see cref="Text"/>; either half of a surrogate pair means both.</param>
    /// <returns>The index after it in the original.</returns>
    public int OriginalEnd(int index)
    {
        if (char.IsHighSurrogate(Text[index]))
            index++;
        return _ends is null ? index + 1 : _ends[index];
    }

    private static string Repair(ReadOnlySpan<char> original)
    {
        char[]? repaired = null;
        for (int i = 0; i < original.Length; i++)
        {
            if (!char.IsSurrogate(original[i]))
                continue;

            if (i + 1 < original.Length && char.IsSurrogatePair(original[i], original[i + 1]))
            {
                i++;
                continue;
            }

            repaired ??= original.ToArray();
            repaired[i] = '\uFFFD';
        }

        return repaired is null ? original.ToString() : new string(repaired);
    }

    // No composition extends over white space, so a text can be composed word by word.
    private static int WordLength(ReadOnlySpan<char> text)
    {
        int length = 1;
        while (length < text.Length && !char.IsWhiteSpace(text[length]))
            length++;
        return length;
    }

    private static void AddWord(string word, int offset, StringBuilder normalized, List<int> starts, List<int> ends)
    {
        string composed = word.Normalize(NormalizationForm.FormC);
        List<(int Start, int Length, string Composed)> elements = [];
        for (int start = 0; start < word.Length;)
        {
            int length = StringInfo.GetNextTextElementLength(word.AsSpan(start));
            elements.Add((start, length, word.Substring(start, length).Normalize(NormalizationForm.FormC)));
            start += length;
        }

        // If the composition extends over grapheme boundaries, the whole word is the original of each part.
        if (string.Concat(elements.Select(element => element.Composed)) != composed)
            elements = [(0, word.Length, composed)];

        foreach ((int start, int length, string element) in elements)
        {
            string lower = element.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);
            bool isUnchanged = lower.Length == length && element.AsSpan().SequenceEqual(word.AsSpan(start, length));
            for (int i = 0; i < lower.Length; i++)
            {
                starts.Add(offset + start + (isUnchanged ? i : 0));
                ends.Add(offset + start + (isUnchanged ? i + 1 : length));
            }

            normalized.Append(lower);
        }
    }
}
