using System.Runtime.InteropServices;

namespace StableDiffusion.Prompts;

/// <summary>
/// The emphasis of A1111 (<c>modules/prompt_parser.py</c>, <c>parse_prompt_attention</c>). Round and square brackets are
/// independent of each other and need not nest; one that is never closed applies to the rest of the prompt.
/// </summary>
/// <remarks>
/// A bracket multiplies the weights within it when it closes, in A1111's order, so that the doubles are equal. There are two
/// differences, both for prompts without a sensible meaning: a weight that is not a number (<c>(a:1.2.3)</c>, an unhandled
/// error in A1111) is text here, and a bracket nested in a thousand others of its kind has no weight, which bounds the time.
/// </remarks>
internal sealed class A1111Attention(string text, ICollection<PromptDiagnostic>? diagnostics)
{
    /// <summary>1.1 to this power is beyond the range of float32, the type of the embeddings.</summary>
    public const int MaxDepth = 1000;

    private const double RoundMultiplier = 1.1;
    private const double SquareMultiplier = 1 / 1.1;
    private const string BreakKeyword = "BREAK";

    private readonly List<Piece> _pieces = [];
    private readonly List<double> _weights = [];
    private readonly List<Bracket> _round = [];
    private readonly List<Bracket> _square = [];
    private DiagnosticSink _sink = new(diagnostics);

    public IReadOnlyList<WeightedText> Parse()
    {
        int index = 0;
        while (index < text.Length)
        {
            index = ReadToken(index);
        }

        CloseRest(_round, RoundMultiplier, "This ( is never closed, so it emphasizes all that follows. Close it with ), or write \\( for a plain parenthesis.");
        CloseRest(_square, SquareMultiplier, "This [ is never closed, so it weakens all that follows. Close it with ], or write \\[ for a plain bracket.");
        return Join();
    }

    /// <summary>Reads one token and returns the index after it.</summary>
    private int ReadToken(int index)
    {
        switch (text[index])
        {
            case '\\':
                return ReadEscape(index);

            case '(':
                Open(_round, index);
                return index + 1;

            case '[':
                Open(_square, index);
                return index + 1;

            case ')' when _round.Count > 0:
                Close(_round, RoundMultiplier);
                return index + 1;

            case ']' when _square.Count > 0:
                Close(_square, SquareMultiplier);
                return index + 1;

            case ')':
                _sink.Add(index, "This ) closes nothing and is read as text. Remove it, or write \\) for a plain parenthesis.");
                AddText(index, index + 1);
                return index + 1;

            case ']':
                _sink.Add(index, "This ] closes nothing and is read as text. Remove it, or write \\] for a plain bracket.");
                AddText(index, index + 1);
                return index + 1;

            case ':':
                return ReadColon(index);

            default:
                int length = text.AsSpan(index).IndexOfAny("\\()[]:");
                int end = length < 0 ? text.Length : index + length;
                AddText(index, end);
                return end;
        }
    }

    /// <summary>A backslash escapes a bracket or a backslash; before any other character it is dropped.</summary>
    private int ReadEscape(int index)
    {
        bool escapes = index + 1 < text.Length && text[index + 1] is '(' or ')' or '[' or ']' or '\\';
        if (!escapes)
        {
            _sink.Add(index, "This backslash is dropped, since it escapes only ( ) [ ] and \\. Write \\\\ for a backslash.");
        }

        int length = escapes ? 1 : 0;
        Add(new Piece(index + 1, length, IsBreak: false));
        return index + 1 + length;
    }

    /// <summary>A colon ends emphasis if a number and a parenthesis follow; otherwise it is text.</summary>
    private int ReadColon(int index)
    {
        ReadOnlySpan<char> span = text;
        int numberStart = PromptCharacters.SkipSpace(span, index + 1);
        int digits = numberStart < span.Length && span[numberStart] is '+' or '-' ? numberStart + 1 : numberStart;
        int numberEnd = digits;
        while (numberEnd < span.Length)
        {
            if (span[numberEnd] == '.')
            {
                numberEnd++;
            }
            else if (PromptCharacters.TryGetDigit(span, numberEnd, out _, out int length))
            {
                numberEnd += length;
            }
            else
            {
                break;
            }
        }

        int close = PromptCharacters.SkipSpace(span, numberEnd);
        if (numberEnd == digits || close == span.Length || span[close] != ')')
        {
            AddText(index, index + 1);
            return index + 1;
        }

        if (_round.Count == 0)
        {
            _sink.Add(close, "This ) closes nothing, and the weight before it is read as text. Open a ( before its text, or write \\) for a plain parenthesis.");
            AddText(index, close + 1);
            return close + 1;
        }

        if (PromptNumber.TryParse(span[numberStart..numberEnd], out double weight))
        {
            Close(_round, weight);
        }
        else
        {
            _sink.Add(numberStart, $"'{Shorten(span[numberStart..numberEnd])}' is not a number, so it is read as text, and the weight of the parentheses is 1.1. Write a weight such as 1.2.");
            AddText(index, close);
            Close(_round, RoundMultiplier);
        }

        return close + 1;
    }

    /// <summary>Adds text, split at the keyword BREAK, which includes the white space around it.</summary>
    private void AddText(int start, int end)
    {
        ReadOnlySpan<char> token = text.AsSpan(start, end - start);
        int partStart = 0;
        int searched = 0;
        while (true)
        {
            int found = token[searched..].IndexOf(BreakKeyword, StringComparison.Ordinal);
            if (found < 0)
            {
                break;
            }

            int keyword = searched + found;
            searched = keyword + BreakKeyword.Length;
            if (!PromptCharacters.IsKeywordAt(token, keyword, BreakKeyword))
            {
                continue;
            }

            if (_round.Count > 0 || _square.Count > 0)
            {
                _sink.Add(start + keyword, "BREAK within brackets is weighted like text and no longer starts a new chunk. Close the brackets before it.");
            }

            int partLength = PromptCharacters.TrimmedLength(token[partStart..keyword]);
            Add(new Piece(start + partStart, partLength, IsBreak: false));
            Add(new Piece(start + keyword, BreakKeyword.Length, IsBreak: true));
            searched = PromptCharacters.SkipSpace(token, searched);
            partStart = searched;
        }

        Add(new Piece(start + partStart, token.Length - partStart, IsBreak: false));
    }

    private void Add(Piece piece)
    {
        _pieces.Add(piece);
        _weights.Add(piece.IsBreak ? -1.0 : 1.0);
    }

    private void Open(List<Bracket> brackets, int index)
    {
        if (brackets.Count == MaxDepth)
        {
            _sink.Add(index, $"This bracket is nested in {MaxDepth} others of its kind and has no weight. Remove some.");
        }

        brackets.Add(new Bracket(index, _pieces.Count));
    }

    private void Close(List<Bracket> brackets, double multiplier)
    {
        Bracket bracket = brackets[^1];
        if (brackets.Count <= MaxDepth)
        {
            MultiplyFrom(bracket.FirstPiece, multiplier);
        }

        brackets.RemoveAt(brackets.Count - 1);
    }

    private void CloseRest(List<Bracket> brackets, double multiplier, string message)
    {
        for (int i = 0; i < brackets.Count; i++)
        {
            _sink.Add(brackets[i].Index, message);
            if (i < MaxDepth)
            {
                MultiplyFrom(brackets[i].FirstPiece, multiplier);
            }
        }
    }

    private void MultiplyFrom(int piece, double multiplier)
    {
        Span<double> weights = CollectionsMarshal.AsSpan(_weights)[piece..];
        TensorPrimitives.Multiply(weights, multiplier, weights);
    }

    /// <summary>Joins neighbors of equal weight. If the result reads BREAK with the weight -1, it is a break, as in A1111.</summary>
    private List<WeightedText> Join()
    {
        List<WeightedText> result = [];
        SourceMap.Builder builder = new(text);
        for (int i = 0; i < _pieces.Count; i++)
        {
            builder.Append(_pieces[i].Start, _pieces[i].Length);
            if (i + 1 < _pieces.Count && _weights[i] == _weights[i + 1])
            {
                continue;
            }

            int start = builder.Start;
            int length = builder.End - start;
            (string joined, SourceMap map) = builder.Take();
            bool isBreak = _weights[i] == -1.0 && joined == BreakKeyword;
            result.Add(new WeightedText(joined, _weights[i], start, length, isBreak, map));
        }

        if (result.Count == 0)
        {
            result.Add(new WeightedText("", 1.0, 0));
        }

        return result;
    }

    private static string Shorten(ReadOnlySpan<char> value) =>
        value.Length <= 20 ? value.ToString() : string.Concat(value[..20], "…");

    /// <summary>A slice of the prompt that is text, or the keyword BREAK.</summary>
    private readonly record struct Piece(int Start, int Length, bool IsBreak);

    /// <summary>An open bracket and the number of pieces before it.</summary>
    private readonly record struct Bracket(int Index, int FirstPiece);
}
