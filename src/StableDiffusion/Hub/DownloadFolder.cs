using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>
/// Where a model's files are gathered, in <see cref="HubSettings.DownloadsFolder"/>: <c>parts</c> holds files on their way,
/// named after their content, and <c>files</c> whole ones, as they will lie in the model's folder. It stays when a
/// download breaks off, so that the next one goes on, and is one process's at a time.
/// </summary>
internal sealed class DownloadFolder : IDisposable
{
    private const string Files = "files";
    private const string Parts = "parts";
    private const string TemporaryPrefix = ".part-";

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    private readonly string _root;
    private readonly FileStream _lock;

    private DownloadFolder(string root, FileStream lockFile)
    {
        _root = root;
        _lock = lockFile;
    }

    /// <summary>The folder of the files that are whole.</summary>
    public string FilesFolder => Path.Combine(_root, Files);

    /// <summary>Opens the folder of a download, when no other process has it.</summary>
    /// <param name="name">The folder's name, which tells the download from others.</param>
    /// <param name="settings">How to wait.</param>
    /// <param name="waiting">Is told what is waited for; null when the waiting is over.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="OutputWriteException">The folder cannot be made.</exception>
    public static async Task<DownloadFolder> OpenAsync(string name, HubSettings settings, Action<string?> waiting, CancellationToken cancellationToken)
    {
        string root = Path.Combine(settings.DownloadsFolder, name);
        for (;;)
        {
            try
            {
                Directory.CreateDirectory(settings.DownloadsFolder);
                if (TryOpen(root) is DownloadFolder folder)
                {
                    waiting(null);
                    return folder;
                }

                waiting("another process saves the same model");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw CannotWrite(settings.DownloadsFolder, error);
            }

            await settings.Delay(s_poll, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Opens the folder of a download, unless a process has it.</summary>
    /// <param name="root">The full path of the folder, which need not exist.</param>
    /// <returns>The folder; null where it is in use.</returns>
    /// <exception cref="IOException">The lock beside it cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The lock beside it cannot be made.</exception>
    public static DownloadFolder? TryOpen(string root)
    {
        try
        {
            // The file stays: one that goes away could be locked by two, each having opened another one.
            return new DownloadFolder(root, new FileStream($"{root}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException error) when (IsSharingViolation(error))
        {
            return null;
        }
    }

    /// <summary>How many bytes are free where a folder lies, or would lie.</summary>
    public static long? FreeSpace(string folder)
    {
        try
        {
            string? existing = folder;
            while (existing is not null && !Directory.Exists(existing))
                existing = Path.GetDirectoryName(existing);
            return existing is null ? null : new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(existing)! : existing).AvailableFreeSpace;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Shares of a network have no drive. A disk that is full says so when it is written to.
            return null;
        }
    }

    /// <summary>The place of a file that is whole.</summary>
    public string FilePath(string path) => Path.Combine(FilesFolder, path);

    /// <summary>The place of a file on its way. Its name is its content's, so another revision's content never goes on in it.</summary>
    public string PartPath(HubFile file)
    {
        string name = file.Sha256 ?? file.BlobId ?? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Path)));
        string path = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Path)))[..8];
        return Path.Combine(_root, Parts, $"{name}-{path}.part");
    }

    /// <summary>How many bytes of some files are here.</summary>
    public long Present(IEnumerable<HubFile> files) => files.Sum(file => Math.Max(LengthOf(FilePath(file.Path)), LengthOf(PartPath(file))));

    /// <summary>Takes away the whole files that are not among those to keep, and the folders that they leave empty.</summary>
    /// <param name="files">The files to keep.</param>
    /// <exception cref="OutputWriteException">One cannot be taken away.</exception>
    public void KeepOnly(IEnumerable<HubFile> files)
    {
        if (!Directory.Exists(FilesFolder))
            return;

        HashSet<string> kept = [.. files.Select(file => Path.GetFullPath(FilePath(file.Path)))];
        try
        {
            foreach (string path in Directory.EnumerateFiles(FilesFolder, "*", SearchOption.AllDirectories))
            {
                if (!kept.Contains(Path.GetFullPath(path)))
                    File.Delete(path);
            }

            DeleteEmpty(FilesFolder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(FilesFolder, error);
        }
    }

    /// <summary>Takes away all that is here.</summary>
    /// <exception cref="OutputWriteException">It cannot be taken away.</exception>
    public void Clear()
    {
        try
        {
            if (Directory.Exists(_root))
                Directory.Delete(_root, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(_root, error);
        }
    }

    /// <summary>Takes away all that is here, as far as that can be done: what is left is looked at anew by the next download.</summary>
    public void Discard() => TryDelete(_root);

    /// <summary>Gives the whole files their place as a model's folder, in one step, and takes away what is left here.</summary>
    /// <param name="target">The full path of the model's folder.</param>
    /// <param name="replace">Whether a folder of that name is replaced.</param>
    /// <exception cref="OutputExistsException">There is such a folder, and it may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The files cannot be moved; they stay here.</exception>
    public void Publish(string target, bool replace)
    {
        string store = Path.GetDirectoryName(target)!;
        // Below a folder of another name, neither copy can be taken for a model, whenever this breaks off.
        string temporary = Path.Combine(store, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        string name = Path.GetFileName(target);
        try
        {
            Directory.CreateDirectory(Path.Combine(temporary, "old"));
            string ready = BringTo(temporary, name);
            Exchange(ready, target, Path.Combine(temporary, "old", name), replace);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The model's folder '{target}' cannot be written: {error.Message} Close the model if it is open, make sure that there is room on the disk, and try again. All files are downloaded already.", error) { Remedy = Remedy.CloseModels };
        }
        finally
        {
            TryDelete(temporary);
        }

        Discard();
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    // A disk takes no move from another one; there, a copy beside the target is what is moved in place.
    private string BringTo(string temporary, string name)
    {
        string probe = Path.Combine(_root, "probe");
        Directory.CreateDirectory(probe);
        try
        {
            Directory.Move(probe, Path.Combine(temporary, "probe"));
            return FilesFolder;
        }
        catch (IOException)
        {
            string copy = Path.Combine(temporary, "new", name);
            foreach (string file in Directory.EnumerateFiles(FilesFolder, "*", SearchOption.AllDirectories))
            {
                string place = Path.Combine(copy, Path.GetRelativePath(FilesFolder, file));
                Directory.CreateDirectory(Path.GetDirectoryName(place)!);
                File.Copy(file, place);
            }

            return copy;
        }
    }

    private static void Exchange(string ready, string target, string aside, bool replace)
    {
        bool isReplaced = false;
        if (Path.Exists(target))
        {
            if (!replace)
                throw new OutputExistsException(target);
            Directory.Move(target, aside);
            isReplaced = true;
        }

        try
        {
            Directory.Move(ready, target);
        }
        catch (IOException) when (!isReplaced && Path.Exists(target))
        {
            throw new OutputExistsException(target);
        }
        catch when (isReplaced && !Path.Exists(target))
        {
            Directory.Move(aside, target);
            throw;
        }
    }

    private static void DeleteEmpty(string folder)
    {
        foreach (string inner in Directory.GetDirectories(folder))
            DeleteEmpty(inner);
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    private static void TryDelete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another process holds a file of it. Nothing looks there.
        }
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // Windows by its own number; elsewhere the number of the lock that is taken, on Linux and on macOS.
    private static bool IsSharingViolation(IOException error) =>
        OperatingSystem.IsWindows() ? (error.HResult & 0xffff) is 32 or 33 : error.HResult is 11 or 35;

    private static OutputWriteException CannotWrite(string path, Exception error) =>
        new($"The folder '{path}' cannot be written to: {error.Message} See to it that it may be, or name another one by {StorageFolders.CacheVariable}.", error);
}
