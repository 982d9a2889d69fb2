using System.Globalization;
using System.Text;
using StableDiffusion.Sampling;
using StableDiffusion.Tests;
using StableDiffusion.Tests.Sampling;
using StableDiffusion.Tests.Sampling.KDiffusion;

namespace StableDiffusion.Benchmarks;

/// <summary>
/// The tables of docs/samplers.md: what every scheduler deviates by from the runs of diffusers and k-diffusion in
/// tests/data, and the names of them all.
/// </summary>
internal static class SamplerTables
{
    /// <summary>The command that prints them.</summary>
    public const string Command = "deviations";

    /// <summary>The option of the command that puts them into the document as well.</summary>
    public const string WriteOption = "--write";

    private const string Start = "<!-- tables: start -->\n";
    private const string End = "<!-- tables: end -->\n";

    /// <summary>The place of each class in the catalog.</summary>
    private static readonly Dictionary<string, int> s_order =
        SchedulerCatalog.All.Select(info => info.ClassName).Distinct().Index().ToDictionary(entry => entry.Item, entry => entry.Index);

    /// <summary>Makes all the runs and prints the tables.</summary>
    /// <param name="write">Whether the tables of the document are replaced as well.</param>
    /// <returns>Whether every deviation is within its limit.</returns>
    public static bool Make(bool write)
    {
        StringBuilder tables = new();
        bool isAllowed = AddRuns(tables, "Runs of diffusers", SchedulerReferenceCase.Source, SchedulerReferenceCase.All);
        isAllowed &= AddRuns(tables, "Runs of k-diffusion", SamplerReferenceCase.Source, SamplerReferenceCase.All);
        isAllowed &= AddSchedules(tables);
        AddNames(tables);

        string text = tables.ToString();
        Console.Out.Write(text);
        if (write)
            Replace(Path.Combine(Repository.Root, "docs", "samplers.md"), text);
        return isAllowed;
    }

    private static bool AddRuns(StringBuilder tables, string title, string source, IReadOnlyList<ReferenceCase> cases)
    {
        double largestLevels = 0;
        double largestSample = 0;
        StringBuilder rows = new();
        foreach (IGrouping<string, ReferenceCase> group in cases.OrderBy(reference => s_order[reference.Info.ClassName]).GroupBy(reference => reference.RowStart))
        {
            List<IReadOnlyList<Deviation>> runs = [.. group.SelectMany(reference => reference.Measure())];
            double levels = runs.Max(run => run.Where(deviation => deviation.Limit == Deviation.LevelLimit).Max(deviation => deviation.Largest));
            double sample = runs.Max(run => run[^1].Largest);
            rows.Append(CultureInfo.InvariantCulture, $"{group.Key} {string.Join(", ", group.Select(reference => reference.Steps))} | {Figure(levels)} | {Figure(sample)} |\n");
            largestLevels = Math.Max(largestLevels, levels);
            largestSample = Math.Max(largestSample, sample);
        }

        tables.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n{cases.Count} runs of {source}. Largest deviations: {Figure(largestLevels)} of the levels, {Figure(largestSample)} of the final sample.\n\n");
        tables.Append(CultureInfo.InvariantCulture, $"| scheduler | options | source and paper | steps | levels (allowed {Figure(Deviation.LevelLimit)}) | final sample (allowed {Figure(Deviation.SampleLimit)}) |\n");
        tables.Append("| --- | --- | --- | --- | --- | --- |\n").Append(rows);
        return largestLevels <= Deviation.LevelLimit && largestSample <= Deviation.SampleLimit;
    }

    private static bool AddSchedules(StringBuilder tables)
    {
        bool isAllowed = true;
        tables.Append("\n## Noise levels of A1111\n\nWhat the option `schedule` of k-diffusion's samplers takes.\n\n");
        tables.Append(CultureInfo.InvariantCulture, $"| schedule | steps | levels (allowed {Figure(Deviation.LevelLimit)}) |\n| --- | --- | --- |\n");
        foreach (IGrouping<string, (string Name, int Steps)> group in SamplerReferenceCase.Schedules.GroupBy(schedule => schedule.Name))
        {
            double levels = group.SelectMany(schedule => SamplerReferenceCase.MeasureSchedule(schedule.Name, schedule.Steps)).Max(deviation => deviation.Largest);
            tables.Append(CultureInfo.InvariantCulture, $"| `{group.Key}` | {string.Join(", ", group.Select(schedule => schedule.Steps))} | {Figure(levels)} |\n");
            isAllowed &= levels <= Deviation.LevelLimit;
        }

        return isAllowed;
    }

    private static void AddNames(StringBuilder tables)
    {
        tables.Append("\n## All names\n\n| names | aliases | source | calls a step | stochastic | paper |\n| --- | --- | --- | --- | --- | --- |\n");
        foreach (IGrouping<string, SchedulerInfo> group in SchedulerCatalog.All.GroupBy(SamplerRows.WithoutRule))
        {
            SchedulerInfo info = group.First();
            tables.Append(
                CultureInfo.InvariantCulture,
                $"| {Code(group.Select(entry => entry.Name))} | {Code(info.Aliases)} | `{info.ClassName}` | {info.Order} | {(info.IsStochastic ? "yes" : "no")} | {info.Paper} |\n");
        }
    }

    private static string Code(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"`{name}`"));

    private static string Figure(double value) => value.ToString(value == 0 ? "0" : "0.#e-0", CultureInfo.InvariantCulture);

    private static void Replace(string path, string tables)
    {
        string document = File.ReadAllText(path);
        int start = document.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        int end = document.IndexOf(End, StringComparison.Ordinal);
        if (start < Start.Length || end < start)
            throw new InvalidDataException($"{path} lacks the lines '{Start.TrimEnd()}' and '{End.TrimEnd()}' between which the tables belong. Put them in.");

        File.WriteAllText(path, $"{document[..start]}{tables}\n{document[end..]}");
    }
}
