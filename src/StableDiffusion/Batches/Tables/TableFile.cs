using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Tables;

/// <summary>
/// Reads the rows of a table from a file, one after the other, so that a table of any length takes the same memory: .csv and .tsv
/// files (RFC 4180), .jsonl and .ndjson files with an object on each line, .json files with a list of objects, and .txt files with a
/// prompt on each line. A row that cannot be read has an error, and the next row follows.
/// </summary>
public static class TableFile
{
    /// <summary>The column of a file with a prompt on each line.</summary>
    public const string PromptColumn = "Prompt";

    private const string Csv = ".csv";
    private const string Tsv = ".tsv";
    private const string Text = ".txt";
    private const string Json = ".json";
    private static readonly string[] s_lines = [".jsonl", ".ndjson"];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file. Its extension says what it is.</param>
    /// <param name="delimiter">What separates the fields of a file that is not JSON; null for a tab in .tsv files, and for the comma, the semicolon or the tab that the header has in .csv files.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The rows, read as they are enumerated. Blank lines and rows without any value are passed over.</returns>
    /// <exception cref="InvalidSettingException">The delimiter is a character that cannot be one.</exception>
    /// <exception cref="TableInvalidException">The file cannot be opened, or nothing of it can be read, or nothing from some line on.</exception>
    public static IEnumerable<TableRow> Read(string path, char? delimiter = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using Stream stream = Open(path);
        foreach (TableRow row in Read(stream, path, delimiter, cancellationToken))
            yield return row;
    }

    /// <summary>Reads a table from a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="path">Its file in messages, whose extension says what it is.</param>
    /// <param name="delimiter">As for <see cref="Read(string, char?, CancellationToken)"/>.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    internal static IEnumerable<TableRow> Read(Stream stream, string path, char? delimiter, CancellationToken cancellationToken)
    {
        string extension = Path.GetExtension(path).ToLowerInvariant();
        if (delimiter is char given && (given is '"' or '\uFFFD' || char.IsControl(given) != (given == '\t') || char.IsLetterOrDigit(given) || given == ' '))
            throw new InvalidSettingException("Delimiter", "The delimiter is a letter, a digit, a blank, a quote or a control character. Use another one, such as a comma, a semicolon or a tab.");
        if (s_lines.Contains(extension))
            return JsonTable.ReadLines(stream, path, cancellationToken);
        return extension switch
        {
            Json => JsonTable.ReadList(stream, path, cancellationToken),
            _ when delimiter is not null => CsvTable.Read(stream, path, delimiter, cancellationToken),
            Csv => CsvTable.Read(stream, path, delimiter: null, cancellationToken),
            Tsv => CsvTable.Read(stream, path, '\t', cancellationToken),
            Text => ReadPrompts(stream, path, cancellationToken),
            _ => throw new TableInvalidException($"'{path}' is not the file of a table: its name must end in one of {string.Join(", ", [Csv, Tsv, .. s_lines, Json, Text])}. Rename it, or give the delimiter of its fields."),
        };
    }

    /// <summary>Whether a line of prompts is blank or a comment.</summary>
    /// <param name="line">The line.</param>
    internal static bool IsBlankOrComment(string line) => line.AsSpan().TrimStart() is [] or ['#', ..];

    private static IEnumerable<TableRow> ReadPrompts(Stream stream, string path, CancellationToken cancellationToken)
    {
        using TableLines lines = new(stream, path, cancellationToken);
        while (lines.Next() is TableLine line)
        {
            if (line.Fault is null && IsBlankOrComment(line.Text))
                continue;
            yield return line.Fault is string fault
                ? new TableRow { File = path, Line = line.Number, Error = new RowInvalidException(path, line.Number, fault) }
                : new TableRow { File = path, Line = line.Number, Cells = [new(PromptColumn, line.Text.Trim())] };
        }
    }

    private static FileStream Open(string path)
    {
        if (!File.Exists(path))
            throw new TableInvalidException($"There is no file '{path}'. Check the name.");
        try
        {
            return RegularFile.OpenShared(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, error);
        }
    }

    /// <summary>The error of a file that the system does not read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="error">The error of the system.</param>
    internal static TableInvalidException Unreadable(string path, Exception error) => new($"The table '{path}' cannot be read: {Sentence.Of(error)}", error);
}
