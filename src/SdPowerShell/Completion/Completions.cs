using System.Management.Automation;
using System.Management.Automation.Language;

namespace SdPowerShell.Completion;

/// <summary>What the completers share: which names fit a word, and quotes where a name needs them.</summary>
internal static class Completions
{
    /// <summary>Offers the names that begin with a word.</summary>
    /// <param name="word">What was typed so far, perhaps behind an opening quote.</param>
    /// <param name="names">Each name with a tool tip.</param>
    public static IEnumerable<CompletionResult> Of(string word, IEnumerable<(string Name, string ToolTip)> names)
    {
        string typed = Unquote(word);
        return names.Where(name => name.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase)).Select(name => Result(name.Name, name.ToolTip));
    }

    /// <summary>A name as it is written in a command line.</summary>
    /// <param name="name">The name.</param>
    /// <param name="toolTip">What is said of it; where it is empty, the name.</param>
    public static CompletionResult Result(string name, string toolTip) =>
        new(Quote(name), name, CompletionResultType.ParameterValue, toolTip.Length > 0 ? toolTip : name);

    /// <summary>What was typed so far, without its quotes.</summary>
    public static string Unquote(string? word) => (word ?? string.Empty).Trim('\'', '"');

    private static string Quote(string name) => name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-' or '.' or ':')
        ? name
        : $"'{CodeGeneration.EscapeSingleQuotedStringContent(name)}'";
}
