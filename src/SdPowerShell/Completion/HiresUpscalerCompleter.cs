using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Library;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Completion;

/// <summary>Completes the ways to enlarge the first of two passes.</summary>
public sealed class HiresUpscalerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, HiresPass.LatentUpscalers.Concat(Enum.GetNames<ResampleFilter>()).Concat(ModelLibrary.Default.Upscalers.List()).Select(static name => (name, string.Empty)));
}
