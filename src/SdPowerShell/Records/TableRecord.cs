using System.Collections;
using System.Management.Automation;
using StableDiffusion.Batches.Tables;

namespace SdPowerShell.Records;

/// <summary>Rows of a table as objects of the pipeline, which know where they are in which file.</summary>
internal static class TableRecord
{
    // A member set is none of the properties, which are columns and are exported.
    private const string Place = "PSTableRow";

    private static readonly HashSet<string> s_reserved = new(StringComparer.OrdinalIgnoreCase) { "PSBase", "PSAdapted", "PSExtended", "PSObject", "PSTypeNames", "PSStandardMembers" };

    /// <summary>Makes an object with a property for each column.</summary>
    /// <param name="row">A row that was read.</param>
    /// <exception cref="StableDiffusion.RowInvalidException">A column has a name that PowerShell keeps for itself.</exception>
    public static PSObject From(TableRow row)
    {
        PSObject record = new();
        foreach ((string column, object? value) in row.Cells)
        {
            if (column.Equals(Place, StringComparison.OrdinalIgnoreCase) || s_reserved.Contains(column))
                throw new StableDiffusion.RowInvalidException(row.File, row.Line, $"PowerShell keeps the name '{column}' for itself. Rename the column");
            record.Properties.Add(new PSNoteProperty(column, Convert(value)));
        }

        record.Members.Add(new PSMemberSet(Place, [new PSNoteProperty(nameof(TableRow.File), row.File), new PSNoteProperty(nameof(TableRow.Line), row.Line)]));
        return record;
    }

    /// <summary>Finds the place of an object in a table.</summary>
    /// <param name="record">The object.</param>
    /// <returns>The place; null if it is no row of a file.</returns>
    public static TableRow? Find(PSObject record) => record.Members[Place] is PSMemberSet place
        && place.Members[nameof(TableRow.File)]?.Value is string file && place.Members[nameof(TableRow.Line)]?.Value is int line
        ? new TableRow { File = file, Line = line }
        : null;

    // PowerShell's own types of lists and dictionaries.
    private static object? Convert(object? value) => value switch
    {
        object?[] list => Array.ConvertAll(list, Convert),
        IReadOnlyDictionary<string, object?> properties => new Hashtable(properties.ToDictionary(static property => property.Key, static property => Convert(property.Value)), StringComparer.OrdinalIgnoreCase),
        _ => value,
    };
}
