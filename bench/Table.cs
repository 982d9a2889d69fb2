namespace StableDiffusion.Benchmarks;

/// <summary>Writes rows as one table in Markdown that also reads well as plain text.</summary>
internal static class Table
{
    private static readonly string[] s_titles = ["what", "measured", "beside", "compared", "processor time", "goal", "met"];

    public static void Write(IReadOnlyList<Row> rows, TextWriter output)
    {
        List<string[]> lines = [s_titles, .. rows.Select(Cells)];
        int[] widths = [.. s_titles.Select((_, column) => lines.Max(line => line[column].Length))];
        for (int line = 0; line < lines.Count; line++)
        {
            output.WriteLine($"| {string.Join(" | ", lines[line].Select((cell, column) => cell.PadRight(widths[column])))} |");
            if (line == 0)
                output.WriteLine($"| {string.Join(" | ", widths.Select(width => new string('-', width)))} |");
        }
    }

    private static string[] Cells(Row row) =>
        [row.Name, row.Measured, row.Beside, row.Compared, row.Processor, row.Goal, row.IsMet switch { true => "yes", false => "NO", null => string.Empty }];
}
