using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Models;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of models; a path is completed as PowerShell completes any path.</summary>
public sealed class ModelCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelStore.List().Select(model => (model.Name, model.Path)))
            .Concat(CompletionCompleters.CompleteFilename(wordToComplete));
}
