using System.Text;

namespace StableDiffusion.Batches.Tables;

/// <summary>
/// Reads tables whose fields are separated by a character (RFC 4180). A reader of our own, since a field whose quote is never closed
/// must not take the rows after it along: it is an error of its row, and reading goes on with the line after the one where it began.
/// </summary>
/// <remarks>Each line is read once more at most: a line with an odd run of quotes ends every field that began before it.</remarks>
internal sealed class CsvTable
{
    /// <summary>The most columns of a table.</summary>
    public const int MostColumns = 1000;

    // A field with line breaks has no more lines than this.
    private const int MostLines = 1000;
    private const int LongestName = 60;
    private const char Quote = '"';
    private const string Separator = "sep=";
    private const string TypeMark = "#TYPE ";

    private readonly string _path;
    private readonly TableLines _lines;
    private readonly StringBuilder _text = new();
    private char _delimiter;

    private CsvTable(string path, TableLines lines) => (_path, _lines) = (path, lines);

    /// <summary>Reads a table.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="path">Its path in messages.</param>
    /// <param name="delimiter">The delimiter; null to find it.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="TableInvalidException">There is no header, or it cannot be read.</exception>
    public static IEnumerable<TableRow> Read(Stream stream, string path, char? delimiter, CancellationToken cancellationToken)
    {
        using TableLines lines = new(stream, path, cancellationToken);
        CsvTable table = new(path, lines);
        string[] columns = table.ReadHeader(delimiter);
        while (lines.Next() is TableLine line)
        {
            if (table.ReadRow(line, columns) is TableRow row)
                yield return row;
        }
    }

    private string[] ReadHeader(char? delimiter)
    {
        TableLine? found = NextFilled();

        // Excel's line with the delimiter, and Windows PowerShell's with the type of the objects.
        if (found is { IsTooLong: false } first && first.Text.Trim().Trim(Quote) is [.., char given] separator && separator.Length == Separator.Length + 1 && separator.StartsWith(Separator, StringComparison.OrdinalIgnoreCase))
        {
            delimiter ??= given;
            found = NextFilled();
        }
        else if (found is { } type && type.Text.StartsWith(TypeMark, StringComparison.Ordinal))
        {
            found = NextFilled();
        }

        if (found is not TableLine header)
            throw new TableInvalidException($"The table '{_path}' is empty. Its first line has the names of the columns, such as {TableFile.PromptColumn}.");
        if (header.Fault is string fault)
            throw NoHeader(header, fault);
        _delimiter = delimiter ?? FindDelimiter(header.Text);
        string[] columns = [.. (ReadFields(header, out string? broken) ?? throw NoHeader(header, broken!)).Select(static name => name.Trim())];
        if (columns.All(static name => name.Length == 0))
            throw NoHeader(header, "it has no name of a column");
        return columns.Where(static name => name.Length > 0).GroupBy(static name => name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(static group => group.Count() > 1) is { } twice
            ? throw NoHeader(header, $"it has the column '{Shorten(twice.Key)}' twice. Rename one of them")
            : columns;
    }

    private TableInvalidException NoHeader(TableLine line, string fault) => new($"Line {line.Number} of '{_path}', which has the names of the columns, cannot be read: {fault}.");

    /// <summary>The next line with more than blanks; null at the end.</summary>
    private TableLine? NextFilled()
    {
        while (_lines.Next() is TableLine line)
        {
            if (!string.IsNullOrWhiteSpace(line.Text))
                return line;
        }

        return null;
    }

    /// <summary>The most frequent of the delimiters outside of quotes; without one, a comma.</summary>
    private static char FindDelimiter(string header)
    {
        ReadOnlySpan<char> delimiters = [',', ';', '\t'];
        Span<int> counts = stackalloc int[delimiters.Length];
        bool isQuoted = false;
        foreach (char letter in header)
        {
            isQuoted ^= letter == Quote;
            if (!isQuoted && delimiters.IndexOf(letter) is >= 0 and int index)
                counts[index]++;
        }

        int most = 0;
        for (int index = 1; index < counts.Length; index++)
            most = counts[index] > counts[most] ? index : most;
        return delimiters[most];
    }

    private TableRow? ReadRow(TableLine line, string[] columns)
    {
        string? fault = line.IsTooLong ? line.Fault : null;
        List<string>? fields = fault is null ? ReadFields(line, out fault) : null;
        if (fields?.TrueForAll(string.IsNullOrWhiteSpace) == true)
            return null;
        fault ??= FindFault(fields!, columns);
        if (fault is not null)
            return new TableRow { File = _path, Line = line.Number, Error = new RowInvalidException(_path, line.Number, fault) };

        List<KeyValuePair<string, object?>> cells = new(columns.Length);
        for (int column = 0; column < columns.Length; column++)
        {
            if (columns[column].Length > 0)
                cells.Add(new(columns[column], fields![column]));
        }

        return new TableRow { File = _path, Line = line.Number, Cells = cells };
    }

    private string? FindFault(List<string> fields, string[] columns)
    {
        foreach (string field in fields)
        {
            if (TableLines.FindFault(field) is string fault)
                return fault;
        }

        int last = Array.FindLastIndex(columns, static name => name.Length > 0);
        string header = $"the header has {columns.Length} column{(columns.Length == 1 ? string.Empty : "s")}";
        if (fields.Count <= last)
            return $"it has {fields.Count} field{(fields.Count == 1 ? string.Empty : "s")}, and {header}. Leave fields empty rather than out";
        for (int field = 0; field < fields.Count; field++)
        {
            if (string.IsNullOrWhiteSpace(fields[field]) || (field < columns.Length && columns[field].Length > 0))
                continue;
            return field < columns.Length
                ? $"'{Shorten(fields[field])}' is in column {field + 1}, which has no name. Name it in the header, or empty it"
                : $"it has {fields.Count} fields, and {header}. Write a text with {(_delimiter == '\t' ? "a tab" : $"'{_delimiter}'")} in it between double quotes";
        }

        // Trailing delimiters, as spreadsheets write them.
        while (fields.Count < columns.Length)
            fields.Add(string.Empty);
        return null;
    }

    /// <summary>Reads the fields of a row.</summary>
    /// <param name="first">Its first line.</param>
    /// <param name="fault">What is wrong, without a full stop; the lines after the first one are then read again.</param>
    /// <returns>The fields; null if there is a fault.</returns>
    private List<string>? ReadFields(TableLine first, out string? fault)
    {
        fault = null;
        List<string> fields = [];
        List<TableLine> more = [];
        string line = first.Text;
        int length = line.Length;
        for (int position = 0; ; position++)
        {
            position = SkipSpaces(line, position);
            if (position < line.Length && line[position] == Quote)
            {
                fault = ReadQuoted(ref line, ref position, ref length, more);
                if (fault is not null)
                {
                    _lines.Return(more);
                    return null;
                }

                fields.Add(_text.ToString());
            }
            else
            {
                int end = line.IndexOf(_delimiter, position);
                end = end < 0 ? line.Length : end;
                fields.Add(line[position..end].TrimEnd(' '));
                position = end;
            }

            if (position == line.Length)
                return fields;
            if (fields.Count == MostColumns)
            {
                fault = $"it has more than {MostColumns} fields";
                _lines.Return(more);
                return null;
            }
        }
    }

    /// <summary>Reads a field in quotes.</summary>
    /// <param name="line">The line, which is replaced by the one where the field ends.</param>
    /// <param name="position">The place of the quote; afterwards, that behind the field.</param>
    /// <param name="length">The length of the row so far.</param>
    /// <param name="more">The lines of the row after the first one.</param>
    /// <returns>What is wrong; null if nothing is.</returns>
    private string? ReadQuoted(ref string line, ref int position, ref int length, List<TableLine> more)
    {
        string notClosed = $"the quote at its character {position + 1} is not closed{(more.Count == 0 ? string.Empty : $" on line {more[^1].Number}")}. Close it, and double the quotes within the text";
        _text.Clear();
        for (position++; ;)
        {
            int quote = line.IndexOf(Quote, position);
            _text.Append(line.AsSpan(position, (quote < 0 ? line.Length : quote) - position));
            if (quote < 0)
            {
                if (more.Count == MostLines || _lines.Next() is not TableLine next)
                    return notClosed;
                more.Add(next);
                length += next.Text.Length + 1;
                if (next.IsTooLong || length > TableLines.LongestRow)
                    return notClosed;
                _text.Append('\n');
                (line, position) = (next.Text, 0);
            }
            else if (quote + 1 < line.Length && line[quote + 1] == Quote)
            {
                _text.Append(Quote);
                position = quote + 2;
            }
            else
            {
                position = SkipSpaces(line, quote + 1);
                return position == line.Length || line[position] == _delimiter ? null : notClosed;
            }
        }
    }

    private static int SkipSpaces(string line, int position)
    {
        while (position < line.Length && line[position] == ' ')
            position++;
        return position;
    }

    private static string Shorten(string text) => PrintableText.Of(text, LongestName);
}
