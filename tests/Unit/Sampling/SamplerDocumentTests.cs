using System.Globalization;
using StableDiffusion.Sampling;
using StableDiffusion.Tests.Sampling.KDiffusion;

namespace StableDiffusion.Tests.Sampling;

/// <summary>Whether docs/samplers.md tells all that there is; <c>dotnet run -c Release --project bench -- deviations --write</c> makes its tables.</summary>
public sealed class SamplerDocumentTests
{
    private static readonly string[] s_lines = File.ReadAllLines(Path.Combine(Repository.Root, "docs", "samplers.md"));

    [Fact]
    public void Every_run_of_the_references_has_its_row_and_every_row_has_runs()
    {
        foreach (IGrouping<string, ReferenceCase> group in Cases().GroupBy(reference => reference.RowStart))
        {
            string row = Assert.Single(s_lines, line => line.StartsWith(group.Key, StringComparison.Ordinal));
            Assert.StartsWith($"{group.Key} {string.Join(", ", group.Select(reference => reference.Steps))} |", row, StringComparison.Ordinal);
        }

        Assert.Equal(Cases().Select(reference => reference.RowStart).Distinct().Count(), Rows().Count());
    }

    [Fact]
    public void No_figure_is_above_what_is_allowed()
    {
        foreach (string[] cells in Rows())
        {
            Assert.InRange(double.Parse(cells[^3], CultureInfo.InvariantCulture), 0, Deviation.LevelLimit);
            Assert.InRange(double.Parse(cells[^2], CultureInfo.InvariantCulture), 0, Deviation.SampleLimit);
        }
    }

    [Fact]
    public void Every_schedule_of_noise_levels_has_its_row()
    {
        foreach (IGrouping<string, (string Name, int Steps)> group in SamplerReferenceCase.Schedules.GroupBy(schedule => schedule.Name))
            Assert.Single(s_lines, line => line.StartsWith($"| `{group.Key}` | {string.Join(", ", group.Select(schedule => schedule.Steps))} |", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_name_of_a_scheduler_is_listed()
    {
        HashSet<string> names = [.. s_lines.SkipWhile(line => line != "## All names").SelectMany(line => line.Split('`'))];
        Assert.All(SchedulerCatalog.All, info => Assert.Contains(info.Name, names));
    }

    private static IEnumerable<ReferenceCase> Cases() => [.. SchedulerReferenceCase.All, .. SamplerReferenceCase.All];

    /// <summary>The cells of the rows of the two tables of runs, between the empty ones at both ends.</summary>
    private static IEnumerable<string[]> Rows() =>
        s_lines.TakeWhile(line => line != "## Noise levels of A1111").Where(line => line.Contains("arXiv:", StringComparison.Ordinal)).Select(line => line.Split('|'));
}
