using StableDiffusion.Fuzz;

namespace StableDiffusion.Tests;

/// <summary>Whether docs/faults.md tells of every reader; <c>./build.ps1 -Task Fuzz -Write</c> makes its table.</summary>
public sealed class FaultDocumentTests
{
    private const int FirstFault = 5;
    private const int FaultKinds = 5;

    private static readonly string[][] s_rows =
        [.. File.ReadAllLines(Path.Combine(Repository.Root, "docs", "faults.md")).SkipWhile(static line => !line.StartsWith("| reader |", StringComparison.Ordinal)).Skip(2).TakeWhile(static line => line.StartsWith('|')).Select(static line => line.Split('|', StringSplitOptions.TrimEntries))];

    [Fact]
    public void Every_reader_has_its_row() => Assert.Equal(FuzzTargets.Names, s_rows.Select(static row => row[1]));

    [Fact]
    public void No_row_has_a_fault() =>
        Assert.All(s_rows, static row => Assert.All(row[FirstFault..(FirstFault + FaultKinds)], static faults => Assert.Equal("0", faults)));
}
