using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using SdPowerShell.Parameters;

namespace SdPowerShell.Completion;

/// <summary>Completes the image file types.</summary>
public sealed class FileEndingCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, FileEnding.All.Select(ending => (ending, string.Empty)));
}
