using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace StableDiffusion.Storage;

/// <summary>
/// The SHA-256 of the files of a source. It is cached, so that gigabytes are not read again as long as
/// the length and write time of a large file do not change; small files are read every time.
/// </summary>
internal sealed class FileHashes
{
    private const int LargeFile = 1 << 16;

    // A file that is written again within the clock's resolution can keep its write time, so a hash is cached
    // only for files that were not written recently.
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(3);

    private readonly string _memoryPath;
    private readonly Dictionary<string, FileHash> _remembered;
    private readonly Dictionary<string, FileHash> _current = new(StringComparer.Ordinal);

    private FileHashes(string memoryPath, Dictionary<string, FileHash> remembered)
    {
        _memoryPath = memoryPath;
        _remembered = remembered;
    }

    /// <summary>Opens the cache of a source; if it cannot be read, it is empty.</summary>
    /// <param name="folder">The folder of the caches of all sources.</param>
    /// <param name="source">The full path of the source.</param>
    /// <returns>The cache.</returns>
    public static FileHashes Open(string folder, string source)
    {
        string path = MemoryPath(folder, source);
        return new FileHashes(path, Read(path));
    }

    /// <summary>A cache that is always empty, so that every file is read.</summary>
    /// <param name="source">The full path of the source.</param>
    public static FileHashes Forgetful(string source) => new(source, []);

    /// <summary>The hash of a file.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="read">Receives the number of bytes that were read or skipped.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The SHA-256 in hexadecimal digits.</returns>
    /// <exception cref="ModelInvalidException">The file cannot be read.</exception>
    public string Get(string path, Action<long> read, CancellationToken cancellationToken)
    {
        FileInfo file = Resolve(path);
        if (Recall(path, file) is FileHash entry)
        {
            _current[path] = entry;
            read(file.Length);
            return entry.Hash;
        }

        string hash;
        try
        {
            hash = Hash(path, read, cancellationToken);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"'{path}' cannot be read: {Sentence.Of(error)}", error);
        }

        if (file.Length >= LargeFile && DateTime.UtcNow - file.LastWriteTimeUtc > s_rest)
            _current[path] = new FileHash(file.Length, file.LastWriteTimeUtc, hash);
        return hash;
    }

    /// <summary>Whether the hash of a file is known without reading it.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    public bool Knows(string path) => Recall(path, Resolve(path)) is not null;

    /// <summary>Whether a file is so small that its hash is not kept.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    public static bool IsSmall(string path) => Resolve(path).Length < LargeFile;

    /// <summary>Records the hash of a file that was just written.</summary>
    /// <param name="path">Its full path.</param>
    /// <param name="hash">Its SHA-256 in hexadecimal digits.</param>
    public void Note(string path, string hash)
    {
        FileInfo file = Resolve(path);
        if (file.Length >= LargeFile)
            _current[path] = new FileHash(file.Length, file.LastWriteTimeUtc, hash);
    }

    /// <summary>Saves the cache, if it can be written.</summary>
    public void Save()
    {
        if (_current.Count == _remembered.Count && _current.All(entry => _remembered.GetValueOrDefault(entry.Key) == entry.Value))
            return;

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_memoryPath)!);
            AtomicWriter.WriteFile(_memoryPath, stream => JsonSerializer.Serialize(stream, _current, BuildJson.Default.DictionaryStringFileHash));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The cache only saves time, so a failure to write it is ignored.
        }
    }

    /// <summary>The length of a file; links are followed.</summary>
    /// <exception cref="ModelNotFoundException">There is no such file, or the link leads nowhere.</exception>
    /// <exception cref="ModelInvalidException">The file cannot be read.</exception>
    public static long Length(string path) => Resolve(path).Length;

    /// <summary>Deletes the cached hashes of a source, such as one that was refused.</summary>
    /// <param name="folder">The folder of the caches of all sources.</param>
    /// <param name="source">The full path of the source.</param>
    public static void Forget(string folder, string source) => AtomicWriter.TryDelete(MemoryPath(folder, source));

    /// <summary>Deletes the caches of sources that no longer exist.</summary>
    /// <param name="folder">The folder of the caches of all sources.</param>
    public static void Sweep(string folder)
    {
        try
        {
            foreach (string memory in Directory.EnumerateFiles(folder, "*.json"))
            {
                if (!Read(memory).Keys.Any(File.Exists))
                    AtomicWriter.TryDelete(memory);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // There are none, or another process deletes them.
        }
    }

    private FileHash? Recall(string path, FileInfo file) =>
        _remembered.TryGetValue(path, out FileHash? entry) && entry.Length == file.Length && entry.Written == file.LastWriteTimeUtc ? entry : null;

    private static string MemoryPath(string folder, string source) =>
        Path.Combine(folder, $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)))[..32]}.json");

    /// <summary>Reads a cache; if it is missing or damaged, it is empty, and the files are read again.</summary>
    private static Dictionary<string, FileHash> Read(string memory)
    {
        try
        {
            // JSON allows null in place of each value.
            return (JsonSerializer.Deserialize(RegularFile.ReadAllBytes(memory, BuildJson.MaxLength), BuildJson.Default.DictionaryStringFileHash) ?? [])
                .Where(static entry => entry.Value is { Hash: not null })
                .ToDictionary(StringComparer.Ordinal);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }

    private static FileInfo Resolve(string path)
    {
        try
        {
            FileInfo file = new(path);
            if (file.LinkTarget is not null)
                file = new FileInfo(RealPath.Of(path));
            return file.Exists
                ? file
                : throw new ModelNotFoundException($"There is no file '{path}'{(file.FullName == path ? "" : $": it is a link to '{file.FullName}', which does not exist")}. A model needs it; get it again.");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelNotFoundException($"There is no file '{path}', which a model needs.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"'{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    private static string Hash(string path, Action<long> read, CancellationToken cancellationToken)
    {
        using FileStream stream = RegularFile.Open(path);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[Math.Clamp(stream.Length, 1, 1 << 20)];
        for (int count = stream.Read(buffer); count > 0; count = stream.Read(buffer))
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
            read(count);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
