using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>
/// Fetches files of a repository at a commit. What an earlier run left of a file is gone on with; the hub's hash says
/// in the end whether it was right to.
/// </summary>
/// <param name="client">The hub.</param>
/// <param name="settings">How patiently it is asked.</param>
/// <param name="repository">The repository.</param>
/// <param name="commit">The commit.</param>
/// <param name="folder">Where the files are put.</param>
/// <param name="meter">Is told what comes in.</param>
internal sealed class FileDownload(
    HubClient client, HubSettings settings, HubRepository repository, string commit, DownloadFolder folder, DownloadMeter meter)
{
    private const int BufferLength = 1 << 18;

    // Less than this between two failures is no progress: a hub that breaks off after each byte is given up.
    private const long WorthwhileLength = 1 << 20;

    /// <summary>Fetches a file, unless it is here.</summary>
    /// <param name="file">The file.</param>
    /// <param name="cancellationToken">Ends the download; what came in is kept.</param>
    /// <returns>What the file is.</returns>
    /// <exception cref="DownloadException">It cannot be had, or is not what the hub says that it is; then nothing of it is kept.</exception>
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

                // What was put together of several answers may be of several contents, and is fetched anew, once. What
                // came in one piece is simply wrong.
                if (!transfer.IsPatched || isRestarted)
                    throw Wrong(part, subject, "is not what the hub says that it is: its hash is another one");
                Restart(part);
                transfer = new Transfer();
                isRestarted = true;
            }

            // Without a hash, only the hub's word for its content says that what comes now goes behind what is here.
            if (!file.HasHash && transfer.ETag is null && part.Length > 0)
                Restart(part);

            long before = part.Length;
            try
            {
                await TransferAsync(file, part, subject, transfer, cancellationToken).ConfigureAwait(false);
            }
            catch (TransientException failure)
            {
                if (part.Length - before >= WorthwhileLength)
                    retry.Reset();
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
                throw Wrong(part, subject, "was asked for as a whole, and the hub gave a part of it", response.StatusCode);

            Restart(part);
            transfer.IsPatched = false;
            transfer.ETag = null;
            if (response.StatusCode != HttpStatusCode.OK)
                return;
        }

        transfer.IsPatched |= part.Length > 0;
        transfer.ETag = tag;
        long rest = file.Length - part.Length;
        if (response.Content.Headers.ContentLength is long length && (length > rest || (length < rest && response.StatusCode == HttpStatusCode.OK)))
            throw Wrong(part, subject, string.Create(CultureInfo.CurrentCulture, $"is not what the hub says that it is: {length:N0} bytes came in place of {rest:N0}"), response.StatusCode);
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

    // Whether the answer's body goes behind what is here.
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
                    throw Wrong(part, subject, string.Create(CultureInfo.CurrentCulture, $"is not what the hub says that it is: more than {file.Length:N0} bytes came"), response.StatusCode);

                part.Append(buffer.AsSpan(0, count));
                meter.Receive(count);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (part.Length < file.Length)
            throw new TransientException("the connection broke off");
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
            throw new TransientException("the connection broke off", innerException: error);
        }
    }

    private DownloadException Wrong(PartFile part, HubSubject subject, string what, HttpStatusCode? status = null)
    {
        meter.Find(-part.Length);
        part.Delete();
        return subject.Error($"{what}. Nothing of it was kept. Run the command again; if it stays so, check HF_ENDPOINT, and whether a proxy or a login page answers in the hub's place.", status);
    }

    private void Restart(PartFile part)
    {
        meter.Find(-part.Length);
        part.Restart();
    }

    /// <summary>What is known of the attempts at a file so far.</summary>
    private sealed class Transfer
    {
        /// <summary>Whether what is here came in more than one answer.</summary>
        public bool IsPatched { get; set; }

        /// <summary>What the last answer called its content; a later answer that calls it otherwise does not continue it.</summary>
        public EntityTagHeaderValue? ETag { get; set; }
    }
}
