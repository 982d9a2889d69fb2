using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace SdPowerShell.Completion;

/// <summary>Completes the values of an enumeration.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
public sealed class EnumCompleter<T> : IArgumentCompleter
    where T : struct, Enum
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, Enum.GetNames<T>().Select(name => (name, string.Empty)));
}
