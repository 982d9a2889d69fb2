using System.Collections.Concurrent;
using System.Text;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Hub;

/// <summary>Base of the tests that fetch from a hub on loopback into an empty folder.</summary>
public abstract class HubTests : IDisposable
{
    private protected FakeHub Hub { get; } = new();

    protected TemporaryFolder Folder { get; } = new();

    /// <summary>How long was waited between attempts.</summary>
    protected ConcurrentQueue<TimeSpan> Waits { get; } = new();

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Hub.Dispose();
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Different bytes for each file, and more of them than a network sends at once.</summary>
    protected static byte[] Bytes(int seed, int length = 300_000)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private protected StorageFolders Folders =>
        StorageFolders.FromEnvironment() with { Models = Folder["models"], Downloads = Folder["downloads"], Cache = Folder["cache"] };

    private protected HubSettings Settings(string? token = null, bool isOffline = false, TimeSpan? timeout = null, long? freeSpace = null, TimeProvider? time = null) => new()
    {
        Endpoint = Hub.Endpoint,
        Token = token,
        IsOffline = isOffline,
        Timeout = timeout ?? TimeSpan.FromMinutes(1),
        Time = time ?? TimeProvider.System,
        Folders = Folders,
        Jitter = static () => 1,
        FreeSpace = _ => freeSpace,
        Delay = (wait, cancellation) =>
        {
            Waits.Enqueue(wait);
            cancellation.ThrowIfCancellationRequested();
            return Task.CompletedTask;
        },
    };

    private protected SavedModel Save(HubRequest? request = null, HubSettings? settings = null) =>
        HubDownload.Plan(request ?? Request, settings ?? Settings(), cancellationToken: Token).Save(cancellationToken: Token);

    /// <summary>All that the repository holds, as files.</summary>
    private protected static HubRequest Request { get; } = new() { Id = FakeHub.Id, Include = static _ => true };

    /// <summary>The files below a folder of the test.</summary>
    protected IEnumerable<string> FilesIn(params string[] folder) => Directory.Exists(Folder[folder])
        ? Directory.EnumerateFiles(Folder[folder], "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Folder[folder], path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)
        : [];

    /// <summary>What is on its way.</summary>
    protected string[] Parts => [.. FilesIn("downloads").Where(path => path.EndsWith(".part", StringComparison.Ordinal))];

    private protected static bool IsFile(FakeHub.Request request, string path) => request.Path.EndsWith("/" + path, StringComparison.Ordinal);
}
