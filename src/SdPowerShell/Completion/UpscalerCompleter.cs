using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Library;
using StableDiffusion.Settings;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of upscalers and of the filters; a path is completed as PowerShell completes any path.</summary>
public sealed class UpscalerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelLibrary.Default.Upscalers.List().Concat(Enum.GetNames<ResampleFilter>()).Select(name => (name, name)))
            .Concat(CompletionCompleters.CompleteFilename(wordToComplete));
}
