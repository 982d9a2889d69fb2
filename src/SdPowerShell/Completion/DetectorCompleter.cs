using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Detecting;
using StableDiffusion.Library;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of detectors; a path is completed as PowerShell completes any path.</summary>
public sealed class DetectorCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, ModelLibrary.Default.Detectors.List().Prepend(Detector.BuiltIn).Select(static name => (name, name)))
            .Concat(CompletionCompleters.CompleteFilename(wordToComplete));
}
