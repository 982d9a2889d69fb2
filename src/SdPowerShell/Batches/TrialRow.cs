using System.Management.Automation;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches.Tables;

namespace SdPowerShell.Batches;

/// <summary>A row of a trial.</summary>
/// <param name="Value">The row, as New-DiffusionImage takes it; null also for one that cannot be read.</param>
/// <param name="Number">Its number among all rows, from 1.</param>
/// <param name="Line">The line of its table on which it begins, from 1; null if it is in none.</param>
/// <param name="Asked">How many images it asks for.</param>
/// <param name="Error">Why it cannot be read; null if it can.</param>
internal sealed record TrialRow(PSObject? Value, int Number, int? Line, int Asked, RowInvalidException? Error = null)
{
    /// <summary>The names of its columns; null if it is an object that is no row of a table.</summary>
    public IEnumerable<string>? Columns { get; private init; }

    /// <summary>A row of a table.</summary>
    /// <param name="row">The row, which may be one that cannot be read.</param>
    /// <param name="number">Its number.</param>
    /// <param name="asked">How many images rows ask for.</param>
    public static TrialRow Of(TableRow row, int number, AskedImages asked)
    {
        try
        {
            return new TrialRow(row.Error is null ? TableRecord.From(row) : throw row.Error, number, row.Line, asked.Of(row)) { Columns = row.Cells.Select(static cell => cell.Key) };
        }
        catch (RowInvalidException error)
        {
            return new TrialRow(null, number, row.Line, asked.Of(row), error);
        }
    }
}
