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
        (HubModelJson model, _) = await GetAsync(description, subject, HubJson.Default.HubModelJson, cancellationToken).ConfigureAwait(false);
        if (model.Sha is not string commit || !CommitPattern().IsMatch(commit))
            throw subject.Error("is described by the hub without a commit, so its files cannot be verified. Check HF_ENDPOINT.");

        if (model.Siblings is not null && model.Siblings.All(static file => LengthOf(file) is not null))
            return new HubListing(commit, [.. model.Siblings.Select(file => ToFile(subject, file.Rfilename, LengthOf(file), file.BlobId, file.Lfs))]);
        return new HubListing(commit, await ReadTreeAsync(client.Address("api", "models", id[0], id[1], "tree", commit), subject, cancellationToken).ConfigureAwait(false));
    }

    private async Task<List<HubFile>> ReadTreeAsync(Uri tree, HubSubject subject, CancellationToken cancellationToken)
    {
        List<HubFile> files = [];
        Uri? page = new(tree + "?recursive=true");
        for (int pages = 0; page is not null; pages++)
        {
            if (pages == MaxPages || !client.IsHub(page))
                throw subject.Error("is listed by the hub endlessly. Check HF_ENDPOINT.");

            (IReadOnlyList<HubTreeEntryJson> entries, string? link) = await GetAsync(page, subject, HubJson.Default.IReadOnlyListHubTreeEntryJson, cancellationToken).ConfigureAwait(false);
            files.AddRange(entries.Where(static entry => entry.Type == "file").Select(entry => ToFile(subject, entry.Path, entry.Size, entry.Oid, entry.Lfs)));
            page = NextPage(page, link);
        }

        return files;
    }

    private async Task<(T Answer, string? Link)> GetAsync<T>(Uri address, HubSubject subject, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        RetryPolicy retry = new(settings, subject.ToString(), subject.Repository.Id, waiting);
        for (;;)
        {
            try
            {
                return await GetOnceAsync(address, subject, type, cancellationToken).ConfigureAwait(false);
            }
            catch (TransientException failure)
            {
                await retry.WaitAsync(failure, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<(T Answer, string? Link)> GetOnceAsync<T>(Uri address, HubSubject subject, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        using HttpResponseMessage response = await client.GetAsync(address, subject, prepare: null, cancellationToken).ConfigureAwait(false);
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(client.SilenceLimit);
        try
        {
            await response.Content.LoadIntoBufferAsync(MaxAnswer, silence.Token).ConfigureAwait(false);
            using Stream content = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
            T answer = JsonSerializer.Deserialize(content, type) ?? throw new JsonException();
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
        catch (JsonException error)
        {
            throw subject.Error("has an invalid description on the hub: the response is not the JSON of a model. Check HF_ENDPOINT, and whether a proxy or a login page answers in place of the hub.", response.StatusCode, error);
        }
    }

    private static long? LengthOf(HubSiblingJson file) => file.Size ?? file.Lfs?.Size;

    private static HubFile ToFile(HubSubject subject, string? path, long? length, string? blobId, HubLfsJson? lfs)
    {
        string? sha256 = lfs is null ? null : (lfs.Sha256 ?? lfs.Oid)?.ToLowerInvariant();
        string? blob = lfs is null ? blobId?.ToLowerInvariant() : null;
        bool isSound = !string.IsNullOrEmpty(path) && length >= 0
            && (lfs is null || (sha256 is not null && Sha256Pattern().IsMatch(sha256)))
            && (blob is null || BlobPattern().IsMatch(blob));
        return isSound
            ? new HubFile(path!, length!.Value, sha256, blob)
            : throw subject.Error($"is listed by the hub with a file '{ModelFilePath.Printable(path)}' without a valid length or hash. Check HF_ENDPOINT.");
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
