using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using StableDiffusion;
using StableDiffusion.Library;
using StableDiffusion.Sampling;

namespace SdPowerShell.Completion;

/// <summary>
/// Completes the options of a scheduler, each as a hashtable with the values that it takes: by any part of the option's
/// name, by the beginning of a value, or by both with = between them.
/// </summary>
/// <remarks>PowerShell calls no completer inside a hashtable, so each result is complete.</remarks>
public sealed class SchedulerOptionCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string[] typed = Completions.Unquote(wordToComplete).Split('=', 2);
        foreach (SchedulerOption option in OptionsOf(fakeBoundParameters))
        {
            bool isNamed = option.Name.Contains(typed[0], StringComparison.OrdinalIgnoreCase);
            foreach (string value in ValuesOf(option))
            {
                if (typed.Length == 1 ? isNamed || Begins(value, typed[0]) : isNamed && Begins(value, typed[1]))
                    yield return Entry(option, value);
            }
        }
    }

    private static bool Begins(string value, string typed) => value.TrimStart('$', '\'').StartsWith(typed.TrimStart('$', '\''), StringComparison.OrdinalIgnoreCase);

    private static CompletionResult Entry(SchedulerOption option, string value)
    {
        string entry = $"@{{ {option.Name} = {value} }}";
        return new CompletionResult(entry, entry, CompletionResultType.ParameterValue, option.Description);
    }

    /// <summary>The values of an option, or its default, as written in a script.</summary>
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
            string? name = boundParameters["Scheduler"] as string ?? ModelLibrary.Default.Models.Find(boundParameters["Model"] as string).Scheduler;
            return SchedulerCatalog.Find(name).Options;
        }
        catch (DiffusionException)
        {
            // What is typed so far does not name a scheduler yet.
            return [];
        }
    }
}
