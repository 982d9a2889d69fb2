using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace StableDiffusion.Prompts.Templates;

/// <summary>Draws the parts of templates. The order of all values is that of Dynamic Prompts' combinatorial generator.</summary>
/// <param name="wildcards">The lists for wildcards.</param>
/// <param name="random">The random choices.</param>
/// <param name="cancellationToken">Cancels the work.</param>
internal sealed partial class TemplateSampler(Wildcards wildcards, TemplateRandom random, CancellationToken cancellationToken)
{
    // More than that, and the template doubles something again and again.
    private const int MostChoices = 100_000;

    private readonly Dictionary<TemplateNode, long> _turns = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, TemplateNode> _parsed = new(StringComparer.Ordinal);

    private int _choices;
    private long _index;

    /// <summary>The number of the prompt, from 0.</summary>
    public long Index
    {
        get => _index;
        set => (_index, _choices) = (value, 0);
    }

    [GeneratedRegex("[\u1801\u2026\u22EE\u22EF\u22F0\u22F1\uFE19]+|\\.{3,}")]
    private static partial Regex PlaceMark();

    /// <summary>Draws one text.</summary>
    /// <param name="node">The part.</param>
    /// <param name="scope">Where it is.</param>
    /// <exception cref="InvalidSettingException">A variable is not set or refers to itself, or the text becomes too long.</exception>
    /// <exception cref="WildcardNotFoundException">There is no list for a wildcard.</exception>
    public DrawnText Draw(TemplateNode node, TemplateScope scope)
    {
        Count();
        return node switch
        {
            LiteralNode literal => DrawnText.Of(literal.Text),
            ListValueNode value => Draw(Parsed(value.Text), scope),
            SequenceNode sequence => DrawSequence(sequence, scope),
            VariantsNode variants => DrawVariants(variants, scope.Inside() with { Method = scope.MethodOf(variants) }),
            WildcardNode wildcard => DrawWildcard(wildcard, scope.Inside() with { Method = scope.MethodOf(wildcard) }),
            VariableNode variable => Draw(Value(variable, scope), scope.Inside(variable.Name)).As(variable.Name),
            WrapNode wrap => Wrap(Draw(wrap.Wrapper, scope.Inside()), Draw(wrap.Inner, scope.Inside())),
            _ => throw new InvalidOperationException($"A part of the kind {node.GetType().Name} cannot be drawn."),
        };
    }

    /// <summary>All texts of a part, one after another; one if the part is drawn.</summary>
    /// <inheritdoc cref="Draw"/>
    public IEnumerable<DrawnText> All(TemplateNode node, TemplateScope scope) => node switch
    {
        ListValueNode value => All(Parsed(value.Text), scope),
        SequenceNode sequence => AllOfSequence(sequence, scope),
        VariantsNode variants when scope.MethodOf(variants) == DrawMethod.All => AllOfVariants(variants, scope.Inside()),
        WildcardNode wildcard when scope.MethodOf(wildcard) == DrawMethod.All => AllOfWildcard(wildcard, scope.Inside()),
        VariableNode variable => All(Value(variable, scope), scope.Inside(variable.Name)).Select(drawn => drawn.As(variable.Name)),
        WrapNode wrap => All(wrap.Wrapper, scope.Inside()).SelectMany(wrapper => All(wrap.Inner, scope.Inside()).Select(inner => Wrap(wrapper, inner))),
        _ => Once(node, scope),
    };

    // Drawn when it is asked for, not before.
    private IEnumerable<DrawnText> Once(TemplateNode node, TemplateScope scope)
    {
        yield return Draw(node, scope);
    }

    private void Count()
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (++_choices > MostChoices)
            throw new InvalidSettingException("Prompt", $"A prompt of the template takes more than {MostChoices} choices.");
    }

    private static DrawnText Wrap(DrawnText wrapper, DrawnText inner)
    {
        Match place = PlaceMark().Match(wrapper.Text);
        (string before, string after) = place.Success ? (wrapper.Text[..place.Index], wrapper.Text[(place.Index + place.Length)..]) : (wrapper.Text, string.Empty);
        return new DrawnText(before + inner.Text + after, wrapper.Picks.AddRange(inner.Picks));
    }

    private static TemplateNode Value(VariableNode variable, TemplateScope scope) =>
        scope.Variables.GetValueOrDefault(variable.Name) ?? variable.Default ?? throw new InvalidSettingException("Prompt", $"The variable '${{{variable.Name}}}' of the template is not set. Set it before, as in ${{{variable.Name}=value}}, or give it a default, as in ${{{variable.Name}:value}}.");

    private DrawnText DrawSequence(SequenceNode sequence, TemplateScope scope)
    {
        TemplateScope inner = scope;
        foreach (AssignmentNode assignment in sequence.Parts.OfType<AssignmentNode>())
        {
            if (!IsSet(assignment, scope))
                inner = Set(inner, assignment, assignment.IsImmediate ? new LiteralNode(Draw(assignment.Value, scope).Text) : assignment.Value);
        }

        return DrawnText.Join([.. sequence.Parts.Where(static part => part is not AssignmentNode).Select(part => Draw(part, inner))]);
    }

    private static bool IsSet(AssignmentNode assignment, TemplateScope scope) => assignment.KeepsExisting && scope.Variables.ContainsKey(assignment.Name);

    private static TemplateScope Set(TemplateScope scope, AssignmentNode assignment, TemplateNode value) => scope with { Variables = scope.Variables.SetItem(assignment.Name, value) };

    private IEnumerable<DrawnText> AllOfSequence(SequenceNode sequence, TemplateScope scope)
    {
        AssignmentNode[] assignments = [.. sequence.Parts.OfType<AssignmentNode>()];
        TemplateNode[] parts = [.. sequence.Parts.Where(static part => part is not AssignmentNode)];
        return Scopes(assignments, scope).SelectMany(inner => Combine(parts, inner).Select(static drawn => DrawnText.Join(drawn)));
    }

    // Every value of a variable that is drawn at once is one way to go on.
    private IEnumerable<TemplateScope> Scopes(ReadOnlyMemory<AssignmentNode> assignments, TemplateScope scope)
    {
        if (assignments.IsEmpty)
            return [scope];
        AssignmentNode first = assignments.Span[0];
        ReadOnlyMemory<AssignmentNode> rest = assignments[1..];
        if (IsSet(first, scope))
            return Scopes(rest, scope);
        return first.IsImmediate
            ? All(first.Value, scope).SelectMany(drawn => Scopes(rest, Set(scope, first, new LiteralNode(drawn.Text))))
            : Scopes(rest, Set(scope, first, first.Value));
    }

    // The last part changes fastest, as in a counter. A part that is drawn is drawn anew for each combination.
    private IEnumerable<DrawnText[]> Combine(TemplateNode[] parts, TemplateScope scope)
    {
        IEnumerator<DrawnText>?[] values = new IEnumerator<DrawnText>?[parts.Length];
        DrawnText[] combination = new DrawnText[parts.Length];
        try
        {
            bool isForward = true;
            for (int i = 0; i >= 0; i += isForward ? 1 : -1)
            {
                Count();
                if (i == parts.Length)
                {
                    for (int drawn = parts.Length - 1; drawn >= 0; drawn--)
                    {
                        if (IsDrawn(parts[drawn], scope))
                            combination[drawn] = Draw(parts[drawn], scope);
                    }

                    yield return [.. combination];
                    isForward = false;
                }
                else if (!IsDrawn(parts[i], scope))
                {
                    if (isForward)
                        values[i] = All(parts[i], scope).GetEnumerator();
                    isForward = values[i]!.MoveNext();
                    if (isForward)
                        combination[i] = values[i]!.Current;
                    else
                        values[i]!.Dispose();
                }
            }
        }
        finally
        {
            foreach (IEnumerator<DrawnText>? value in values)
                value?.Dispose();
        }
    }

    private static bool IsDrawn(TemplateNode node, TemplateScope scope) => node is VariantsNode or WildcardNode && scope.MethodOf(node) != DrawMethod.All;

    private IEnumerable<DrawnText> AllOfVariants(VariantsNode variants, TemplateScope scope)
    {
        IReadOnlyList<VariantOption> options = Options(variants, ref scope);
        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int count = Math.Min(variants.Least, options.Count); count <= Math.Min(variants.Most, options.Count); count++)
        {
            foreach (ImmutableStack<TemplateNode> chosen in Arrangements([.. options.Select(static option => option.Value)], count))
            {
                Count();
                foreach (DrawnText[] drawn in Combine([.. chosen], scope))
                {
                    // The same texts count once, and a text is not repeated in one choice.
                    bool isDistinct = drawn.Select(static one => one.Text).Distinct(StringComparer.Ordinal).Count() == count;
                    if (isDistinct && seen.Add(string.Join('\0', drawn.Select(static one => one.Text).Prepend(count.ToString(CultureInfo.InvariantCulture)))))
                        yield return DrawnText.Join(drawn, variants.Separator).As(variants.Name);
                }
            }
        }
    }

    // Every choice of a number of values in every order.
    private static IEnumerable<ImmutableStack<TemplateNode>> Arrangements(ImmutableArray<TemplateNode> values, int count) => count switch
    {
        0 => [[]],
        1 => values.Select(static value => ImmutableStack.Create(value)),
        _ => Enumerable.Range(0, values.Length).SelectMany(i => Arrangements(values.RemoveAt(i), count - 1).Select(stack => stack.Push(values[i]))),
    };

    private IEnumerable<DrawnText> AllOfWildcard(WildcardNode wildcard, TemplateScope scope)
    {
        string name = Draw(wildcard.Path, scope).Text;
        TemplateScope inner = scope with { Variables = scope.Variables.SetItems(wildcard.Variables) };
        return wildcards.Find(name, cancellationToken).SelectMany(value => All(Parsed(value.Text), inner)).Select(drawn => drawn.As(name));
    }

    // Braces around one wildcard choose among its values.
    private IReadOnlyList<VariantOption> Options(VariantsNode variants, ref TemplateScope scope)
    {
        if (variants.Options is not [{ Value: WildcardNode wildcard }])
            return variants.Options;
        string name = Draw(wildcard.Path, scope).Text;
        scope = scope.Inside() with { Variables = scope.Variables.SetItems(wildcard.Variables) };
        return [.. wildcards.Find(name, cancellationToken).Select(static value => new VariantOption(new ListValueNode(value.Text), value.Weight))];
    }

    private TemplateNode Parsed(string text)
    {
        if (!_parsed.TryGetValue(text, out TemplateNode? node))
            _parsed[text] = node = new TemplateParser(text).Parse();
        return node;
    }

    private DrawnText DrawVariants(VariantsNode variants, TemplateScope scope)
    {
        TemplateScope inner = scope;
        IReadOnlyList<VariantOption> options = Options(variants, ref inner);
        (int least, int most) = (Math.Min(variants.Least, options.Count), Math.Min(variants.Most, options.Count));
        if (scope.Method != DrawMethod.Cyclical)
            return DrawnText.Join([.. Chosen(options, random.Integer(least, most)).Select(node => Draw(node, inner))], variants.Separator).As(variants.Name);

        (long turn, long round) = Turn(variants, scope, Enumerable.Range(least, most - least + 1).Sum(count => Permutations(options.Count, count)));
        ImmutableStack<TemplateNode> nodes = Enumerable.Range(least, most - least + 1)
            .SelectMany(count => Arrangements([.. options.Select(static option => option.Value)], count))
            .ElementAt((int)turn);
        return DrawnText.Join([.. nodes.Select(node => Draw(node, inner with { Turn = round }))], variants.Separator).As(variants.Name);
    }

    private static long Permutations(int all, int count) => Enumerable.Range(0, count).Aggregate(1L, (product, i) => Math.Min(product * (all - i), int.MaxValue));

    // Which of the values it is this time, and how often all of them were there before.
    private (long Turn, long Round) Turn(TemplateNode node, TemplateScope scope, long count)
    {
        if (scope.Turn is not long number)
        {
            number = _turns.GetValueOrDefault(node, Index);
            _turns[node] = number + 1;
        }

        return (number % count, number / count);
    }

    private IEnumerable<TemplateNode> Chosen(IReadOnlyList<VariantOption> options, int count)
    {
        List<VariantOption> left = [.. options];
        for (int i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int place = random.Weighted(left, static option => option.Weight);
            yield return left[place].Value;
            left.RemoveAt(place);
        }
    }

    private DrawnText DrawWildcard(WildcardNode wildcard, TemplateScope scope)
    {
        string name = Draw(wildcard.Path, scope).Text;
        TemplateScope inner = scope with { Variables = scope.Variables.SetItems(wildcard.Variables) };
        IReadOnlyList<WildcardValue> values = wildcards.Find(name, cancellationToken);
        if (scope.Method != DrawMethod.Cyclical)
            return Draw(Parsed(values[random.Weighted(values, static value => value.Weight)].Text), inner).As(name);
        (long turn, long round) = Turn(wildcard, scope, values.Count);
        return Draw(Parsed(values[(int)turn].Text), inner with { Turn = round }).As(name);
    }
}
