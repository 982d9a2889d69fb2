using System.Text.Json;

namespace StableDiffusion.Storage;

/// <summary>
/// The folder of built models, each under its key. A build is written to a temporary folder beside them
/// and moved to its place in one step, so that each build is complete, even if others build the same or a build is interrupted.
/// Its files are read-only, and it is not deleted while a process has rented it.
/// </summary>
/// <param name="root">The full path of the folder.</param>
/// <param name="description">The description of the folder in messages.</param>
internal sealed class BuildCache(string root, string description = "the cache")
{
    /// <summary>The name of the file with the lengths of a build's files.</summary>
    public const string ManifestName = "build.json";

    private const string TemporaryPrefix = ".building-";

    private static readonly TimeSpan s_abandoned = TimeSpan.FromDays(1);

    /// <summary>The full path of the folder.</summary>
    public string Root => root;

    /// <summary>The folder of the cached hashes of sources.</summary>
    public string HashFolder => Path.Combine(root, ".hashes");

    /// <summary>The keys of the built models, complete or not.</summary>
    public IEnumerable<string> Keys => Directory.Exists(root)
        ? Directory.EnumerateDirectories(root).Select(static folder => Path.GetFileName(folder)).Where(static name => name[0] != '.')
        : [];

    /// <summary>Whether a folder is one of a build, complete or not.</summary>
    public static bool IsBuilt(string folder) => File.Exists(Path.Combine(folder, ManifestName));

    /// <summary>Whether a folder is a complete build: every file exists and has the length that it was written with.</summary>
    public static bool IsWhole(string folder)
    {
        try
        {
            string manifest = Path.Combine(folder, ManifestName);
            Dictionary<string, long>? files = JsonSerializer.Deserialize(RegularFile.ReadAllBytes(manifest, BuildJson.MaxLength), BuildJson.Default.DictionaryStringInt64);
            return files is not null
                && files.All(file => new FileInfo(Path.Combine(folder, file.Key)) is { Exists: true } info && info.Length == file.Value);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            // A name that is no path is damage as well.
            return false;
        }
    }

    /// <summary>Whether a folder has not been written to for so long that no process can be about to use it.</summary>
    public static bool IsOld(string folder) => DateTime.UtcNow - Directory.GetLastWriteTimeUtc(folder) > s_abandoned;

    /// <summary>The folder of a built model, if it exists and is complete.</summary>
    /// <param name="key">The model's key.</param>
    /// <returns>The full path of its folder, or null.</returns>
    public string? Find(string key)
    {
        string folder = Path.Combine(root, key);
        return IsWhole(folder) ? folder : null;
    }

    /// <summary>Gets a built model for use: it is not deleted before the rent is over.</summary>
    /// <param name="key">The model's key.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process that is deleting it.</param>
    /// <returns>The model; null if it does not exist or is not complete.</returns>
    public RentedBuild? Rent(string key, CancellationToken cancellationToken)
    {
        string folder = Path.Combine(root, key);
        IDisposable? held = FolderLock.Share(folder, cancellationToken);
        if (IsWhole(folder))
            return new RentedBuild(folder, held);

        held?.Dispose();
        return null;
    }

    /// <summary>Builds a model.</summary>
    /// <param name="key">The model's key.</param>
    /// <param name="write">Writes all of the model's files to the given folder.</param>
    /// <param name="replace">Whether an existing, complete build is replaced.</param>
    /// <returns>The full path of the model's folder.</returns>
    /// <exception cref="OutputWriteException">The folder cannot be written to; no partial build remains.</exception>
    public string Add(string key, Action<string> write, bool replace = false) => Borrow(write, temporary => Place(key, temporary, replace));

    /// <summary>Moves a model that was built temporarily to its place.</summary>
    /// <param name="key">The model's key.</param>
    /// <param name="temporary">The folder that it was built in.</param>
    /// <param name="replace">Whether an existing, complete build is replaced.</param>
    /// <returns>The full path of the model's folder.</returns>
    /// <exception cref="IOException">It cannot be moved.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write to the folder.</exception>
    public string Place(string key, string temporary, bool replace)
    {
        string folder = Path.Combine(root, key);
        WriteManifest(temporary);
        AtomicWriter.SetReadOnly(temporary);
        MoveInto(folder, temporary, key, replace);
        return folder;
    }

    /// <summary>Builds a model temporarily, and deletes it after use.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="write">Writes all of the model's files to the given folder.</param>
    /// <param name="use">Uses the model in that folder.</param>
    /// <returns>The result.</returns>
    /// <exception cref="OutputWriteException">The folder cannot be written to.</exception>
    public T Borrow<T>(Action<string> write, Func<string, T> use)
    {
        string temporary = Path.Combine(root, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(root);
            Sweep();
            using (FolderLock.TryOwn(temporary))
            {
                Directory.CreateDirectory(temporary);
                try
                {
                    write(temporary);
                    return use(temporary);
                }
                finally
                {
                    AtomicWriter.TryDelete(temporary);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException(
                $"The model cannot be built in '{root}': {Sentence.Of(error)} {(DiskSpace.IsFull(error) ? "Free some space there" : "Make sure that the folder is writable")}, or choose another folder for {description}.", error);
        }
        finally
        {
            AtomicWriter.TryDelete(FolderLock.PathOf(temporary));
        }
    }

    /// <summary>Deletes a built model, unless a process has rented it.</summary>
    /// <param name="key">The model's key.</param>
    /// <returns>Whether it was deleted, or did not exist.</returns>
    /// <exception cref="IOException">A file is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to delete it.</exception>
    public bool TryDelete(string key)
    {
        string folder = Path.Combine(root, key);
        if (!Directory.Exists(folder))
            return true;
        using IDisposable? owned = FolderLock.TryOwn(folder);
        if (owned is null)
            return false;

        // In one step, so that a process that comes in between finds all of it or nothing.
        string aside = Path.Combine(root, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        try
        {
            // Otherwise another process could sweep it meanwhile.
            using (FolderLock.TryOwn(aside))
            {
                // Another process may have been faster.
                if (!Directory.Exists(folder))
                    return true;
                Directory.Move(folder, aside);
                AtomicWriter.DeleteFolder(aside);
            }
        }
        finally
        {
            AtomicWriter.TryDelete(FolderLock.PathOf(aside));
        }

        return true;
    }

    /// <summary>The length of what can be deleted now, in bytes: builds that no process has rented, and what interrupted builds left.</summary>
    /// <param name="cancellationToken">Cancels it between two files.</param>
    public long MeasureUnused(CancellationToken cancellationToken) => Directory.Exists(root)
        ? Directory.EnumerateDirectories(root).Where(folder => folder != HashFolder && IsUnused(folder)).Sum(folder => FolderFiles.Length(folder, cancellationToken))
        : 0;

    private static bool IsUnused(string folder)
    {
        try
        {
            // Only to look, no lock is made.
            if (!File.Exists(FolderLock.PathOf(folder)))
                return true;
            using IDisposable? owned = FolderLock.TryOwn(folder);
            return owned is not null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Deletes what interrupted builds left, and the hashes of sources that no longer exist.</summary>
    public void Sweep()
    {
        if (!Directory.Exists(root))
            return;

        foreach (string folder in Directory.EnumerateDirectories(root, $"{TemporaryPrefix}*"))
        {
            if (IsAbandoned(folder))
                AtomicWriter.TryDelete(folder);
        }

        FileHashes.Sweep(HashFolder);
    }

    private static bool IsAbandoned(string folder)
    {
        try
        {
            // Builds of older versions have no lock.
            if (!File.Exists(FolderLock.PathOf(folder)))
                return IsOld(folder);

            using IDisposable? owned = FolderLock.TryOwn(folder);
            if (owned is null)
                return false;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        AtomicWriter.TryDelete(FolderLock.PathOf(folder));
        return true;
    }

    private static void WriteManifest(string folder)
    {
        Dictionary<string, long> files = [];
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            files.Add(Path.GetRelativePath(folder, file).Replace('\\', '/'), new FileInfo(file).Length);
        File.WriteAllBytes(Path.Combine(folder, ManifestName), JsonSerializer.SerializeToUtf8Bytes(files, BuildJson.Default.DictionaryStringInt64));
    }

    private void MoveInto(string folder, string temporary, string key, bool replace)
    {
        // An incomplete build would block its place forever.
        string aside = Path.Combine(root, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        try
        {
            AtomicWriter.MoveFolder(temporary, folder, aside, replace || (Directory.Exists(folder) && Find(key) is null));
        }
        catch (Exception error) when (error is IOException or OutputExistsException && Find(key) is not null)
        {
            // Another process was faster, and built the same.
        }
        finally
        {
            AtomicWriter.TryDelete(aside);
        }
    }
}
