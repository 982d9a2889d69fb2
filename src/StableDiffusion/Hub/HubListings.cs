using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>Reads the contents of a repository: from its description, or from its tree if the description has no lengths.</summary>
/// <param name="client">The hub.</param>
/// <param name="settings">The settings for timeouts and retries.</param>
/// <param name="waiting">Receives the reason for waiting; null when the waiting is over.</param>
internal sealed partial class HubListings(HubClient client, HubSettings settings, Action<string?> waiting)
{
    private const int MaxAnswer = 64 << 20;
    private const int MaxPages = 1000;

    // Far more than models have. Their product fits into 64 bits, so that sums of lengths cannot overflow.
    private const int MaxFiles = 50_000;
    private const long MaxLength = 1L << 44;
    private const int MaxPath = 1024;

    /// <summary>Lists the files of a repository.</summary>
    /// <param name="repository">The repository and its revision.</param>
    /// <param name="cancellationToken">Cancels the requests.</param>
    /// <returns>The commit of the revision, and its files.</returns>
    /// <exception cref="DownloadException">The hub does not list them.</exception>
    public async Task<HubListing> ReadAsync(HubRepository repository, CancellationToken cancellationToken)
    {
        HubSubject subject = new(repository);
        string[] id = repository.Id.Split('/');
        Uri description = new(client.Address("api", "models", id[0], id[1], "revision", repository.Revision) + "?blobs=true");
        (byte[] model, _) = await GetAsync(description, subject, cancellationToken).ConfigureAwait(false);
        (string commit, IReadOnlyList<HubFile>? files) = ParseModel(model, subject);
        return new HubListing(commit, files ?? await ReadTreeAsync(client.Address("api", "models", id[0], id[1], "tree", commit), subject, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Reads the description of a repository.</summary>
    /// <param name="json">The hub's answer.</param>
    /// <param name="subject">The repository.</param>
    /// <returns>The commit, and the files; null if the description has no lengths of them.</returns>
    /// <exception cref="DownloadException">The answer is not a description, or one of its values is not possible.</exception>
    internal static (string Commit, IReadOnlyList<HubFile>? Files) ParseModel(ReadOnlySpan<byte> json, HubSubject subject)
    {
        HubModelJson model = Deserialize(json, subject, HubJson.Default.HubModelJson);
        if (model.Sha is not string commit || !CommitPattern().IsMatch(commit))
            throw subject.Error("is described by the hub without a commit, so its files cannot be verified. Check HF_ENDPOINT.");
        return model.Siblings is not null && model.Siblings.All(static file => LengthOf(file) is not null)
            ? (commit, ToFiles(subject, model.Siblings.Select(file => ToFile(subject, file?.Rfilename, LengthOf(file), file?.BlobId, file?.Lfs))))
            : (commit, null);
    }

    /// <summary>Reads a page of a repository's tree.</summary>
    /// <param name="json">The hub's answer.</param>
    /// <param name="subject">The repository.</param>
    /// <returns>The files on the page.</returns>
    /// <exception cref="DownloadException">The answer is not a tree, or one of its values is not possible.</exception>
    internal static IReadOnlyList<HubFile> ParseTree(ReadOnlySpan<byte> json, HubSubject subject) =>
        ToFiles(subject, Deserialize(json, subject, HubJson.Default.IReadOnlyListHubTreeEntryJson).OfType<HubTreeEntryJson>()
            .Where(static entry => entry.Type == "file").Select(entry => ToFile(subject, entry.Path, entry.Size, entry.Oid, entry.Lfs)));

    private async Task<List<HubFile>> ReadTreeAsync(Uri address, HubSubject subject, CancellationToken cancellationToken)
    {
        List<HubFile> files = [];
        HashSet<Uri> seen = [];
        Uri? page = new(address + "?recursive=true");
        for (int pages = 0; page is not null; pages++)
        {
            if (pages == MaxPages || !client.IsHub(page) || !seen.Add(page))
                throw subject.Error("is listed by the hub endlessly. Check HF_ENDPOINT.");

            (byte[] tree, string? link) = await GetAsync(page, subject, cancellationToken).ConfigureAwait(false);
            files = ToFiles(subject, files.Concat(ParseTree(tree, subject)));
            page = NextPage(page, link);
        }

        return files;
    }

    private async Task<(byte[] Answer, string? Link)> GetAsync(Uri address, HubSubject subject, CancellationToken cancellationToken)
    {
        RetryPolicy retry = new(settings, subject.ToString(), subject.Repository.Id, waiting);
        for (;;)
        {
            try
            {
                return await GetOnceAsync(address, subject, cancellationToken).ConfigureAwait(false);
            }
            catch (TransientException failure)
            {
                await retry.WaitAsync(failure, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<(byte[] Answer, string? Link)> GetOnceAsync(Uri address, HubSubject subject, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await client.GetAsync(address, subject, prepare: null, cancellationToken).ConfigureAwait(false);
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(client.SilenceLimit);
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxAnswer, silence.Token).ConfigureAwait(false);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(silence.Token).ConfigureAwait(false);
            return (answer, response.Headers.TryGetValues("Link", out IEnumerable<string>? links) ? string.Join(',', links) : null);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw HubErrors.Silence(client.SilenceLimit, error);
        }
        catch (HttpRequestException error) when (error.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw subject.Error("is described by the hub in more than 64 MB, which is not a list of a model's files. Check HF_ENDPOINT.", cause: error);
        }
        catch (Exception error) when (error is HttpRequestException or IOException)
        {
            throw new TransientException("the connection was interrupted", innerException: error);
        }
    }

    private static T Deserialize<T>(ReadOnlySpan<byte> json, HubSubject subject, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException();
        }
        catch (JsonException error)
        {
            throw subject.Error("has an invalid description on the hub: the response is not the JSON of a model. Check HF_ENDPOINT, and whether a proxy or a login page answers in place of the hub.", HttpStatusCode.OK, error);
        }
    }

    private static long? LengthOf(HubSiblingJson? file) => file is null ? 0 : file.Size ?? file.Lfs?.Size;

    private static List<HubFile> ToFiles(HubSubject subject, IEnumerable<HubFile> files)
    {
        List<HubFile> list = [.. files.Take(MaxFiles + 1)];
        return list.Count <= MaxFiles
            ? list
            : throw subject.Error(string.Create(CultureInfo.CurrentCulture, $"is listed by the hub with more than {MaxFiles:N0} files, which is not a model. Check HF_ENDPOINT."));
    }

    private static HubFile ToFile(HubSubject subject, string? path, long? length, string? blobId, HubLfsJson? lfs)
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

    private static Uri? NextPage(Uri page, string? link)
    {
        Match next = NextPattern().Match(link ?? string.Empty);
        return next.Success && Uri.TryCreate(page, next.Groups[1].Value, out Uri? address) ? address : null;
    }

    [GeneratedRegex(@"\A[0-9a-f]{40,64}\z")]
    private static partial Regex CommitPattern();

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Sha256Pattern();

    [GeneratedRegex(@"\A[0-9a-f]{40}\z")]
    private static partial Regex BlobPattern();

    [GeneratedRegex("<([^>]*)>\\s*;[^,]*rel=\"?next\"?", RegexOptions.IgnoreCase)]
    private static partial Regex NextPattern();
}
