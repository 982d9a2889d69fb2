using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Sampling;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of schedulers.</summary>
public sealed class SchedulerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Completions.Of(wordToComplete, SchedulerCatalog.All.Select(scheduler => (scheduler.Name, scheduler.Paper)));
}
