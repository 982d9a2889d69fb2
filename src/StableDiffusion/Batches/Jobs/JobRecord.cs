using System.Globalization;
using System.Text.Json;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Jobs;

/// <summary>
/// What is known of a job since it was submitted, and its file in the job's folder:
/// <code>
/// { "job": "StableDiffusion", "version": 1, "backend": "Slurm", "slurmId": "123", "submitted": "...", "table": "table.csv", "rows": 6, "images": 12, "arraySize": 2 }
/// </code>
/// </summary>
internal sealed record JobRecord
{
    private const string Kind = "StableDiffusion";
    private const int Version = 1;
    private const int MostBytes = 1 << 16;
    private const int LongestId = 20;
    private const int LongestTable = 255;

    /// <summary>What stands for the number of a job that Slurm has not taken yet.</summary>
    public const string NoSlurmId = "0";

    /// <summary>Where its workers run.</summary>
    public required JobBackend Backend { get; init; }

    /// <summary>The number of the array job in Slurm: digits; null for local workers.</summary>
    public string? SlurmId { get; init; }

    /// <summary>When it was submitted.</summary>
    public required DateTimeOffset Submitted { get; init; }

    /// <summary>The name of the table's copy in the folder.</summary>
    public required string Table { get; init; }

    /// <summary>How many rows the table has, those that cannot be read among them.</summary>
    public required int Rows { get; init; }

    /// <summary>How many images they ask for. A row that cannot be read counts like one that does not say how many.</summary>
    public required int Images { get; init; }

    /// <summary>How many images each row is, if that is the same for all; null if the rows say it.</summary>
    public int? Count { get; init; }

    /// <summary>How many workers there are at most.</summary>
    public required int ArraySize { get; init; }

    /// <summary>Whether a text is one that Slurm gives a job as its number.</summary>
    public static bool IsSlurmId(string text) => text.Length is > 0 and <= LongestId && text.All(char.IsAsciiDigit);

    /// <summary>Reads the file.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="JobInvalidException">It cannot be read, or is not the record of a job.</exception>
    public static JobRecord Read(string path)
    {
        try
        {
            return Parse(RegularFile.ReadAllBytes(path, MostBytes), $"'{path}'");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new JobInvalidException($"'{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Reads the record of a job.</summary>
    /// <param name="bytes">The JSON.</param>
    /// <param name="name">Its name in messages.</param>
    /// <exception cref="JobInvalidException">It is not the record of a job.</exception>
    public static JobRecord Parse(byte[] bytes, string name)
    {
        try
        {
            JsonElement root = ModelJson.ParseObject(bytes, name);
            if (Text(root, "job") != Kind)
                throw Damaged(name, "it is not the record of a job");
            if (Number(root, "version") is int version && version != Version)
                throw Damaged(name, $"it has the version {version}, and this is {ProductVersion.Text}, which knows the version {Version}");

            JobBackend backend = Enum.TryParse(Text(root, "backend"), out JobBackend known) && Enum.IsDefined(known) ? known : throw Damaged(name, "it does not say where the workers run");
            string? id = Text(root, "slurmId");
            if (id is null ? backend == JobBackend.Slurm : !IsSlurmId(id))
                throw Damaged(name, "it has no number of a job of Slurm");
            return new JobRecord
            {
                Backend = backend,
                SlurmId = id,
                Submitted = DateTimeOffset.TryParse(Text(root, "submitted"), CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTimeOffset time) ? time : throw Damaged(name, "it does not say when the job was submitted"),
                Table = Text(root, "table") is { Length: > 0 and <= LongestTable } table && ModelFilePath.IsSafe(table) && !table.Contains('/', StringComparison.Ordinal) ? table : throw Damaged(name, "it does not name the table"),
                Rows = Whole("rows"),
                Images = Whole("images"),
                Count = root.TryGetProperty("count", out _) ? Whole("count") : null,
                ArraySize = Whole("arraySize"),
            };

            int Whole(string key) => Number(root, key) is int count and > 0 ? count : throw Damaged(name, $"its number '{key}' is missing or wrong");
        }
        catch (ModelInvalidException error)
        {
            throw new JobInvalidException(error.Message, error);
        }
    }

    /// <summary>The record as JSON.</summary>
    public byte[] Format()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteString("job", Kind);
            json.WriteNumber("version", Version);
            json.WriteString("module", ProductVersion.Text);
            json.WriteString("backend", Backend.ToString());
            if (SlurmId is not null)
                json.WriteString("slurmId", SlurmId);
            json.WriteString("submitted", Submitted);
            json.WriteString("table", Table);
            json.WriteNumber("rows", Rows);
            json.WriteNumber("images", Images);
            if (Count is int count)
                json.WriteNumber("count", count);
            json.WriteNumber("arraySize", ArraySize);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static string? Text(JsonElement json, string key) => json.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static int? Number(JsonElement json, string key) => json.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;

    private static JobInvalidException Damaged(string name, string what) => new($"{name} cannot be used: {what}. Submit the job again under another name; the images that are there are not made again.");
}
