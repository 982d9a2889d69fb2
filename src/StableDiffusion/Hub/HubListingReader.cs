using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>
/// Reads a repository's files from the hub's answers, entry by entry: the answers may hold far more entries than the memory
/// holds as objects.
/// </summary>
/// <param name="subject">The repository.</param>
/// <param name="cancellationToken">Cancels the reading.</param>
internal sealed partial class HubListingReader(HubSubject subject, CancellationToken cancellationToken)
{
    // Far more than models have. Their product fits into 64 bits, so that sums of lengths cannot overflow.
    private const int MaxFiles = 50_000;
    private const long MaxLength = 1L << 44;
    private const int MaxPath = 1024;

    private readonly List<HubFile> _files = [];
    private int _entries;

    /// <summary>The files of the pages that were read.</summary>
    public IReadOnlyList<HubFile> Files => _files;

    /// <summary>Reads the description of a repository.</summary>
    /// <param name="json">The hub's answer.</param>
    /// <returns>The commit, and the files; null if the description has no lengths of them.</returns>
    /// <exception cref="DownloadException">The answer is not a description, or one of its values is not possible.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public (string Commit, IReadOnlyList<HubFile>? Files) ReadModel(ReadOnlySpan<byte> json)
    {
        string? commit = null;
        List<HubSiblingJson?>? siblings = null;
        try
        {
            Utf8JsonReader reader = new(json);
            Begin(ref reader, JsonTokenType.StartObject);
            while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            {
                if (reader.ValueTextEquals("sha"u8))
                    commit = JsonSerializer.Deserialize(ref reader, HubJson.Default.String);
                else if (reader.ValueTextEquals("siblings"u8))
                    siblings = reader.Read() && reader.TokenType == JsonTokenType.Null ? null : ReadEntries(ref reader, HubJson.Default.HubSiblingJson);
                else
                    reader.Skip();
            }

            End(ref reader);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw NotJson(error);
        }

        if (commit is null || !CommitPattern().IsMatch(commit))
            throw subject.Error("is described by the hub without a commit, so its files cannot be verified. Check HF_ENDPOINT.");
        return siblings is not null && siblings.TrueForAll(static file => LengthOf(file) is not null)
            ? (commit, [.. siblings.Select(file => ToFile(file?.Rfilename, LengthOf(file), file?.BlobId, file?.Lfs))])
            : (commit, null);
    }

    /// <summary>Adds a page of a repository's tree.</summary>
    /// <param name="json">The hub's answer.</param>
    /// <exception cref="DownloadException">The answer is not a tree, one of its values is not possible, or the pages have more entries than a model.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public void AddTree(ReadOnlySpan<byte> json)
    {
        List<HubTreeEntryJson?> entries;
        try
        {
            Utf8JsonReader reader = new(json);
            Begin(ref reader, JsonTokenType.StartArray);
            entries = ReadEntries(ref reader, HubJson.Default.HubTreeEntryJson);
            End(ref reader);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw NotJson(error);
        }

        _files.AddRange(entries.OfType<HubTreeEntryJson>().Where(static entry => entry.Type == "file").Select(entry => ToFile(entry.Path, entry.Size, entry.Oid, entry.Lfs)));
    }

    private static void Begin(ref Utf8JsonReader reader, JsonTokenType expected)
    {
        if (!reader.Read() || reader.TokenType != expected)
            throw new JsonException();
    }

    // The reader throws if more follows.
    private static void End(ref Utf8JsonReader reader) => _ = reader.Read();

    private List<T?> ReadEntries<T>(ref Utf8JsonReader reader, JsonTypeInfo<T> type)
        where T : class
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException();

        List<T?> entries = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (++_entries > MaxFiles)
                throw subject.Error(string.Create(CultureInfo.CurrentCulture, $"is listed by the hub with more than {MaxFiles:N0} files, which is not a model. Check HF_ENDPOINT."));
            entries.Add(JsonSerializer.Deserialize(ref reader, type));
        }

        return entries;
    }

    private DownloadException NotJson(Exception error) =>
        subject.Error("has an invalid description on the hub: the response is not the JSON of a model. Check HF_ENDPOINT, and whether a proxy or a login page answers in place of the hub.", HttpStatusCode.OK, error);

    private static long? LengthOf(HubSiblingJson? file) => file is null ? 0 : file.Size ?? file.Lfs?.Size;

    private HubFile ToFile(string? path, long? length, string? blobId, HubLfsJson? lfs)
    {
        string? sha256 = lfs is null ? null : (lfs.Sha256 ?? lfs.Oid)?.ToLowerInvariant();
        string? blob = lfs is null ? blobId?.ToLowerInvariant() : null;
        if (length > MaxLength)
            throw subject.Error($"is listed by the hub with a file '{ModelFilePath.Printable(path)}' of {ByteSize.Format(length.Value)}, more than a file of a model can have. Check HF_ENDPOINT.");

        bool isSound = path is { Length: > 0 and <= MaxPath } && length >= 0
            && (lfs is null || (sha256 is not null && Sha256Pattern().IsMatch(sha256)))
            && (blob is null || BlobPattern().IsMatch(blob));
        return isSound
            ? new HubFile(path!, length!.Value, sha256, blob)
            : throw subject.Error($"is listed by the hub with a file '{ModelFilePath.Printable(path)}' without a valid path, length or hash. Check HF_ENDPOINT.");
    }

    [GeneratedRegex(@"\A[0-9a-f]{40,64}\z")]
    private static partial Regex CommitPattern();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sha256Pattern();

    [GeneratedRegex(@"\A[0-9a-f]{40}\z")]
    private static partial Regex BlobPattern();
}
