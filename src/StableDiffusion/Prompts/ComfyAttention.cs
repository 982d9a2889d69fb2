namespace StableDiffusion.Prompts;

/// <summary>
/// The emphasis of ComfyUI (<c>comfy/sd1_clip.py</c>, <c>token_weights</c>): parentheses multiply the weight of the text
/// around them by 1.1, a weight in them replaces it, and only <c>\(</c> and <c>\)</c> are escapes.
/// </summary>
/// <remarks>
/// ComfyUI parses the contents of each group again. Here each parenthesis is matched once and the groups are put on a stack,
/// so that the time is linear in the length. Infinities and NaN, which ComfyUI accepts as weights, are text here.
/// </remarks>
internal sealed class ComfyAttention
{
    private const double Multiplier = 1.1;
    private const int NoParenthesis = -2;
    private const int Unmatched = -1;

    private readonly string _text;
    private readonly List<WeightedText> _result = [];
    private readonly Stack<Range> _pending = new();
    private DiagnosticSink _sink;

    /// <summary>For each index: the index of the matching closing parenthesis, <see cref="Unmatched"/> or <see cref="NoParenthesis"/>.</summary>
    private readonly int[] _close;

    /// <summary>For each index: the last colon at or before it, or -1.</summary>
    private readonly int[] _lastColon;

    /// <summary>For each index: the last parenthesis at or before it, or -1.</summary>
    private readonly int[] _lastParenthesis;

    public ComfyAttention(string text, ICollection<PromptDiagnostic>? diagnostics)
    {
        _text = text;
        _sink = new DiagnosticSink(diagnostics);
        _close = new int[text.Length];
        _lastColon = new int[text.Length];
        _lastParenthesis = new int[text.Length];
        MatchParentheses();
    }

    public IReadOnlyList<WeightedText> Parse()
    {
        _pending.Push(new Range(0, _text.Length, 1.0));
        while (_pending.TryPop(out Range range))
        {
            Read(range);
        }

        if (_result.Count == 0)
        {
            _result.Add(new WeightedText("", 1.0, 0));
        }

        return _result;
    }

    private void MatchParentheses()
    {
        Stack<int> open = new();
        int colon = -1;
        int parenthesis = -1;
        for (int i = 0; i < _text.Length; i++)
        {
            _close[i] = NoParenthesis;
            if (IsEscape(i))
            {
                _lastColon[i] = colon;
                _lastParenthesis[i] = parenthesis;
                i++;
                _close[i] = NoParenthesis;
            }
            else if (_text[i] == ':')
            {
                colon = i;
            }
            else if (_text[i] == '(')
            {
                parenthesis = i;
                _close[i] = Unmatched;
                open.Push(i);
            }
            else if (_text[i] == ')')
            {
                parenthesis = i;
                _close[i] = Unmatched;
                if (open.TryPop(out int start))
                {
                    _close[start] = i;
                }
                else
                {
                    _sink.Add(i, "This ) closes nothing and is read as text, and so is the next (. Remove it, or write \\) for a plain parenthesis.");
                }
            }

            _lastColon[i] = colon;
            _lastParenthesis[i] = parenthesis;
        }

        int[] unclosed = [.. open];
        Array.Reverse(unclosed);
        foreach (int start in unclosed)
        {
            _sink.Add(start, "This ( is never closed. Close it with ), or write \\( for a plain parenthesis.");
        }
    }

    /// <summary>Reads a range up to its first group, and leaves the group and the rest for later.</summary>
    private void Read(Range range)
    {
        // Each ) without a ( also takes the meaning from a later (, since ComfyUI only counts levels.
        int missing = 0;
        for (int i = range.Start; i < range.End; i++)
        {
            if (_close[i] == NoParenthesis)
            {
                continue;
            }

            if (_text[i] == ')')
            {
                missing++;
            }
            else if (missing > 0)
            {
                missing--;
            }
            else
            {
                AddText(range.Start, i, range.Weight);
                int close = _close[i];
                if (close >= 0 && close < range.End)
                {
                    _pending.Push(new Range(close + 1, range.End, range.Weight));
                    PushGroup(i, close, range.Weight);
                }
                else if (IsClosing(range.End - 1))
                {
                    PushGroup(i, range.End - 1, range.Weight);
                }
                else
                {
                    AddText(i, range.End, range.Weight);
                }

                return;
            }
        }

        AddText(range.Start, range.End, range.Weight);
    }

    private void PushGroup(int open, int close, double weight)
    {
        int start = open + 1;
        int colon = close > start ? _lastColon[close - 1] : -1;
        if (colon > start && _lastParenthesis[close - 1] < colon)
        {
            ReadOnlySpan<char> number = _text.AsSpan(colon + 1, close - colon - 1);
            if (PromptNumber.TryParse(number, out double given))
            {
                _pending.Push(new Range(start, colon, given));
                return;
            }
        }

        _pending.Push(new Range(start, close, weight * Multiplier));
    }

    private void AddText(int start, int end, double weight)
    {
        if (start == end)
        {
            return;
        }

        SourceMap.Builder builder = new(_text);
        int from = start;
        for (int i = start; i < end; i++)
        {
            if (IsEscape(i))
            {
                builder.Append(from, i - from);
                from = i + 1;
                i++;
            }
        }

        builder.Append(from, end - from);
        int first = builder.Start;
        int length = builder.End - first;
        (string joined, SourceMap map) = builder.Take();
        _result.Add(new WeightedText(joined, weight, first, length, isBreak: false, map));
    }

    private bool IsEscape(int index) =>
        _text[index] == '\\' && index + 1 < _text.Length && _text[index + 1] is '(' or ')';

    private bool IsClosing(int index) => _text[index] == ')' && _close[index] != NoParenthesis;

    /// <summary>A part of the prompt that is not read yet, and the weight of its text.</summary>
    private readonly record struct Range(int Start, int End, double Weight);
}
