using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Library;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of models, and paths of checkpoint files and of folders.</summary>
public sealed class ModelCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelLibrary.Default.Models.List().Where(model => model.Problem is null).Select(model => (model.Name, model.Path)))
            .Concat(CompletionCompleters.CompleteFilename(wordToComplete).Where(IsModelPath));

    // The tooltip is the full path. A folder may be a model, or contain one.
    private static bool IsModelPath(CompletionResult path) =>
        path.ResultType == CompletionResultType.ProviderContainer || ModelStore.IsCheckpoint(path.ToolTip);
}
