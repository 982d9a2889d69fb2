using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Sampling;

namespace SdPowerShell.Completion;

/// <summary>Completes what a U-Net can predict.</summary>
public sealed class PredictionTypeCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete,
        [
            (PredictionTypes.NameOf(PredictionType.Epsilon), "The noise."),
            (PredictionTypes.NameOf(PredictionType.Velocity), "A mixture of noise and image, as some Stable Diffusion 2 models do."),
        ]);
}
