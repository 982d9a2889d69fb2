using System.Collections.Immutable;

namespace StableDiffusion.Prompts.Templates;

/// <summary>What is known where a part of a template is drawn.</summary>
/// <param name="Method">How parts are drawn that do not say it themselves.</param>
/// <param name="Variables">The variables that are set.</param>
/// <param name="InUse">The variables that are being drawn.</param>
/// <param name="Depth">How many braces, lists and variables are around.</param>
/// <param name="Turn">The number of the draw for cyclical parts inside cyclical parts; null if the parts count for themselves.</param>
internal sealed record TemplateScope(DrawMethod Method, ImmutableDictionary<string, TemplateNode> Variables, ImmutableHashSet<string> InUse, int Depth, long? Turn)
{
    private const int Deepest = 200;

    /// <summary>The scope of a whole template.</summary>
    /// <param name="method">How its parts are drawn.</param>
    public static TemplateScope Of(DrawMethod method) => new(method, ImmutableDictionary.Create<string, TemplateNode>(StringComparer.Ordinal), ImmutableHashSet.Create<string>(StringComparer.Ordinal), 0, null);

    /// <summary>The method of a part. All values of a part cannot be taken inside one that is drawn.</summary>
    /// <param name="node">The part.</param>
    public DrawMethod MethodOf(TemplateNode node) => node.Method is DrawMethod own && (own != DrawMethod.All || Method == DrawMethod.All) ? own : Method;

    /// <summary>The scope inside braces, a list or a variable.</summary>
    /// <exception cref="InvalidSettingException">There are too many around each other: lists may lead to themselves.</exception>
    public TemplateScope Inside() => Depth < Deepest
        ? this with { Depth = Depth + 1 }
        : throw new InvalidSettingException("Prompt", $"More than {Deepest} braces, wildcards and variables of the template are inside each other. A list may lead to itself.");

    /// <summary>The scope inside the value of a variable.</summary>
    /// <param name="name">The variable.</param>
    /// <exception cref="InvalidSettingException">The variable refers to itself.</exception>
    public TemplateScope Inside(string name) => InUse.Contains(name)
        ? throw new InvalidSettingException("Prompt", $"The variable '${{{name}}}' of the template refers to itself.")
        : Inside() with { InUse = InUse.Add(name) };
}

/// <summary>A text that was drawn, and what was chosen for it.</summary>
/// <param name="Text">The text.</param>
/// <param name="Picks">The choices in their order: the name of a wildcard, a variable or a pair of braces, and the text.</param>
internal sealed record DrawnText(string Text, ImmutableList<(string Name, string Text)> Picks)
{
    private const int Longest = 1 << 20;

    /// <summary>A text without choices.</summary>
    /// <param name="text">The text.</param>
    public static DrawnText Of(string text) => new(text, []);

    /// <summary>Several texts as one.</summary>
    /// <param name="parts">The texts.</param>
    /// <param name="separator">The text between them.</param>
    /// <exception cref="InvalidSettingException">The result is too long.</exception>
    public static DrawnText Join(IReadOnlyList<DrawnText> parts, string separator = "")
    {
        if (parts.Count == 1)
            return parts[0];
        if (parts.Sum(part => (long)part.Text.Length + separator.Length) > Longest)
            throw new InvalidSettingException("Prompt", $"A prompt of the template has more than {Longest} characters.");
        string text = string.Join(separator, parts.Select(static part => part.Text));

        // As Dynamic Prompts: no separator beside an empty value at either end.
        if (separator.Length > 0 && text.StartsWith(separator, StringComparison.Ordinal))
            text = text[separator.Length..];
        if (separator.Length > 0 && text.EndsWith(separator, StringComparison.Ordinal))
            text = text[..^separator.Length];
        return new DrawnText(text, [.. parts.SelectMany(static part => part.Picks)]);
    }

    /// <summary>This text as the choice of a name.</summary>
    /// <param name="name">The name.</param>
    public DrawnText As(string name) => this with { Picks = Picks.Insert(0, (name, Text)) };
}
