using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>
/// Downloads files of a repository at a commit. A file that an earlier download left incomplete is resumed; the hub's hash
/// decides in the end whether that was right.
/// </summary>
/// <param name="client">The hub.</param>
/// <param name="settings">The settings for timeouts and retries.</param>
/// <param name="repository">The repository.</param>
/// <param name="commit">The commit.</param>
/// <param name="folder">The folder for the files.</param>
/// <param name="meter">Counts the received bytes.</param>
internal sealed class FileDownload(
    HubClient client, HubSettings settings, HubRepository repository, string commit, DownloadFolder folder, DownloadMeter meter)
{
    private const int BufferLength = 1 << 18;

    // Fewer bytes between two failures do not count as progress: a hub that disconnects after each byte is given up. Neither
    // do bytes that came before and were discarded since, or a hub could go on for ever.
    private const long WorthwhileLength = 1 << 20;
    private const int MaxRestarts = RetryPolicy.MaxAttempts;

    /// <summary>Downloads a file, unless it is already complete.</summary>
    /// <param name="file">The file.</param>
    /// <param name="cancellationToken">Cancels the download; the received bytes are kept.</param>
    /// <returns>The description of the file.</returns>
    /// <exception cref="DownloadException">It cannot be downloaded, or is not the file that the hub describes; then none of it is kept.</exception>
    /// <exception cref="OutputWriteException">It cannot be written.</exception>
    public async Task<ModelFile> FetchAsync(HubFile file, CancellationToken cancellationToken)
    {
        meter.Begin(file.Path);
        if (FindWhole(file, cancellationToken) is ModelFile whole)
            return whole;

        HubSubject subject = new(repository, file.Path);
        RetryPolicy retry = new(settings, subject.ToString(), repository.Id, meter.Wait);
        using PartFile part = PartFile.Open(folder.PartPath(file), file, meter.Find, cancellationToken);
        bool isRestarted = false;
        long longest = part.Length;
        Transfer transfer = new() { IsPatched = part.Length > 0 };
        for (;;)
        {
            if (part.Length == file.Length)
            {
                if (part.Matches(out string sha256))
                {
                    part.MoveTo(folder.FilePath(file.Path));
                    return new ModelFile(file.Length, sha256);
                }

                // A file assembled from several responses may mix several contents, and is downloaded again, once. A file from a single
                // response is simply wrong.
                if (!transfer.IsPatched || isRestarted)
                    throw Wrong(part, subject, "is not the file that the hub describes: its hash is different");
                Restart(part);
                transfer = new Transfer();
                isRestarted = true;
            }

            // Without a hash, only the ETag tells whether the response continues the existing part.
            if (!file.HasHash && transfer.ETag is null && part.Length > 0)
                Restart(part);

            try
            {
                await TransferAsync(file, part, subject, transfer, cancellationToken).ConfigureAwait(false);
            }
            catch (TransientException failure)
            {
                if (part.Length - longest >= WorthwhileLength)
                {
                    longest = part.Length;
                    retry.Reset();
                }

                await retry.WaitAsync(failure, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private ModelFile? FindWhole(HubFile file, CancellationToken cancellationToken)
    {
        string path = folder.FilePath(file.Path);
        if (!File.Exists(path))
            return null;

        using PartFile found = PartFile.Open(path, file, meter.Find, cancellationToken);
        if (file.HasHash && found.Matches(out string sha256))
            return new ModelFile(file.Length, sha256);

        meter.Find(-found.Length);
        found.Delete();
        return null;
    }

    private async Task TransferAsync(HubFile file, PartFile part, HubSubject subject, Transfer transfer, CancellationToken cancellationToken)
    {
        string[] id = repository.Id.Split('/');
        Uri address = client.Address([id[0], id[1], "resolve", commit, .. file.Path.Split('/')]);
        using HttpResponseMessage response = await client.GetAsync(
            address, subject, headers => AskForRest(headers, part.Length, transfer.ETag), cancellationToken).ConfigureAwait(false);

        EntityTagHeaderValue? tag = response.Headers.ETag is { IsWeak: false } strong ? strong : null;
        if (!Continues(response, file, part, transfer.ETag, tag))
        {
            if (part.Length == 0)
                throw Wrong(part, subject, "was requested as a whole, but the hub sent a part of it", response.StatusCode);

            Restart(part);
            transfer.IsPatched = false;
            transfer.ETag = null;
            if (response.StatusCode != HttpStatusCode.OK)
            {
                if (++transfer.Restarts > MaxRestarts)
                    throw Wrong(part, subject, "was requested in parts, but the hub sent other parts again and again", response.StatusCode);
                return;
            }
        }

        transfer.IsPatched |= part.Length > 0;
        transfer.ETag = tag;
        long rest = file.Length - part.Length;
        if (response.Content.Headers.ContentLength is long length && (length > rest || (length < rest && response.StatusCode == HttpStatusCode.OK)))
            throw Wrong(part, subject, string.Create(CultureInfo.CurrentCulture, $"is not the file that the hub describes: {length:N0} bytes were received instead of {rest:N0}"), response.StatusCode);
        await CopyAsync(response, file, part, subject, cancellationToken).ConfigureAwait(false);
    }

    private static void AskForRest(HttpRequestHeaders headers, long from, EntityTagHeaderValue? tag)
    {
        if (from == 0)
            return;

        headers.Range = new RangeHeaderValue(from, null);
        if (tag is not null)
            headers.IfRange = new RangeConditionHeaderValue(tag);
    }

    // Whether the body of the response continues the existing part.
    private static bool Continues(HttpResponseMessage response, HubFile file, PartFile part, EntityTagHeaderValue? known, EntityTagHeaderValue? tag)
    {
        if (response.StatusCode != HttpStatusCode.PartialContent)
            return part.Length == 0 && response.StatusCode != HttpStatusCode.RequestedRangeNotSatisfiable;

        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        return range is { Unit: "bytes" } && range.From == part.Length && (range.Length ?? file.Length) == file.Length
            && (part.Length == 0 || known is null || tag is null || known.Equals(tag));
    }

    private async Task CopyAsync(HttpResponseMessage response, HubFile file, PartFile part, HubSubject subject, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            silence.CancelAfter(client.SilenceLimit);
            using Stream content = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
            for (;;)
            {
                silence.CancelAfter(client.SilenceLimit);
                int count = await ReadAsync(content, buffer, silence.Token, cancellationToken).ConfigureAwait(false);
                if (count == 0)
                    break;
                if (count > file.Length - part.Length)
                    throw Wrong(part, subject, string.Create(CultureInfo.CurrentCulture, $"is not the file that the hub describes: more than {file.Length:N0} bytes were received"), response.StatusCode);

                part.Append(buffer.AsSpan(0, count));
                meter.Receive(count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (part.Length < file.Length)
            throw new TransientException("the connection was interrupted");
    }

    private async Task<int> ReadAsync(Stream content, byte[] buffer, CancellationToken silence, CancellationToken cancellationToken)
    {
        try
        {
            return await content.ReadAsync(buffer, silence).ConfigureAwait(false);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw HubErrors.Silence(client.SilenceLimit, error);
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            throw new TransientException("the connection was interrupted", innerException: error);
        }
    }

    private DownloadException Wrong(PartFile part, HubSubject subject, string what, HttpStatusCode? status = null)
    {
        meter.Find(-part.Length);
        part.Delete();
        return subject.Error($"{what}. None of it was kept. Try again; if the error persists, check HF_ENDPOINT, and whether a proxy or a login page answers in place of the hub.", status);
    }

    private void Restart(PartFile part)
    {
        meter.Find(-part.Length);
        part.Restart();
    }

    /// <summary>The state of the attempts to download a file.</summary>
    private sealed class Transfer
    {
        /// <summary>Whether the existing part came in more than one response.</summary>
        public bool IsPatched { get; set; }

        /// <summary>How often the existing part was discarded because the response did not continue it.</summary>
        public int Restarts { get; set; }

        /// <summary>The ETag of the last response; a response with another one does not continue it.</summary>
        public EntityTagHeaderValue? ETag { get; set; }
    }
}
