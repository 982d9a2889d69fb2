using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace StableDiffusion.Storage;

/// <summary>
/// Reads the JSON files of a model, which may come from anywhere: UTF-8 only, no text that is not Unicode, no key twice, and
/// no more bytes than <see cref="MaxLength"/>. Every error names the file.
/// </summary>
internal static class ModelJson
{
    /// <summary>The factor by which a tokenizer's files and the index of sharded weights may be larger than a config.</summary>
    private const int LargeFactor = 4;

    // A larger file could not be read into memory as a whole.
    private const long MostBytes = 500_000_000;

    private const int LongestShown = 64;

    private static readonly SearchValues<char> s_shown = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\"[],._+- ");

    private static readonly Limit s_limit = new("STABLEDIFFUSION_MAX_CONFIG_MB", 16);

    /// <summary>The largest config in bytes: 16 MB, unless the environment variable says otherwise.</summary>
    public static long MaxLength => Math.Min(s_limit.Bytes, MostBytes);

    /// <summary>The largest file of a tokenizer, or index of sharded weights, in bytes.</summary>
    public static long MaxLargeLength => LargeFactor * MaxLength;

    /// <summary>Refuses a file that is too large to be a config, before it is read.</summary>
    /// <param name="path">Its full path; a missing file is not an error here.</param>
    /// <param name="limit">The largest length in bytes.</param>
    /// <exception cref="ModelInvalidException">The file is larger.</exception>
    public static void CheckLength(string path, long limit)
    {
        if (new FileInfo(path) is { Exists: true } && FileHashes.Length(path) is long length && length > limit)
            throw new ModelInvalidException($"'{path}' has {ByteSize.Format(length)}, and at most {ByteSize.Format(limit)} are read of such a file. It is probably damaged; if it is not, set the environment variable {s_limit.Variable} to more megabytes than {s_limit.Value}.");
    }

    /// <summary>Reads the bytes of a file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="limit">The largest length in bytes.</param>
    /// <returns>Its bytes.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">It is too large or cannot be read.</exception>
    public static byte[] ReadBytes(string path, long limit)
    {
        CheckLength(path, limit);
        try
        {
            return RegularFile.ReadAllBytes(path, limit);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelNotFoundException($"There is no file '{path}', which a model must have.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"'{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Parses a JSON object.</summary>
    /// <param name="json">The JSON in UTF-8, with or without a byte order mark.</param>
    /// <param name="source">Its source, for messages: a quoted path, or words.</param>
    /// <param name="options">The options; duplicate keys are refused in any case.</param>
    /// <returns>The object.</returns>
    /// <exception cref="ModelInvalidException">It is not a JSON object, is not UTF-8, or has a key twice.</exception>
    public static JsonElement ParseObject(ReadOnlyMemory<byte> json, string source, JsonDocumentOptions options = default)
    {
        json = CheckUtf8(json, source);
        options.AllowDuplicateProperties = false;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new ModelInvalidException($"{source} is not a JSON object, as it must be.");
            CheckTexts(document.RootElement);
            return document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new ModelInvalidException($"{source} cannot be read as JSON: {Fault(error)}. Get the file again.", error);
        }
        catch (InvalidOperationException error)
        {
            throw new ModelInvalidException($"{source} has text that is not valid Unicode, such as half of a surrogate pair. Get the file again.", error);
        }
    }

    /// <summary>Describes what is wrong with a text that is not JSON. The message of .NET quotes the text, which may be of any file.</summary>
    /// <param name="error">The error.</param>
    public static string Fault(JsonException error) => error.LineNumber is long line
        ? $"line {line + 1} is not valid JSON at byte {(error.BytePositionInLine ?? 0) + 1}"
        : "it has a key twice, or a value that does not belong there";

    /// <summary>Describes a value for a message: a number, a short name or a list of them as it is, others by what they are.</summary>
    /// <param name="value">The value.</param>
    public static string Describe(JsonElement value)
    {
        string text = value.GetRawText();
        if (text.Length <= LongestShown && !text.AsSpan().ContainsAnyExcept(s_shown))
            return text;
        return value.ValueKind switch
        {
            JsonValueKind.Number => "a long number",
            JsonValueKind.String => "a text",
            JsonValueKind.Array => "a list",
            _ => "an object",
        };
    }

    /// <summary>Checks that a file is text in UTF-8.</summary>
    /// <param name="text">The bytes of the file.</param>
    /// <param name="source">Its source, for messages: a quoted path, or words.</param>
    /// <returns>The text without a byte order mark.</returns>
    /// <exception cref="ModelInvalidException">It is not UTF-8.</exception>
    public static ReadOnlyMemory<byte> CheckUtf8(ReadOnlyMemory<byte> text, string source)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        if (text.Span.StartsWith(mark))
            text = text[mark.Length..];
        return Utf8.IsValid(text.Span) && !text.Span.Contains((byte)0)
            ? text
            : throw new ModelInvalidException($"{source} is not text in UTF-8. Save it as UTF-8, or get the file again.");
    }

    // Half of an escaped surrogate pair is found only when the text is read, which throws an InvalidOperationException.
    private static void CheckTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                    CheckTexts(item);
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    CheckTexts(property.Value);
                }

                break;
        }
    }
}
