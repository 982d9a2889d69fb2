using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace SdPowerShell.Completion;

/// <summary>Completes the words of the prompt, where the latent is given as an argument.</summary>
public sealed class AttentionWordCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, GivenAttention.Find(fakeBoundParameters).SelectMany(static attention => attention.Words).Distinct(StringComparer.Ordinal).Select(static word => (word, string.Empty)));
}
