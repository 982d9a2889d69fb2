using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>
/// Folders of graphs that were derived from a model's, or of their engines, in the cache of built graphs. Their files are checked by
/// a manifest before each use, but for those that came later, and they give way to others when there is no room.
/// </summary>
/// <param name="cacheFolder">The full path of the folder for built graphs.</param>
internal sealed class PreparedFolders(string cacheFolder)
{
    /// <summary>The beginning of the keys of such folders.</summary>
    private const string KeyPrefix = "prepared-";

    private static readonly TimeSpan s_unused = TimeSpan.FromDays(60);

    // The process that writes may be suspended.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(5);
    private static readonly Limit s_limit = new("STABLEDIFFUSION_MAX_PREPARED_MB", 60_000);

    private readonly BuildCache _cache = new(cacheFolder);

    /// <summary>Why folders of so many bytes are not allowed at all, and what to do; null if they are.</summary>
    /// <param name="bytes">The number of bytes.</param>
    public static string? WhyNot(long bytes) => bytes <= s_limit.Bytes
        ? null
        : string.Create(CultureInfo.CurrentCulture, $"up to {ByteSize.Format(bytes)} are needed, and {s_limit.Variable} allows {ByteSize.Format(s_limit.Bytes)}. Set it to at least {Math.Ceiling((double)bytes / Limit.BytesPerMegabyte):0}.");

    /// <summary>Whether an error means that the cache cannot be used, which saves time only.</summary>
    /// <param name="error">The error.</param>
    public static bool IsOfCache(Exception error) => error is OutputWriteException or OutputExistsException or IOException or UnauthorizedAccessException;

    /// <summary>Why the cache cannot be used, and what to do.</summary>
    /// <param name="error">An error that <see cref="IsOfCache"/>.</param>
    public string Describe(Exception error) => error is DiffusionException
        ? error.Message
        : $"the folder '{cacheFolder}' cannot be used. {Sentence.Of(error)} Make it writable, or set {StorageFolders.CacheVariable} to another one.";

    /// <summary>The key of what is derived from files. Weights are read at the first time only: models of one architecture differ in nothing else.</summary>
    /// <param name="graph">The full path of the graph.</param>
    /// <param name="files">The files, with the graph.</param>
    /// <param name="options">What else it depends on.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    public string Key(string graph, IEnumerable<FileInfo> files, string options, CancellationToken cancellationToken)
    {
        // An import has read all files of the model already.
        FileHashes imported = FileHashes.Open(_cache.HashFolder, Path.GetDirectoryName(Path.GetDirectoryName(graph)) ?? graph), hashes = FileHashes.Open(_cache.HashFolder, graph);
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{options}\n");
        foreach (FileInfo file in files)
            text.Append(CultureInfo.InvariantCulture, $"{file.Name}\n{(imported.Knows(file.FullName) ? imported : hashes).Get(file.FullName, static _ => { }, cancellationToken)}\n");
        hashes.Save();
        return KeyPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..32];
    }

    /// <summary>Keeps a folder from being deleted, if it is there and is as it was written.</summary>
    /// <param name="key">The key.</param>
    /// <param name="cancellationToken">Cancels the reading of files whose times have changed.</param>
    /// <returns>The folder; null if there is none, or if it was damaged, and then it is deleted.</returns>
    public RentedBuild? Rent(string key, CancellationToken cancellationToken)
    {
        if (_cache.Rent(key, cancellationToken) is not RentedBuild rented)
            return null;

        try
        {
            if (ModelManifest.Read(rented.Folder) is ModelManifest manifest)
            {
                manifest.Check(rented.Folder, FileHashes.Open(_cache.HashFolder, rented.Folder), cancellationToken);
                Touch(rented.Folder);
                return rented;
            }
        }
        catch (ModelInvalidException)
        {
            // It is damaged.
        }
        catch
        {
            rented.Dispose();
            throw;
        }

        rented.Dispose();
        Delete(key);
        return null;
    }

    /// <summary>Writes a folder, unless there is no room for it. Where another process writes the same, its end is waited for.</summary>
    /// <param name="key">The key.</param>
    /// <param name="bytes">The most that it can have, in bytes.</param>
    /// <param name="write">Writes the files into a folder.</param>
    /// <param name="cancellationToken">Cancels the writing; nothing remains.</param>
    /// <param name="isRequired">Whether folders in use, which cannot give way yet, do not count; they give way to the next one.</param>
    /// <returns>Null if it is there; otherwise why there is no room for it, and what to do.</returns>
    /// <exception cref="OutputWriteException">The cache cannot be written to.</exception>
    public string? Add(string key, long bytes, Action<string> write, CancellationToken cancellationToken, bool isRequired = false)
    {
        if (WhyNot(bytes) is string tooLarge)
            return tooLarge;
        using IDisposable? writing = WaitForOthers(key, cancellationToken);
        if (_cache.Find(key) is not null)
            return null;
        if (DiskSpace.Free(cacheFolder) is long free && free < bytes)
            return $"up to {ByteSize.Format(bytes)} are needed, and the disk of '{cacheFolder}' has {ByteSize.Format(free)} free. Free some space there, or set {StorageFolders.CacheVariable} to a folder on another disk.";
        if (MakeRoom(bytes, cancellationToken) is var room && room < bytes && !isRequired)
            return $"up to {ByteSize.Format(bytes)} are needed, and others that are in use leave {ByteSize.Format(Math.Max(room, 0))} of the {ByteSize.Format(s_limit.Bytes)} that {s_limit.Variable} allows. Raise it, or close the models that other processes have open.";

        Remember(_cache.Add(key, folder =>
        {
            write(folder);
            WriteManifest(folder, cancellationToken);
        }));
        return null;
    }

    private IDisposable? WaitForOthers(string key, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_longestWait);
        try
        {
            Directory.CreateDirectory(cacheFolder);
            return FolderLock.Own(Path.Combine(cacheFolder, $"{key}.writing"), limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Deletes a folder, unless it is in use.</summary>
    /// <param name="key">The key.</param>
    public void Delete(string key) => _cache.TryDelete(key);

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
    /// <returns>How many bytes the limit then leaves.</returns>
    private long MakeRoom(long needed, CancellationToken cancellationToken)
    {
        (DirectoryInfo Folder, long Length)[] others = [.. _cache.Keys.Where(static key => key.StartsWith(KeyPrefix, StringComparison.Ordinal)).Select(key => (new DirectoryInfo(Path.Combine(cacheFolder, key)), FolderFiles.Length(Path.Combine(cacheFolder, key), cancellationToken)))];
        long limit = s_limit.Bytes, total = others.Sum(static other => other.Length);
        foreach ((DirectoryInfo folder, long length) in others.OrderBy(static other => other.Folder.LastWriteTimeUtc))
        {
            if ((total > limit - needed || DateTime.UtcNow - folder.LastWriteTimeUtc > s_unused) && _cache.TryDelete(folder.Name))
                total -= length;
        }

        return limit - total;
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
}
