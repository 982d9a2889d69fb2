using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Models;
using StableDiffusion.Tensors;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of models, and paths of folders and of files that are named as checkpoints are.</summary>
public sealed class ModelCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelStore.List().Select(model => (model.Name, model.Path)))
            .Concat(CompletionCompleters.CompleteFilename(wordToComplete).Where(IsModelPath));

    private static bool IsModelPath(CompletionResult path) =>
        path.ResultType == CompletionResultType.ProviderContainer || TensorFile.HasKnownEnding(path.ListItemText);
}
