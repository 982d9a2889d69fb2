using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace SdPowerShell.Completion;

/// <summary>Completes what a U-Net can predict.</summary>
public sealed class PredictionTypeCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, [("epsilon", "The noise."), ("v_prediction", "A mixture of noise and picture, as some models of Stable Diffusion 2 do.")]);
}
