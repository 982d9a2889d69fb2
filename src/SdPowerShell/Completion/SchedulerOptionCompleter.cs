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

            foreach (string value in ValuesOf(option))
            {
                string entry = $"@{{ {option.Name} = {value} }}";
                yield return new CompletionResult(entry, entry, CompletionResultType.ParameterValue, option.Description);
            }
        }
    }

    /// <summary>The values that an option takes, or the one to begin with, as they are written in a script.</summary>
    private static IEnumerable<string> ValuesOf(SchedulerOption option) => option.Kind switch
    {
        SchedulerOptionKind.Boolean => option.AllowedValues.Select(value => "$" + value),
        SchedulerOptionKind.Choice => option.AllowedValues.Select(value => $"'{value}'"),
        SchedulerOptionKind.NumberList => ["@(0)"],
        _ => [option.Default switch
        {
            double.PositiveInfinity => "[double]::PositiveInfinity",
            double.NegativeInfinity => "[double]::NegativeInfinity",
            null => "0",
            object number => Convert.ToString(number, CultureInfo.InvariantCulture)!,
        }],
    };

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
