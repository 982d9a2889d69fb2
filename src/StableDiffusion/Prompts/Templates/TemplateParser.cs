using System.Globalization;
using System.Text;

namespace StableDiffusion.Prompts.Templates;

/// <summary>Reads templates in the syntax of Dynamic Prompts. Source: docs/SYNTAX.md of sd-dynamic-prompts.</summary>
/// <param name="text">The template.</param>
internal sealed class TemplateParser(string text)
{
    private const int DeepestNesting = 64;
    private const int MostChosen = 100;
    private const int MostParts = 1000;
    private const string WildcardMark = "__";
    private const string CountMark = "$$";
    private const string DefaultSeparator = ",";

    private int _position;
    private int _depth;
    private int _parts;
    private int _variants;

    // What ends the text of a part, beside what begins another one.
    private enum Surroundings
    {
        Top,
        Braces,
        WildcardPath,
    }

    /// <summary>Reads the whole template.</summary>
    /// <exception cref="InvalidSettingException">A bracket is not closed, or the template is nested too deeply.</exception>
    public TemplateNode Parse() => Sequence(Surroundings.Top);

    private static InvalidSettingException Invalid(string fault) => new("Prompt", $"The template cannot be read. {fault}");

    private bool IsAtEnd => _position >= text.Length;

    private bool At(string token) => string.CompareOrdinal(text, _position, token, 0, token.Length) == 0;

    private bool Take(string token)
    {
        if (!At(token))
            return false;
        _position += token.Length;
        return true;
    }

    private void Expect(string token, int start, string what)
    {
        if (!Take(token))
            throw Invalid($"Column {start + 1}: {what} is not closed by '{token}'.");
    }

    private void SkipSpace()
    {
        while (!IsAtEnd && char.IsWhiteSpace(text[_position]))
            _position++;
    }

    private TemplateNode Sequence(Surroundings surroundings)
    {
        if (++_depth > DeepestNesting)
            throw Invalid($"Column {_position + 1}: the template is nested more than {DeepestNesting} levels deep.");
        List<TemplateNode> parts = [];
        StringBuilder literal = new();
        bool isBlank = true;
        while (!IsAtEnd && !Ends(surroundings))
        {
            bool isStart = isBlank && (At("//") || At("/*"));
            if (isStart)
                literal.Clear();
            if (SkipComment(isStart))
                continue;
            if (Special(surroundings) is TemplateNode node)
            {
                Flush();
                parts.Add(node);
                if (++_parts > MostParts)
                    throw Invalid($"Column {_position}: there are more than {MostParts} parts that vary.");
            }
            else
            {
                isBlank &= char.IsWhiteSpace(text[_position]);
                literal.Append(text[_position++]);
            }
        }

        Flush();
        _depth--;
        return parts.Count == 1 && parts[0] is not AssignmentNode ? parts[0] : new SequenceNode(parts);

        void Flush()
        {
            if (literal.Length > 0)
                parts.Add(new LiteralNode(literal.ToString()));
            literal.Clear();
            isBlank = true;
        }
    }

    private bool Ends(Surroundings surroundings) => surroundings switch
    {
        Surroundings.Braces => text[_position] is '|' or '}' || At(CountMark),
        Surroundings.WildcardPath => text[_position] is '(' or ')' || At(WildcardMark),
        _ => false,
    };

    // '#' begins a comment anywhere; the other two only where a part begins, since '//' is in addresses.
    private bool SkipComment(bool isStart)
    {
        if (text[_position] == '#' || (isStart && At("//")))
        {
            while (!IsAtEnd && text[_position] is not ('\n' or '\r'))
                _position++;
            return true;
        }

        if (!isStart)
            return false;
        int end = text.IndexOf("*/", _position + 2, StringComparison.Ordinal);
        _position = end < 0 ? text.Length : end + 2;
        return true;
    }

    private TemplateNode? Special(Surroundings surroundings)
    {
        int start = _position;
        if (Take("${"))
            return Variable(start, canAssign: surroundings == Surroundings.Top);
        if (surroundings != Surroundings.WildcardPath && Take("%{"))
            return Wrap(start);
        if (Take("{"))
            return Variants(start);
        return surroundings != Surroundings.WildcardPath && Take(WildcardMark) ? Wildcard(start) : null;
    }

    private DrawMethod? Method()
    {
        DrawMethod? method = IsAtEnd ? null : text[_position] switch
        {
            '~' => DrawMethod.Random,
            '!' => DrawMethod.All,
            '@' => DrawMethod.Cyclical,
            _ => null,
        };
        if (method is not null)
            _position++;
        return method;
    }

    private VariantsNode Variants(int start)
    {
        string name = (++_variants).ToString(CultureInfo.InvariantCulture);
        SkipSpace();
        DrawMethod? method = Method();
        (int Least, int Most, string Separator)? count = Count();
        List<VariantOption> options = [];
        do
        {
            SkipSpace();
            double weight = Weight();
            options.Add(new VariantOption(Sequence(Surroundings.Braces), weight));
        }
        while (Take("|"));
        Expect("}", start, "the brace");
        (int least, int most, string separator) = count ?? (1, 1, DefaultSeparator);
        most = Math.Min(most, options is [{ Value: WildcardNode }] ? MostChosen : options.Count);
        return new VariantsNode(options, Math.Min(least, most), most, separator, name) { Method = method };
    }

    // "2$$", "1-3$$", "-3$$", "2-$$", each with a separator after it or not.
    private (int Least, int Most, string Separator)? Count()
    {
        int start = _position;
        int? least = Integer();
        bool isRange = Take("-");
        int? most = isRange ? Integer() : least;
        if ((least is null && most is null) || !Take(CountMark))
        {
            _position = start;
            return null;
        }

        (int first, int second) = (least ?? 1, most ?? MostChosen);
        if (Math.Min(first, second) > MostChosen)
            throw Invalid($"Column {start + 1}: at most {MostChosen} values can be chosen at once.");
        return (Math.Min(first, second), Math.Min(Math.Max(first, second), MostChosen), Separator());
    }

    private string Separator()
    {
        int end = text.IndexOfAny(['$', '{', '}'], _position);
        if (end <= _position || string.CompareOrdinal(text, end, CountMark, 0, CountMark.Length) != 0)
            return DefaultSeparator;
        string separator = text[_position..end];
        _position = end + CountMark.Length;
        return separator;
    }

    private int? Integer()
    {
        int start = _position;
        while (!IsAtEnd && char.IsAsciiDigit(text[_position]))
            _position++;
        if (_position == start)
            return null;
        return int.TryParse(text.AsSpan(start, _position - start), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : int.MaxValue;
    }

    private double Weight()
    {
        int end = _position;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
            end++;
        if (end == _position || string.CompareOrdinal(text, end, "::", 0, 2) != 0 || !double.TryParse(text.AsSpan(_position, end - _position), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double weight) || !double.IsFinite(weight))
            return 1;
        _position = end + 2;
        return weight;
    }

    private WildcardNode Wildcard(int start)
    {
        DrawMethod? method = Method();
        TemplateNode path = Sequence(Surroundings.WildcardPath);
        Dictionary<string, TemplateNode> variables = new(StringComparer.Ordinal);
        if (Take("("))
        {
            int end = text.IndexOf(')', _position);
            if (end < 0)
                throw Invalid($"Column {_position}: the bracket is not closed by ')'.");
            foreach (string pair in text[_position..end].Split(','))
            {
                int equals = pair.IndexOf('=', StringComparison.Ordinal);
                string name = (equals < 0 ? pair : pair[..equals]).Trim();
                variables[name] = equals < 0 ? new LiteralNode(string.Empty) : new TemplateParser(pair[(equals + 1)..].Trim()) { _depth = _depth }.Parse();
            }

            _position = end + 1;
            SkipSpace();
        }

        Expect(WildcardMark, start, "the wildcard");
        if (path is SequenceNode { Parts.Count: 0 })
            throw Invalid($"Column {start + 1}: the wildcard has no name.");
        return new WildcardNode(path, variables) { Method = method };
    }

    private TemplateNode Variable(int start, bool canAssign)
    {
        SkipSpace();
        int nameStart = _position;
        while (!IsAtEnd && (char.IsAsciiLetterOrDigit(text[_position]) || text[_position] is '_' or '-'))
            _position++;
        string name = text[nameStart.._position];
        if (name.Length == 0 || char.IsAsciiDigit(name[0]))
            throw Invalid($"Column {start + 1}: the variable has no name. A name begins with a letter.");
        SkipSpace();
        TemplateNode node;
        bool keeps = At("?=") && Take("?");
        if (Take("="))
        {
            if (!canAssign)
                throw Invalid($"Column {start + 1}: the variable '{name}' is set inside braces. Set it outside of them.");
            bool isImmediate = Take("!");
            SkipSpace();
            node = new AssignmentNode(name, Sequence(Surroundings.Braces), isImmediate, keeps);
        }
        else if (Take(":"))
        {
            SkipSpace();
            node = new VariableNode(name, Sequence(Surroundings.Braces));
        }
        else
        {
            node = new VariableNode(name, null);
        }

        Expect("}", start, $"the variable '{name}'");
        return node;
    }

    private WrapNode Wrap(int start)
    {
        SkipSpace();
        TemplateNode wrapper = Sequence(Surroundings.Braces);
        Expect(CountMark, start, "the text around another one");
        SkipSpace();
        TemplateNode inner = Sequence(Surroundings.Braces);
        Expect("}", start, "the text around another one");
        return new WrapNode(wrapper, inner);
    }
}
