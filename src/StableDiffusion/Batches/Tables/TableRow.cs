namespace StableDiffusion.Batches.Tables;

/// <summary>A row of a table in a file.</summary>
public sealed class TableRow
{
    /// <summary>The file, as it was given.</summary>
    public required string File { get; init; }

    /// <summary>The line of the file on which the row begins, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>
    /// The cells by their columns, in the order of the file; no two names are the same in another case. The values of .csv, .tsv and
    /// .txt files are texts, those of JSON are texts, numbers, true, false, null, lists of these, and dictionaries. Empty if the row cannot be read.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Cells { get; init; } = [];

    /// <summary>Why the row cannot be read; null if it was.</summary>
    public RowInvalidException? Error { get; init; }

    /// <summary>The row in words.</summary>
    /// <returns>The name of the file and the line.</returns>
    public override string ToString() => PrintableText.Of($"{Path.GetFileName(File)}, line {Line}");
}
