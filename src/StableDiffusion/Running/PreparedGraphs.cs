using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Networks;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>
/// Large graphs as ONNX Runtime has optimized them for this processor, in the cache of built graphs. One opens in a tenth of the
/// time, and its weights are mapped from the file, so that they are shared by processes and can leave the memory. The results are
/// the same to the bit.
/// </summary>
/// <param name="cacheFolder">The full path of the folder for built graphs.</param>
/// <param name="smallest">The smallest weights of a graph that is prepared, in bytes; others open at once.</param>
internal sealed class PreparedGraphs(string cacheFolder, long smallest = 256L << 20)
{
    /// <summary>The beginning of the keys of prepared graphs.</summary>
    public const string KeyPrefix = "prepared-";

    /// <summary>What is reported while a graph is prepared.</summary>
    public const string Activity = "Preparing the model for this processor";

    // Counts the ways in which graphs are prepared.
    private const int Version = 1;

    // Weights are kept in the file's layout too, beside that of the operators.
    private const int MostGrowth = 2;

    private static readonly TimeSpan s_unused = TimeSpan.FromDays(60);
    private static readonly Limit s_limit = new("STABLEDIFFUSION_MAX_PREPARED_MB", 60_000);

    private readonly BuildCache _cache = new(cacheFolder);

    /// <summary>Opens a graph in its prepared form, which is written at the first time.</summary>
    /// <param name="graph">The full path of the <c>.onnx</c> file.</param>
    /// <param name="reordersLayout">As for <see cref="OnnxSession.Open"/>.</param>
    /// <param name="progress">Receives a report before and after it is prepared.</param>
    /// <param name="cancellationToken">Cancels the preparing or opening, within seconds.</param>
    /// <returns>The opened graph, which keeps its files from being deleted; null if it is to be opened as it is: it is small, or there is no room.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The graph asks for what no part of a model needs.</exception>
    /// <exception cref="InferenceException">Opening it takes more memory than the limit.</exception>
    public OnnxSession? Open(string graph, bool reordersLayout, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        FileInfo file = new(graph);
        if (!file.Exists || file.Directory!.EnumerateFiles().Sum(static other => other.Length) < smallest)
            return null;

        FileInfo[] weights = [.. GraphCheck.Check(graph).Select(name => new FileInfo(Path.Combine(file.DirectoryName!, name)))];
        long length = weights.Sum(static file => file.Length);
        if (length < smallest || length * MostGrowth > s_limit.Bytes)
            return null;

        try
        {
            string key = Key(graph, weights, reordersLayout, cancellationToken);
            return OpenWhole(key, graph, cancellationToken) ?? (HasRoom(length * MostGrowth, cancellationToken) && Write(key, graph, weights, reordersLayout, progress, cancellationToken) ? OpenWhole(key, graph, cancellationToken) : null);
        }
        catch (Exception error) when (error is OutputWriteException or OutputExistsException or IOException or UnauthorizedAccessException)
        {
            // The cache saves time only.
            return null;
        }
    }

    private OnnxSession? OpenWhole(string key, string graph, CancellationToken cancellationToken)
    {
        if (_cache.Rent(key, cancellationToken) is not RentedBuild rented)
            return null;

        try
        {
            // The files are read again if their times have changed.
            ModelManifest? manifest = ModelManifest.Read(rented.Folder);
            manifest?.Check(rented.Folder, FileHashes.Open(_cache.HashFolder, rented.Folder), cancellationToken);
            OnnxSession? session = manifest is null ? null : OnnxSession.OpenOptimized(Path.Combine(rented.Folder, ModelParts.Graph), graph, rented, cancellationToken);
            if (session is not null)
            {
                Touch(rented.Folder);
                return session;
            }
        }
        catch (ModelInvalidException)
        {
            // Damaged, or made by another build of ONNX Runtime of the same version.
        }
        catch
        {
            rented.Dispose();
            throw;
        }

        rented.Dispose();
        _cache.TryDelete(key);
        return null;
    }

    private bool Write(string key, string graph, FileInfo[] weights, bool reordersLayout, Action<ProgressReport> progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        progress(new ProgressReport(Activity, graph, 0, 1, TimeSpan.Zero) { CountsBytes = false });
        try
        {
            string folder = _cache.Add(key, folder =>
            {
                OnnxSession.WriteOptimized(graph, reordersLayout, Path.Combine(folder, ModelParts.Graph), cancellationToken);
                WriteManifest(folder, cancellationToken);
            });
            Remember(folder);

            // The weights may have been replaced meanwhile.
            return Key(graph, weights, reordersLayout, cancellationToken) == key || (_cache.TryDelete(key) && false);
        }
        catch (Exception error) when (error is ModelInvalidException or InferenceException)
        {
            // If the graph itself is at fault, opening it says so.
            return false;
        }
        finally
        {
            progress(ProgressReport.Finished(Activity, graph, Stopwatch.GetElapsedTime(start)));
        }
    }

    private static void WriteManifest(string folder, CancellationToken cancellationToken)
    {
        FileHashes hashes = FileHashes.Forgetful(folder);
        new ModelManifest
        {
            Source = new ModelSource { Kind = "prepared", Id = OnnxEnvironment.Version },
            Files = Directory.EnumerateFiles(folder).ToDictionary(
                static path => Path.GetFileName(path), path => new ModelFile(new FileInfo(path).Length, hashes.Get(path, static _ => { }, cancellationToken))),
        }.Write(folder);
    }

    /// <summary>Keeps the hashes of files that were just written, so that they are not read again.</summary>
    private void Remember(string folder)
    {
        FileHashes hashes = FileHashes.Open(_cache.HashFolder, folder);
        foreach ((string name, ModelFile file) in ModelManifest.Read(folder)?.Files ?? new Dictionary<string, ModelFile>())
            hashes.Note(Path.Combine(folder, name), file.Sha256);
        hashes.Save();
    }

    /// <summary>Deletes what was not used for long, and the least recently used until there is room.</summary>
    private bool HasRoom(long needed, CancellationToken cancellationToken)
    {
        if (DiskSpace.Free(cacheFolder) < needed)
            return false;

        (DirectoryInfo Folder, long Length)[] others = [.. _cache.Keys.Where(static key => key.StartsWith(KeyPrefix, StringComparison.Ordinal)).Select(key => (new DirectoryInfo(Path.Combine(cacheFolder, key)), FolderFiles.Length(Path.Combine(cacheFolder, key), cancellationToken)))];
        long total = needed + others.Sum(static other => other.Length);
        foreach ((DirectoryInfo folder, long length) in others.OrderBy(static other => other.Folder.LastWriteTimeUtc))
        {
            if ((total > s_limit.Bytes || DateTime.UtcNow - folder.LastWriteTimeUtc > s_unused) && _cache.TryDelete(folder.Name))
                total -= length;
        }

        return total <= s_limit.Bytes;
    }

    private static void Touch(string folder)
    {
        try
        {
            Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Then it counts as unused, and is made again some day.
        }
    }

    /// <summary>What the optimized graph depends on. The weights are read at the first time only: models of one architecture differ in nothing else.</summary>
    private string Key(string graph, FileInfo[] weights, bool reordersLayout, CancellationToken cancellationToken)
    {
        // An import has read all files of the model already.
        FileHashes imported = FileHashes.Open(_cache.HashFolder, Path.GetDirectoryName(Path.GetDirectoryName(graph)) ?? graph), hashes = FileHashes.Open(_cache.HashFolder, graph);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Version}\n{OnnxEnvironment.Version}\n{Processor.Features}\n{reordersLayout}\n{Hash(graph)}\n");
        foreach (FileInfo file in weights)
            text.Append(CultureInfo.InvariantCulture, $"{file.Name}\n{Hash(file.FullName)}\n");
        hashes.Save();
        return KeyPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..32];

        string Hash(string path) => (imported.Knows(path) ? imported : hashes).Get(path, static _ => { }, cancellationToken);
    }
}
