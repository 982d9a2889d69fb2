using System.Text;
using System.Text.Json;

namespace StableDiffusion.Batches.Tables;

/// <summary>Reads tables in JSON: an object on each line, or a list of objects.</summary>
internal static class JsonTable
{
    private const int Block = 1 << 16;
    private const int MostRowBytes = 4 * TableLines.LongestRow;
    private const int Deepest = 16;

    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = Deepest };
    private static readonly Encoding[] s_marked = [Encoding.Unicode, Encoding.BigEndianUnicode];

    /// <summary>Reads a file with an object on each line.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="path">Its path in messages.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    public static IEnumerable<TableRow> ReadLines(Stream stream, string path, CancellationToken cancellationToken)
    {
        using TableLines lines = new(stream, path, cancellationToken);
        while (lines.Next() is TableLine line)
        {
            if (line.Fault is string fault)
                yield return Failed(path, line.Number, fault);
            else if (!string.IsNullOrWhiteSpace(line.Text))
                yield return ReadLine(path, line);
        }
    }

    private static TableRow ReadLine(string path, TableLine line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line.Text, s_options);
            return ReadRow(path, line.Number, document.RootElement);
        }
        catch (JsonException error)
        {
            string where = error.BytePositionInLine is long position ? $" from its byte {position + 1} on" : string.Empty;
            return Failed(path, line.Number, line.IsEnded ? $"it is not valid JSON{where}. Each line has one object" : "it is the last line and not complete: its writer was stopped. Write it anew, or delete it");
        }
    }

    /// <summary>Reads a file with a list of objects, or with one object.</summary>
    /// <param name="stream">The file, which can be read from another position.</param>
    /// <param name="path">Its path in messages.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="TableInvalidException">The file is not valid JSON from some line on.</exception>
    public static IEnumerable<TableRow> ReadList(Stream stream, string path, CancellationToken cancellationToken)
    {
        ListReader reader = new(path);
        byte[] buffer = new byte[Block];
        int count = Fill(buffer);
        int start = buffer.AsSpan(0, count).StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        if (Array.Find(s_marked, encoding => buffer.AsSpan(0, count).StartsWith(encoding.Preamble)) is Encoding marked)
        {
            stream.Position = marked.Preamble.Length;
            stream = Encoding.CreateTranscodingStream(stream, marked, Encoding.UTF8, leaveOpen: true);
            count = Fill(buffer);
        }

        for (bool isLast = count == 0; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            bool isRead = reader.TryRead(buffer.AsSpan(start, count - start), isLast, out int used, out TableRow? row);
            start += used;
            if (row is not null)
                yield return row;
            if (isRead)
                continue;
            if (isLast)
                yield break;
            buffer.AsSpan(start, count - start).CopyTo(buffer);
            (start, count) = (0, count - start);
            if (count == buffer.Length)
            {
                if (buffer.Length >= MostRowBytes)
                    throw new TableInvalidException($"'{path}' has an element on line {reader.Line} that is longer than {MostRowBytes} bytes.");
                Array.Resize(ref buffer, 2 * buffer.Length);
            }

            int more = Fill(buffer.AsSpan(count));
            isLast = more == 0;
            count += more;
        }

        int Fill(Span<byte> free)
        {
            try
            {
                return stream.Read(free);
            }
            catch (IOException error)
            {
                throw TableFile.Unreadable(path, error);
            }
        }
    }

    private static TableRow ReadRow(string path, int line, JsonElement element)
    {
        try
        {
            if (element.ValueKind != JsonValueKind.Object)
                return Failed(path, line, $"it is {Describe(element.ValueKind)}, not an object such as {{\"{TableFile.PromptColumn}\": \"a red house\"}}");
            List<KeyValuePair<string, object?>> cells = [];
            HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
            foreach (JsonProperty property in element.EnumerateObject())
            {
                string name = property.Name.Trim();
                if (name.Length == 0 || TableLines.FindFault(name) is not null || cells.Count == CsvTable.MostColumns)
                    return Failed(path, line, name.Length == 0 ? "it has a property without a name" : cells.Count == CsvTable.MostColumns ? $"it has more than {CsvTable.MostColumns} properties" : "the name of a property is not a text");
                if (!names.Add(name))
                    return Failed(path, line, $"it has the property '{PrintableText.Of(name)}' twice");
                cells.Add(new(name, ValueOf(property.Value)));
            }

            return new TableRow { File = path, Line = line, Cells = cells };
        }
        catch (InvalidOperationException)
        {
            // A text with half a surrogate pair, or bytes that are not UTF-8.
            return Failed(path, line, "it has a text that is not Unicode. Save the file as UTF-8");
        }
    }

    private static object? ValueOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.TryGetInt64(out long whole) ? whole : value.TryGetDouble(out double number) && double.IsFinite(number) && value.GetRawText().AsSpan().IndexOfAny(".eE") >= 0 ? number : value.GetRawText(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array => value.EnumerateArray().Select(ValueOf).ToArray(),
        JsonValueKind.Object => Properties(value),
        _ => null,
    };

    private static Dictionary<string, object?> Properties(JsonElement value)
    {
        Dictionary<string, object?> properties = new(StringComparer.OrdinalIgnoreCase);
        foreach (JsonProperty property in value.EnumerateObject())
            properties[property.Name] = ValueOf(property.Value);
        return properties;
    }

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static TableRow Failed(string path, int line, string fault) => new() { File = path, Line = line, Error = new RowInvalidException(path, line, fault) };

    /// <summary>Reads the elements of a list from parts of a file.</summary>
    private sealed class ListReader(string path)
    {
        private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = Deepest + 1 });
        private bool _isStarted;

        /// <summary>The line that is read, from 1.</summary>
        public int Line { get; private set; } = 1;

        /// <summary>Reads the next element, or what is between two.</summary>
        /// <param name="data">What was not used of the file yet.</param>
        /// <param name="isLast">Whether the file ends with it.</param>
        /// <param name="used">The number of bytes that were used.</param>
        /// <param name="row">The row; null if there is none.</param>
        /// <returns>False if more of the file is needed, or it is at its end.</returns>
        public bool TryRead(ReadOnlySpan<byte> data, bool isLast, out int used, out TableRow? row)
        {
            (used, row) = (0, null);
            try
            {
                Utf8JsonReader reader = new(data, isLast, _state);
                bool isRead = reader.Read();
                int line = Line + (isRead ? data[..(int)reader.TokenStartIndex].Count((byte)'\n') : 0);
                if (isRead && (_isStarted || reader.TokenType != JsonTokenType.StartArray) && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (!JsonDocument.TryParseValue(ref reader, out JsonDocument? document))
                        return false;
                    using (document)
                        row = ReadRow(path, line, document.RootElement);
                }

                _isStarted |= isRead;
                (_state, used) = (reader.CurrentState, (int)reader.BytesConsumed);
                Line += data[..used].Count((byte)'\n');
                return isRead;
            }
            catch (JsonException) when (isLast && !_isStarted && data.Trim(" \t\r\n"u8).IsEmpty)
            {
                throw new TableInvalidException($"The table '{path}' is empty. It has a list of objects.");
            }
            catch (JsonException error)
            {
                throw new TableInvalidException($"'{path}' is not valid JSON from line {(error.LineNumber ?? 0) + 1} on. Correct it there; for a file with an object on each line, let its name end in .jsonl.", error);
            }
        }
    }
}
