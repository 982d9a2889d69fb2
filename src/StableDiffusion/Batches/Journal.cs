using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches;

/// <summary>
/// A file with a line of JSON for each image whose work has ended. A line is added in one write while the file is locked, so that
/// several processes can write at once, and the end of one tears no line of another.
/// </summary>
public static class Journal
{
    /// <summary>The longest line that is read, in bytes.</summary>
    internal const int LongestLine = 1 << 20;

    // So many lines that cannot be read are named.
    private const int MostNamed = 5;

    private const int Block = 1 << 16;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new JsonStringEnumConverter(allowIntegerValues: false) },
    };

    /// <summary>Adds a line. A last line that was torn is ended first.</summary>
    /// <param name="path">The file, which is created if it does not exist.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="cancellationToken">Cancels the waiting for other processes.</param>
    /// <exception cref="OutputWriteException">The file cannot be written, or another process keeps it locked.</exception>
    public static void Append(string path, JournalEntry entry, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(entry);
        JsonElement? settings = entry.Settings is null ? null : JsonSerializer.Deserialize<JsonElement>(GenerationRecord.Write(RecordedNames.Only(entry.Settings) with { Stages = null }) is { Length: > 0 } record ? record : "{}");
        Line line = new(entry.Time, entry.Status, entry.Row, entry.File, settings, entry.Pixels, entry.Seconds, entry.Device, entry.ErrorId, entry.Message);
        Append(path, JsonSerializer.SerializeToUtf8Bytes(line, s_options), cancellationToken);
    }

    /// <summary>Throws for a file that no line can be added to.</summary>
    /// <param name="path">The file, which is created if it does not exist.</param>
    /// <param name="cancellationToken">Cancels the waiting for other processes.</param>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public static void Check(string path, CancellationToken cancellationToken = default) => Append(path, line: null, cancellationToken);

    /// <summary>Reads a journal, while others may write it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="warn">Receives a warning for each line that cannot be read; may be null.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The entries, read as they are enumerated.</returns>
    /// <exception cref="JournalInvalidException">The file does not exist or cannot be opened.</exception>
    public static IEnumerable<JournalEntry> Read(string path, Action<string>? warn = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream file = OpenToRead(path, cancellationToken);
        foreach (JournalEntry entry in Read(file, path, warn, cancellationToken))
            yield return entry;
    }

    /// <summary>Reads what became of the images, without their settings: a small part of the work of reading all. Lines that cannot be read are passed over.</summary>
    /// <inheritdoc cref="Read(string, Action{string}?, CancellationToken)"/>
    internal static IEnumerable<JournalOutcome> ReadOutcomes(string path, CancellationToken cancellationToken)
    {
        using FileStream file = OpenToRead(path, cancellationToken);
        foreach ((byte[]? line, _) in Lines(file, path, cancellationToken))
        {
            if (line is { Length: > 0 } && ParseOutcome(line) is JournalOutcome outcome)
                yield return outcome;
        }
    }

    /// <summary>Whether a file is a journal by its first line. One that cannot be opened may be one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    internal static bool IsJournal(string path, CancellationToken cancellationToken)
    {
        try
        {
            using FileStream file = OpenToRead(path, cancellationToken);
            return Lines(file, path, cancellationToken).Select(static line => line.Line).FirstOrDefault(static line => line is not { Length: 0 }) is byte[] first && ParseOutcome(first) is not null;
        }
        catch (JournalInvalidException)
        {
            return true;
        }
    }

    /// <summary>Reads what a line says of an image, without its settings.</summary>
    /// <param name="line">Its bytes.</param>
    /// <returns>The outcome; null if it is not a line of a journal.</returns>
    internal static JournalOutcome? ParseOutcome(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize<JournalOutcome>(line, s_options);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Reads a journal from a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="path">Its file in messages.</param>
    /// <param name="warn">As for <see cref="Read(string, Action{string}?, CancellationToken)"/>.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    internal static IEnumerable<JournalEntry> Read(Stream stream, string path, Action<string>? warn, CancellationToken cancellationToken)
    {
        int number = 0, passedOver = 0;
        foreach ((byte[]? line, bool isEnded) in Lines(stream, path, cancellationToken))
        {
            number++;
            if (line is { Length: 0 })
                continue;
            if (line is not null && Parse(line) is JournalEntry entry)
                yield return entry;
            else if (++passedOver <= MostNamed || !isEnded)
                warn?.Invoke(isEnded ? $"Line {number} is not a line of a journal, and was passed over." : $"The last line, {number}, is torn: the process that wrote it has ended, or is writing it now. It was passed over.");
        }

        if (passedOver > MostNamed)
            warn?.Invoke($"{passedOver} lines of {number} could not be read.");
    }

    /// <summary>Reads a line.</summary>
    /// <param name="line">Its bytes.</param>
    /// <returns>The entry; null if it is none.</returns>
    internal static JournalEntry? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            if (JsonSerializer.Deserialize<Line>(line, s_options) is not Line read)
                return null;
            GenerationInfo? settings = read.Settings is { ValueKind: JsonValueKind.Object } record ? GenerationRecord.Read(record.GetRawText()) : null;
            return new JournalEntry
            {
                Time = read.Time,
                Status = read.Status,
                Row = read.Row,
                File = read.File,
                Settings = settings is null ? null : RecordedNames.Only(GenerationRecord.Usable(settings, [])) with { Stages = null },
                Pixels = read.Pixels,
                Seconds = read.Seconds,
                Device = read.Device,
                ErrorId = read.ErrorId,
                Message = read.Message,
            };
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static void Append(string path, byte[]? line, CancellationToken cancellationToken)
    {
        try
        {
            using FileStream file = Open(path, cancellationToken);
            if (line is null)
                return;
            bool isTorn = false;
            if (file.Length > 0)
            {
                file.Seek(-1, SeekOrigin.End);
                isTorn = file.ReadByte() != '\n';
            }

            file.Seek(0, SeekOrigin.End);
            file.Write([.. isTorn ? "\n"u8 : default, .. line, (byte)'\n']);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The journal '{path}' cannot be written: {Sentence.Of(error)}", error);
        }
    }

    private static FileStream Open(string path, CancellationToken cancellationToken)
    {
        // Opening a named pipe can wait forever.
        RegularFile.Check(path);
        for (DateTime end = DateTime.UtcNow + s_patience;;)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException error) when (FolderLock.IsSharingViolation(error) && DateTime.UtcNow < end)
            {
                cancellationToken.WaitHandle.WaitOne(s_poll);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>The lines without their ends; null for one that is too long. A byte order mark and the carriage returns of another editor are no part of them.</summary>
    private static IEnumerable<(byte[]? Line, bool IsEnded)> Lines(Stream file, string path, CancellationToken cancellationToken)
    {
        List<byte> line = [];
        bool isTooLong = false, isFirst = true;
        byte[] block = new byte[Block];
        for (int count; (count = Fill(file, path, block)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int start = 0; start < count;)
            {
                int end = Array.IndexOf(block, (byte)'\n', start, count - start);
                int length = (end < 0 ? count : end) - start;
                isTooLong |= line.Count + length > LongestLine;
                if (!isTooLong)
                    line.AddRange(block.AsSpan(start, length));
                start += length + 1;
                if (end < 0)
                    continue;
                yield return (isTooLong ? null : Trim(line, isFirst), true);
                (isFirst, isTooLong) = (false, false);
                line.Clear();
            }
        }

        if (line.Count > 0 || isTooLong)
            yield return (isTooLong ? null : Trim(line, isFirst), false);
    }

    private static byte[] Trim(List<byte> line, bool isFirst)
    {
        ReadOnlySpan<byte> bytes = line.ToArray();
        ReadOnlySpan<byte> mark = Encoding.UTF8.Preamble;
        return (isFirst && bytes.StartsWith(mark) ? bytes[mark.Length..] : bytes).Trim(" \t\r"u8).ToArray();
    }

    private static int Fill(Stream file, string path, byte[] block)
    {
        try
        {
            return file.Read(block);
        }
        catch (IOException error)
        {
            throw Unreadable(path, error);
        }
    }

    private static FileStream OpenToRead(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
            throw new JournalInvalidException($"There is no file '{path}'. Check the name.");
        for (DateTime end = DateTime.UtcNow + s_patience;;)
        {
            try
            {
                return RegularFile.OpenShared(path);
            }
            catch (IOException error) when (FolderLock.IsSharingViolation(error) && DateTime.UtcNow < end)
            {
                cancellationToken.WaitHandle.WaitOne(s_poll);
                cancellationToken.ThrowIfCancellationRequested();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(path, error);
            }
        }
    }

    private static JournalInvalidException Unreadable(string path, Exception error) => new($"The journal '{path}' cannot be read: {Sentence.Of(error)}", error);

    private sealed record Line(
        DateTimeOffset Time, JournalStatus Status, string? Row = null, string? File = null, JsonElement? Settings = null, string? Pixels = null, double? Seconds = null, string? Device = null, string? ErrorId = null, string? Message = null);
}
