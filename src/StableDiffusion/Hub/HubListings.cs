using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>Reads the contents of a repository: from its description, or from its tree if the description has no lengths.</summary>
/// <param name="client">The hub.</param>
/// <param name="settings">The settings for timeouts and retries.</param>
/// <param name="waiting">Receives the reason for waiting; null when the waiting is over.</param>
internal sealed class HubListings(HubClient client, HubSettings settings, Action<string?> waiting)
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
        (byte[] model, _) = await GetAsync(description, subject, cancellationToken).ConfigureAwait(false);
        (string commit, IReadOnlyList<HubFile>? files) = new HubListingReader(subject, cancellationToken).ReadModel(model);
        return new HubListing(commit, files ?? await ReadTreeAsync(client.Address("api", "models", id[0], id[1], "tree", commit), subject, cancellationToken).ConfigureAwait(false));
    }

    private async Task<IReadOnlyList<HubFile>> ReadTreeAsync(Uri address, HubSubject subject, CancellationToken cancellationToken)
    {
        HubListingReader files = new(subject, cancellationToken);
        HashSet<Uri> seen = [];
        Uri? page = new(address + "?recursive=true");
        for (int pages = 0; page is not null; pages++)
        {
            if (!client.IsHub(page))
                throw subject.Error($"is listed by the hub with the next page on another server, '{ModelFilePath.Printable(page.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped))}', which is not asked. Check HF_ENDPOINT.");
            if (pages == MaxPages || !seen.Add(page))
                throw subject.Error("is listed by the hub endlessly. Check HF_ENDPOINT.");

            (byte[] tree, string? link) = await GetAsync(page, subject, cancellationToken).ConfigureAwait(false);
            files.AddTree(tree);
            page = NextPage(page, link, subject);
        }

        return files.Files;
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

    private static Uri? NextPage(Uri page, string? link, HubSubject subject)
    {
        Uri? address = null;
        return LinkHeader.TryFindNext(link ?? string.Empty, out string? next) && (next is null || Uri.TryCreate(page, next, out address))
            ? address
            : throw subject.Error("is listed by the hub with a link to the next page that cannot be read, so that files may be missing. Check HF_ENDPOINT, and whether a proxy answers in place of the hub.");
    }
}
