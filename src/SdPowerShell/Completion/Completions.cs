using System.Management.Automation;
using SdPowerShell.Scripts;
using StableDiffusion;

namespace SdPowerShell.Completion;

/// <summary>Shared by the completers: which names match a word, and the quotes that a name needs.</summary>
internal static class Completions
{
    /// <summary>Offers the names that begin with a word.</summary>
    /// <param name="word">The word typed so far, perhaps with an opening quote.</param>
    /// <param name="names">The names, each with a tooltip.</param>
    public static IEnumerable<CompletionResult> Of(string word, IEnumerable<(string Name, string ToolTip)> names)
    {
        string typed = Unquote(word);
        return names.Where(name => name.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase)).Select(name => Result(name.Name, name.ToolTip));
    }

    /// <summary>A completion result, quoted if necessary.</summary>
    /// <param name="name">The name.</param>
    /// <param name="toolTip">Its tooltip; if empty, the name.</param>
    public static CompletionResult Result(string name, string toolTip) =>
        new(Quote(name), PrintableText.Of(name), CompletionResultType.ParameterValue, PrintableText.Of(toolTip.Length > 0 ? toolTip : name));

    /// <summary>The word typed so far, without quotes.</summary>
    public static string Unquote(string? word) => (word ?? string.Empty).Trim('\'', '"');

    // A word that begins with a dash is a parameter, also with one of the dashes that are no hyphens.
    private static string Quote(string name) => char.IsLetterOrDigit(name.FirstOrDefault()) && name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-' or '.' or ':')
        ? name
        : Literal.Of(name);
}
