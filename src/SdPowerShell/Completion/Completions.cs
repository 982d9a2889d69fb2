using System.Management.Automation;
using System.Management.Automation.Language;

namespace SdPowerShell.Completion;

/// <summary>What the completers share: the wildcard that a word stands for, and quotes where a name needs them.</summary>
internal static class Completions
{
    /// <summary>Offers the names that begin with a word.</summary>
    /// <param name="word">What was typed so far, perhaps behind an opening quote.</param>
    /// <param name="names">Each name with a tool tip.</param>
    public static IEnumerable<CompletionResult> Of(string word, IEnumerable<(string Name, string ToolTip)> names)
    {
        string typed = (word ?? string.Empty).Trim('\'', '"');
        WildcardPattern pattern = new(WildcardPattern.Escape(typed) + "*", WildcardOptions.IgnoreCase);
        foreach ((string name, string toolTip) in names)
        {
            if (pattern.IsMatch(name))
                yield return new CompletionResult(Quote(name), name, CompletionResultType.ParameterValue, toolTip.Length > 0 ? toolTip : name);
        }
    }

    private static string Quote(string name) => name.All(character => char.IsLetterOrDigit(character) || character is '_' or '-' or '.' or ':')
        ? name
        : $"'{CodeGeneration.EscapeSingleQuotedStringContent(name)}'";
}
