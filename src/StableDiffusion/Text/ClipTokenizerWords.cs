using System.Globalization;
using System.Text;

namespace StableDiffusion.Text;

/// <summary>
/// Splits normalized text into words that are encoded separately, as CLIP's expression
/// <c>'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+</c> does. It is written by hand because .NET's regular
/// expressions use UTF-16 units, so that letters beyond the Basic Multilingual Plane would count as punctuation.
/// </summary>
/// <param name="text">The normalized text.</param>
internal ref struct ClipTokenizerWords(ReadOnlySpan<char> text)
{
    private const int BracketLength = 2;

    private static readonly string[] s_contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    // The expression also has these. In lower case they are not special tokens but three words each.
    private static readonly string[] s_markers = ["<|startoftext|>", "<|endoftext|>"];

    private readonly ReadOnlySpan<char> _text = text;
    private int _position;
    private int _markerEnd = -1;

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>Finds the next word.</summary>
    /// <param name="start">Its start.</param>
    /// <param name="length">Its length.</param>
    /// <returns>False if only spaces are left.</returns>
    public bool TryReadNext(out int start, out int length)
    {
        Kind kind = Kind.Space;
        int runeLength = 0;
        while (_position < _text.Length && (kind = KindAt(_position, out runeLength)) == Kind.Space)
            _position += runeLength;

        start = _position;
        if (start == _text.Length)
        {
            length = 0;
            return false;
        }

        length = kind == Kind.Other ? SetWordLength(start) : 0;
        if (length == 0)
        {
            length = runeLength;
            while (kind != Kind.Number && start + length < _text.Length && KindAt(start + length, out runeLength) == kind)
                length += runeLength;
        }

        _position = start + length;
        return true;
    }

    private int SetWordLength(int start)
    {
        if (start == _markerEnd - BracketLength)
            return BracketLength;

        ReadOnlySpan<char> rest = _text[start..];
        foreach (string contraction in s_contractions)
        {
            if (rest.StartsWith(contraction, StringComparison.Ordinal))
                return contraction.Length;
        }

        foreach (string marker in s_markers)
        {
            if (rest.StartsWith(marker, StringComparison.Ordinal))
            {
                _markerEnd = start + marker.Length;
                return BracketLength;
            }
        }

        return 0;
    }

    private readonly Kind KindAt(int index, out int length)
    {
        Rune.DecodeFromUtf16(_text[index..], out Rune rune, out length);
        if (Rune.IsWhiteSpace(rune))
            return Kind.Space;

        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Other,
        };
    }
}
