using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion;
using StableDiffusion.Models;
using StableDiffusion.Sampling;

namespace SdPowerShell.Completion;

/// <summary>Completes the options of a scheduler, each as a hashtable with the values that it takes.</summary>
public sealed class SchedulerOptionCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? string.Empty).TrimStart('@', '{', ' ');
        foreach (SchedulerOption option in OptionsOf(fakeBoundParameters))
        {
            if (!option.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
                continue;

            IEnumerable<string> values = option.AllowedValues.Count > 0
                ? option.AllowedValues.Select(value => option.Kind == SchedulerOptionKind.Boolean ? "$" + value : $"'{value}'")
                : [Convert.ToString(option.Default, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : "0"];
            foreach (string value in values)
            {
                string entry = $"@{{ {option.Name} = {value} }}";
                yield return new CompletionResult(entry, entry, CompletionResultType.ParameterValue, option.Description);
            }
        }
    }

    private static IReadOnlyList<SchedulerOption> OptionsOf(IDictionary boundParameters)
    {
        try
        {
            string? name = boundParameters["Scheduler"] as string ?? ModelStore.Find(boundParameters["Model"] as string).Scheduler;
            return SchedulerCatalog.Find(name).Options;
        }
        catch (DiffusionException)
        {
            // What is typed so far names no scheduler yet; there is nothing to offer.
            return [];
        }
    }
}
