using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using SdPowerShell.Records;

namespace SdPowerShell.Completion;

/// <summary>Completes the axes of a sweep by any part of a setting's name, each as a hashtable with some of its values.</summary>
/// <remarks>PowerShell calls no completer inside a hashtable, so each result is complete.</remarks>
public sealed class SweepAxisCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = Completions.Unquote(wordToComplete);
        foreach (ImageColumn column in ImageColumn.All.Where(column => column.Name.Contains(typed, StringComparison.OrdinalIgnoreCase)))
        {
            string entry = $"@{{ {column.Name} = {ValuesOf(column)} }}";
            yield return new CompletionResult(entry, column.Name, CompletionResultType.ParameterValue, entry);
        }
    }

    private static string ValuesOf(ImageColumn column) => column switch
    {
        { Words: { } words } => string.Join(", ", words.Select(static word => $"'{word}'")),
        { IsSwitch: true } => "$false, $true",
        { IsScheduler: true } => "'Euler', 'DDIM'",
        { NumberType: Type type } => type == typeof(double) ? "'0-1 (+0.5)'" : "'1-3'",
        _ => "''",
    };
}
