using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion.Sampling;

namespace SdPowerShell.Completion;

/// <summary>Completes the names of schedulers by any part of them, those that begin with it first, and by the beginning of an alias.</summary>
public sealed class SchedulerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = Completions.Unquote(wordToComplete);
        return SchedulerCatalog.All
            .Select(scheduler => (Scheduler: scheduler, Rank: Rank(scheduler, typed)))
            .Where(match => match.Rank is not null)
            .OrderBy(match => match.Rank)
            .Select(match => Completions.Result(match.Scheduler.Name, match.Scheduler.Paper));
    }

    private static int? Rank(SchedulerInfo scheduler, string typed)
    {
        if (scheduler.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            return 0;
        if (scheduler.Name.Contains(typed, StringComparison.OrdinalIgnoreCase))
            return 1;
        return scheduler.Aliases.Any(alias => alias.StartsWith(typed, StringComparison.OrdinalIgnoreCase)) ? 2 : null;
    }
}
