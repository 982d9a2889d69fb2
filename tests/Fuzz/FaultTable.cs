using System.Globalization;
using System.Text;
using StableDiffusion.Tests;

namespace StableDiffusion.Fuzz;

/// <summary>The table of docs/faults.md: what every reader did with its cases.</summary>
internal static class FaultTable
{
    private const string Start = "<!-- table: start -->\n";
    private const string End = "<!-- table: end -->";

    private static readonly CaseKind[] s_faults = [.. Enum.GetValues<CaseKind>().Where(static kind => kind > CaseKind.Refused)];

    /// <summary>Makes the table.</summary>
    public static string Make(FuzzOptions options, IReadOnlyList<TargetReport> reports)
    {
        StringBuilder table = new();
        table.Append(CultureInfo.InvariantCulture, $"Seed {options.Seed}, {options.Time.TotalMinutes:0.##} minutes for each reader: {reports.Sum(static report => report.Cases):N0} cases, {reports.Sum(static report => report.Faults.Values.Sum()):N0} faults.\n\n");
        table.Append(CultureInfo.InvariantCulture, $"| reader | tried | read | refused | {string.Join(" | ", s_faults.Select(static kind => kind.ToString().ToLowerInvariant()))} | slowest case | peak memory |\n");
        table.Append("| --- |").Insert(table.Length, " ---: |", s_faults.Length + 5).Append('\n');
        foreach (TargetReport report in reports)
        {
            string faults = string.Join(" | ", s_faults.Select(kind => report.Faults.GetValueOrDefault(kind)));
            table.Append(CultureInfo.InvariantCulture, $"| {report.Target} | {report.Cases} | {report.Accepted} | {report.Refused} | {faults} | {report.Slowest.TotalSeconds:0.00} s | {report.PeakMemory >> 20} MB |\n");
        }

        return table.ToString();
    }

    /// <summary>Puts the table into the document.</summary>
    public static void Write(string table)
    {
        string path = Path.Combine(Repository.Root, "docs", "faults.md");
        string document = File.ReadAllText(path);
        int start = document.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        int end = document.IndexOf(End, StringComparison.Ordinal);
        if (start < Start.Length || end < start)
            throw new InvalidDataException($"{path} lacks the lines '{Start.TrimEnd()}' and '{End}', between which the table belongs. Put them in.");

        File.WriteAllText(path, $"{document[..start]}\n{table}\n{document[end..]}");
    }
}
