using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace StableDiffusion.Tests.Hub;

/// <summary>
/// A hub on loopback that serves one repository, and lies, breaks off and waits where a test tells it to. It speaks
/// HTTP by itself, since a proper server would not send what is wrong.
/// </summary>
internal sealed class FakeHub : IDisposable
{
    public const string Id = "owner/name";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<Exception> _defects = new();

    public FakeHub()
    {
        _listener.Start();
        Endpoint = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _ = AcceptAsync();
    }

    public Uri Endpoint { get; }

    /// <summary>What the repository holds.</summary>
    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Called with every request; null leaves the answer to the hub.</summary>
    public Func<Request, Answer?> Script { get; set; } = static _ => null;

    /// <summary>Whether the description has no lengths, as that of a hub that does not know of blobs.</summary>
    public bool IsPlain { get; set; }

    /// <summary>Whether the description has lengths but no hashes.</summary>
    public bool IsWithoutHashes { get; set; }

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<Request> Requests { get; } = new();

    public IEnumerable<Request> FileRequests(string path) => Requests.Where(request => request.Path == $"/{Id}/resolve/{Commit}/{path}");

    public void Dispose()
    {
        _end.Cancel();
        _listener.Stop();
        _end.Dispose();
        Assert.Empty(_defects);
    }

    /// <summary>The right answer to a request for a file.</summary>
    public Answer FileAnswer(Request request)
    {
        string path = Uri.UnescapeDataString(request.Path[$"/{Id}/resolve/{Commit}/".Length..]);
        if (!Files.TryGetValue(path, out byte[]? content))
            return new Answer(404) { Headers = { ["X-Error-Code"] = "EntryNotFound" } };

        string tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(content))[..8]}\"";
        bool isRange = request.Headers.TryGetValue("Range", out string? range);
        if (!isRange || (request.Headers.TryGetValue("If-Range", out string? known) && known != tag))
            return new Answer(200, content) { Headers = { ["ETag"] = tag } };

        int from = int.Parse(range!["bytes=".Length..^1], CultureInfo.InvariantCulture);
        return new Answer(206, content[from..])
        {
            Headers = { ["ETag"] = tag, ["Content-Range"] = $"bytes {from}-{content.Length - 1}/{content.Length}" },
        };
    }

    private Answer Serve(Request request)
    {
        if (Script(request) is Answer scripted)
            return scripted;
        if (request.Path.StartsWith($"/{Id}/resolve/{Commit}/", StringComparison.Ordinal))
            return FileAnswer(request);
        if (request.Path == $"/api/models/{Id}/revision/main?blobs=true")
            return new Answer(200, Encoding.UTF8.GetBytes(Description().ToJsonString()));
        return new Answer(404) { Headers = { ["X-Error-Code"] = "RepoNotFound" } };
    }

    public JsonObject Description() => new()
    {
        ["sha"] = Commit,
        ["siblings"] = new JsonArray([.. Files.Select(file => Describe(file.Key, file.Value))]),
    };

    public static bool IsLarge(string path) => Path.GetExtension(path) is ".safetensors" or ".bin" or ".onnx" or ".ckpt";

    public static string BlobId(byte[] content) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));

    private JsonNode Describe(string path, byte[] content)
    {
        JsonObject file = new() { ["rfilename"] = path };
        if (IsPlain)
            return file;

        file["size"] = content.Length;
        if (IsWithoutHashes)
            return file;

        file["blobId"] = BlobId(content);
        if (IsLarge(path))
            file["lfs"] = new JsonObject { ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(content)), ["size"] = content.Length, ["pointerSize"] = 130 };
        return file;
    }

    private async Task AcceptAsync()
    {
        try
        {
            for (;;)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = Task.Run(() => TalkAsync(client));
            }
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task TalkAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                Request request = await ReadAsync(stream);
                Requests.Enqueue(request);
                await WriteAsync(stream, Serve(request));
            }
            catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The client hung up, as it may.
            }
            catch (Exception error)
            {
                _defects.Enqueue(error);
            }
        }
    }

    private async Task<Request> ReadAsync(NetworkStream stream)
    {
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one, _end.Token);
            head.Append((char)one[0]);
        }

        string[] lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(line => line[0], line => line[1], StringComparer.OrdinalIgnoreCase);
        return new Request(lines[0].Split(' ')[1], headers);
    }

    private async Task WriteAsync(NetworkStream stream, Answer answer)
    {
        StringBuilder head = new($"{answer.StatusLine ?? $"HTTP/1.1 {answer.Status} x"}\r\nConnection: close\r\n");
        if (!answer.IsChunked)
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.StatedLength ?? answer.Body.Length}\r\n");
        else
            head.Append("Transfer-Encoding: chunked\r\n");
        foreach ((string name, string value) in answer.Headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), _end.Token);

        byte[] body = answer.Body[..Math.Min(answer.Body.Length, answer.CutAfter ?? int.MaxValue)];
        if (answer.IsChunked && !answer.IsEndless)
            body = [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n0\r\n\r\n"u8];
        await stream.WriteAsync(body, _end.Token);
        for (byte[] more = [.. "10000\r\n"u8, .. new byte[0x10000], .. "\r\n"u8]; answer.IsEndless;)
            await stream.WriteAsync(more, _end.Token);
        answer.Sent?.Invoke();
        if (answer.Stalls)
            await Task.Delay(Timeout.Infinite, _end.Token);
    }

    internal sealed record Request(string Path, IReadOnlyDictionary<string, string> Headers)
    {
        public string? Authorization => Headers.GetValueOrDefault("Authorization");

        public string? Range => Headers.GetValueOrDefault("Range");
    }

    internal sealed record Answer(int Status, byte[] Body)
    {
        /// <summary>The first line; null for one of HTTP.</summary>
        public string? StatusLine { get; init; }

        public Answer(int status)
            : this(status, [])
        {
        }

        public Dictionary<string, string> Headers { get; } = [];

        /// <summary>The length that is said, if not the true one.</summary>
        public int? StatedLength { get; init; }

        /// <summary>After how many bytes of the body the connection is closed.</summary>
        public int? CutAfter { get; init; }

        /// <summary>Whether the body comes without a length.</summary>
        public bool IsChunked { get; init; }

        /// <summary>Whether zeros come in place of the body, until the client hangs up; it has to be chunked.</summary>
        public bool IsEndless { get; init; }

        /// <summary>Whether the connection stays open after the body, and nothing more comes.</summary>
        public bool Stalls { get; init; }

        /// <summary>Called when the body was sent.</summary>
        public Action? Sent { get; init; }
    }
}
