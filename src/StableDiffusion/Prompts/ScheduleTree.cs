using System.Runtime.InteropServices;

namespace StableDiffusion.Prompts;

/// <summary>
/// A scheduled prompt as a tree of slices of the source, schedules and alternations. It is parsed in one pass with a stack of
/// open brackets: a bracket that fits no rule, or that never closes, is text, and so are all brackets around it.
/// </summary>
internal sealed class ScheduleTree
{
    private const int None = -1;
    private const string StrayBar = "This | is not between the choices of an alternation [a|b], so the whole prompt is read as text and nothing in it is scheduled. Write \\| for a plain bar.";
    private const string MixedBar = "Brackets with both | and : are neither an alternation nor a schedule, so the whole prompt is read as text. Put one in its own brackets within the other, as in [[a|b]:c:0.5].";
    private const string StrayBackslash = "With a backslash at the end of the prompt or of a line, the whole prompt is read as text and nothing in it is scheduled. Remove it.";
    private const string NoNumber = "The last part of [from:to:when] is not a number, so the brackets are read as text. Write the share of the steps, such as 0.5, or the step, such as 10.";
    private const string TooManyParts = "Brackets with more parts than from, to and when are not a schedule and are read as text. Write \\: for a plain colon.";

    private readonly string _text;
    private readonly List<Node> _nodes = [];
    private readonly List<Part> _parts = [];
    private readonly List<Bracket> _open = [];
    private DiagnosticSink _sink;
    private Chain _root = Chain.Empty;

    /// <summary>The number of schedules and alternations, including those that a fault turns into text.</summary>
    private int _choices;

    /// <summary>The position of the first fault that turns the whole prompt into text.</summary>
    private int _faultIndex = None;
    private string _fault = "";

    private ScheduleTree(string text, ICollection<PromptDiagnostic>? diagnostics)
    {
        _text = text;
        _sink = new DiagnosticSink(diagnostics);
    }

    private enum NodeKind
    {
        Text,
        Schedule,
        Alternation,
    }

    /// <summary>Whether the text depends on the step.</summary>
    public bool HasChoices => _faultIndex == None && _choices > 0;

    public static ScheduleTree Parse(string text, ICollection<PromptDiagnostic>? diagnostics)
    {
        ScheduleTree tree = new(text, diagnostics);
        tree.Read();
        return tree;
    }

    /// <summary>The steps after which the text may change, in order, ending with the last step.</summary>
    public IEnumerable<int> Changes(int steps)
    {
        SortedSet<int> changes = [steps];
        foreach (Node node in _nodes)
        {
            if (node.Kind == NodeKind.Alternation)
            {
                return Enumerable.Range(1, steps);
            }

            if (node.Kind == NodeKind.Schedule && node.When.LastStep(steps) is >= 1 and int step)
            {
                changes.Add(step);
            }
        }

        return changes;
    }

    /// <summary>The text at a step, counted from 1.</summary>
    public (string Text, SourceMap Map) TextAt(int step, int steps)
    {
        SourceMap.Builder builder = new(_text);
        Stack<int> after = new();
        int current = _root.Head;
        while (current != None || after.TryPop(out current))
        {
            if (current == None)
            {
                continue;
            }

            Node node = _nodes[current];
            if (node.Kind == NodeKind.Text)
            {
                builder.Append(node.Start, node.Length);
                current = node.Next;
                continue;
            }

            int part = node.Kind == NodeKind.Alternation
                ? (step - 1) % node.PartCount
                : node.PartAt(step, steps);
            after.Push(node.Next);
            current = part == None ? None : HeadOf(node, part);
        }

        return builder.Take();
    }

    private int HeadOf(Node node, int part)
    {
        int index = node.FirstPart;
        for (int i = 0; i < part; i++)
        {
            index = _parts[index].Next;
        }

        return _parts[index].Content.Head;
    }

    private void Read()
    {
        int index = 0;
        while (index < _text.Length)
        {
            int plain = _text.AsSpan(index).IndexOfAny("\\()[]:|");
            int end = plain < 0 ? _text.Length : index + plain;
            if (end > index)
            {
                AppendText(index, end - index);
                index = end;
            }
            else
            {
                index = ReadSyntax(index);
            }
        }

        MakeTextOfOpenBrackets();

        // Without a schedule the prompt is text either way, and nothing is lost.
        if (_faultIndex != None && _choices > 0)
        {
            _sink.Add(_faultIndex, _fault);
        }
    }

    /// <summary>Reads an escape, a bracket or a separator and returns the index after it.</summary>
    private int ReadSyntax(int index)
    {
        char character = _text[index];
        switch (character)
        {
            case '\\' when index + 1 < _text.Length && _text[index + 1] != '\n':
                AppendText(index, 2);
                return index + 2;

            case '\\':
                Fail(index, StrayBackslash);
                AppendText(index, 1);
                break;

            case '(' or '[':
                int part = AddPart(index + 1);
                _open.Add(new Bracket(index, part, part));
                break;

            case ')' or ']':
                if (!TryClose(index))
                {
                    MakeTextOfOpenBrackets();
                    AppendText(index, 1);
                }

                break;

            case ':' when _open.Count > 0:
                Separate(index);
                CollectionsMarshal.AsSpan(_open)[^1].Colons++;
                break;

            case '|' when _open.Count > 0 && IsSquare(_open[^1]):
                Separate(index);
                CollectionsMarshal.AsSpan(_open)[^1].Bars++;
                break;

            default:
                if (character == '|')
                {
                    Fail(index, StrayBar);
                    MakeTextOfOpenBrackets();
                }

                AppendText(index, 1);
                break;
        }

        return index + 1;
    }

    private bool IsSquare(Bracket bracket) => _text[bracket.Index] == '[';

    /// <summary>Closes the innermost bracket if it is of the right kind and its contents fit a rule.</summary>
    private bool TryClose(int index)
    {
        if (_open.Count == 0 || IsSquare(_open[^1]) != (_text[index] == ']'))
        {
            return false;
        }

        Bracket bracket = _open[^1];
        if (bracket.Bars > 0)
        {
            if (bracket.Colons > 0)
            {
                _choices++;
                Fail(bracket.Index, MixedBar);
                return false;
            }

            CloseAs(new Node(NodeKind.Alternation) { FirstPart = bracket.FirstPart, PartCount = bracket.Bars + 1 });
            return true;
        }

        bool isEmphasis = bracket.Colons == 0 || (!IsSquare(bracket) && bracket.Colons == 1);
        if (isEmphasis)
        {
            _open.RemoveAt(_open.Count - 1);
            AppendAsText(bracket);
            AppendText(index, 1);
            return true;
        }

        if (!IsSquare(bracket))
        {
            return false;
        }

        int lastPart = _parts[bracket.LastPart].Start;
        bool isNumber = ScheduleTime.TryParse(_text.AsSpan(lastPart, index - lastPart), out ScheduleTime when);
        if (isNumber && bracket.Colons <= 2)
        {
            CloseAs(new Node(NodeKind.Schedule) { FirstPart = bracket.FirstPart, PartCount = bracket.Colons, When = when });
            return true;
        }

        if (isNumber)
        {
            _sink.Add(bracket.Index, TooManyParts);
        }
        else if (bracket.Colons == 2)
        {
            _sink.Add(lastPart, NoNumber);
        }

        return false;
    }

    private void CloseAs(Node node)
    {
        _choices++;
        _open.RemoveAt(_open.Count - 1);
        Append(node);
    }

    private void MakeTextOfOpenBrackets()
    {
        if (_open.Count == 0)
        {
            return;
        }

        Bracket[] brackets = [.. _open];
        _open.Clear();
        foreach (Bracket bracket in brackets)
        {
            if (bracket.Bars > 0)
            {
                _choices++;
                Fail(_parts[_parts[bracket.FirstPart].Next].Start - 1, StrayBar);
            }

            AppendAsText(bracket);
        }
    }

    /// <summary>Appends an opening bracket, its parts and the separators between them.</summary>
    private void AppendAsText(Bracket bracket)
    {
        for (int i = bracket.FirstPart; i != None; i = _parts[i].Next)
        {
            // The opening bracket or the separator.
            AppendText(_parts[i].Start - 1, 1);
            Append(_parts[i].Content);
        }
    }

    private void Fail(int index, string fault)
    {
        if (_faultIndex == None)
        {
            _faultIndex = index;
            _fault = fault;
        }
    }

    private int AddPart(int start)
    {
        _parts.Add(new Part(start, Chain.Empty, None));
        return _parts.Count - 1;
    }

    private void Separate(int index)
    {
        int part = AddPart(index + 1);
        ref Bracket bracket = ref CollectionsMarshal.AsSpan(_open)[^1];
        _parts[bracket.LastPart] = _parts[bracket.LastPart] with { Next = part };
        bracket.LastPart = part;
    }

    private void AppendText(int start, int length) => Append(new Node(NodeKind.Text) { Start = start, Length = length });

    private void Append(Node node)
    {
        _nodes.Add(node);
        Append(new Chain(_nodes.Count - 1, _nodes.Count - 1));
    }

    private void Append(Chain chain)
    {
        if (_open.Count == 0)
        {
            _root = Join(_root, chain);
        }
        else
        {
            int part = _open[^1].LastPart;
            _parts[part] = _parts[part] with { Content = Join(_parts[part].Content, chain) };
        }
    }

    private Chain Join(Chain first, Chain second)
    {
        if (first.Head == None || second.Head == None)
        {
            return first.Head == None ? second : first;
        }

        CollectionsMarshal.AsSpan(_nodes)[first.Tail].Next = second.Head;
        return new Chain(first.Head, second.Tail);
    }

    /// <summary>A slice of the source, or a choice between parts.</summary>
    private struct Node(NodeKind kind)
    {
        public readonly NodeKind Kind => kind;

        public int Start { get; init; }

        public int Length { get; init; }

        public int FirstPart { get; init; }

        public int PartCount { get; init; }

        public ScheduleTime When { get; init; }

        public int Next { get; set; } = None;

        /// <summary>The part of a schedule at a step; none before <c>[to:when]</c> starts.</summary>
        public readonly int PartAt(int step, int steps)
        {
            bool isAfter = step > When.LastStep(steps);
            return PartCount == 2 ? (isAfter ? 1 : 0) : (isAfter ? 0 : None);
        }
    }

    /// <summary>Consecutive nodes, from the first to the last.</summary>
    private readonly record struct Chain(int Head, int Tail)
    {
        public static Chain Empty => new(None, None);
    }

    /// <summary>The contents between brackets and separators, from an index of the source on.</summary>
    private readonly record struct Part(int Start, Chain Content, int Next);

    /// <summary>A bracket that is not closed yet.</summary>
    private struct Bracket(int index, int firstPart, int lastPart)
    {
        public readonly int Index => index;

        public readonly int FirstPart => firstPart;

        public int LastPart { get; set; } = lastPart;

        public int Colons { get; set; }

        public int Bars { get; set; }
    }
}
