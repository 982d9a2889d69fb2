using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using SdPowerShell.Parameters;

namespace SdPowerShell.Completion;

/// <summary>Completes the settings that the rows, columns and captions of a sheet can show.</summary>
public sealed class ImageColumnCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, SheetValue.Names.Select(static name => (name, string.Empty)));
}
