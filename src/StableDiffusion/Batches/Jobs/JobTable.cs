using System.Globalization;
using StableDiffusion.Batches.Tables;

namespace StableDiffusion.Batches.Jobs;

/// <summary>How many images the rows of a job are.</summary>
/// <param name="folder">The folder of the job.</param>
/// <param name="record">Its record.</param>
internal sealed class JobTable(JobFolder folder, JobRecord record)
{
    private Dictionary<int, int>? _counts;

    /// <summary>The column with the number of images of a row, and its other name.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["Count", "n_iter"];

    /// <summary>How many images a row is.</summary>
    /// <param name="row">The row in words, as journals have it: <c>table.csv, line 7 ('a red house')</c>.</param>
    public int ImagesOf(string? row)
    {
        if (record.Count is int count)
            return count;
        if (record.Images == record.Rows || LineOf(row) is not int line)
            return record.Rows == 1 ? record.Images : 1;
        return (_counts ??= ReadCounts()).GetValueOrDefault(line, 1);
    }

    /// <summary>How many images a row is, if its cells say so.</summary>
    /// <param name="cellOf">Gives the cell of a column as text; null for none.</param>
    /// <returns>The number; 1 if it says none, or one that is none.</returns>
    public static int ImagesOf(Func<string, string?> cellOf) =>
        int.TryParse(Columns.Select(cellOf).FirstOrDefault(static cell => !string.IsNullOrWhiteSpace(cell)), NumberStyles.Integer, CultureInfo.InvariantCulture, out int count) && count > 0 ? count : 1;

    /// <inheritdoc cref="ImagesOf(Func{string, string?})"/>
    /// <param name="row">The row.</param>
    public static int ImagesOf(TableRow row) =>
        ImagesOf(name => Convert.ToString(row.Cells.FirstOrDefault(cell => cell.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value, CultureInfo.InvariantCulture));

    private Dictionary<int, int> ReadCounts()
    {
        try
        {
            return TableFile.Read(Path.Combine(folder.Path, record.Table)).Select(static row => (row.Line, Images: ImagesOf(row))).Where(static row => row.Images > 1).ToDictionary();
        }
        catch (TableInvalidException)
        {
            // It was changed or deleted after the job was submitted.
            return [];
        }
    }

    private int? LineOf(string? row)
    {
        string start = $"{record.Table}, line ";
        if (row?.StartsWith(start, StringComparison.Ordinal) != true)
            return null;
        int end = row.IndexOf(' ', start.Length);
        return int.TryParse(row.AsSpan(start.Length, (end < 0 ? row.Length : end) - start.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int line) ? line : null;
    }
}
