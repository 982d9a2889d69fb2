using System.Collections.Immutable;

namespace StableDiffusion.Prompts.Templates;

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
