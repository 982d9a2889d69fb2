using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Library;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of autoencoders (VAEs); a path is completed as PowerShell completes any path.</summary>
public sealed class VaeCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelLibrary.Default.Vaes.List().Select(name => (name, name)))
            .Concat(CompletionCompleters.CompleteFilename(wordToComplete));
}
