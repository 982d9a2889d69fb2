using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>
/// The folder in <see cref="StorageFolders.Downloads"/> where the files of a model are collected: <c>parts</c> has incomplete
/// files, named by their content, and <c>files</c> complete ones, with their paths in the model's folder. It is kept when a
/// download is interrupted, so that the next one resumes, and only one process uses it at a time.
/// </summary>
internal sealed class DownloadFolder : IDisposable
{
    private const string Files = "files";
    private const string Parts = "parts";
    private const string TemporaryPrefix = ".part-";

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(500);

    private readonly string _root;
    private readonly IDisposable _lock;

    private DownloadFolder(string root, IDisposable lockFile)
    {
        _root = root;
        _lock = lockFile;
    }

    /// <summary>The folder of the complete files.</summary>
    public string FilesFolder => Path.Combine(_root, Files);

    /// <summary>Opens the folder of a download, once no other process uses it.</summary>
    /// <param name="name">The name of the folder, which identifies the download.</param>
    /// <param name="settings">The settings for waiting.</param>
    /// <param name="waiting">Receives the reason for waiting; null when the waiting is over.</param>
    /// <param name="cancellationToken">Cancels the waiting.</param>
    /// <exception cref="OutputWriteException">The folder cannot be created.</exception>
    public static async Task<DownloadFolder> OpenAsync(string name, HubSettings settings, Action<string?> waiting, CancellationToken cancellationToken)
    {
        string root = Path.Combine(settings.Folders.Downloads, name);
        for (;;)
        {
            try
            {
                Directory.CreateDirectory(settings.Folders.Downloads);
                if (TryOpen(root) is DownloadFolder folder)
                {
                    waiting(null);
                    return folder;
                }

                waiting("another process is saving the same model");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw CannotWrite(settings.Folders.Downloads, error);
            }

            await settings.Delay(s_poll, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Opens the folder of a download, unless a process uses it.</summary>
    /// <param name="root">The full path of the folder, which need not exist.</param>
    /// <returns>The folder; null if it is in use.</returns>
    /// <exception cref="IOException">The lock file beside it cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The lock file beside it cannot be created.</exception>
    public static DownloadFolder? TryOpen(string root)
    {
        IDisposable? held = FolderLock.TryOwn(root);
        return held is null ? null : new DownloadFolder(root, held);
    }

    /// <summary>The path of a complete file.</summary>
    public string FilePath(string path) => Path.Combine(FilesFolder, path);

    /// <summary>The path of an incomplete file. It is named by its content, so that the content of another revision never resumes it.</summary>
    public string PartPath(HubFile file)
    {
        string name = file.Sha256 ?? file.BlobId ?? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Path)));
        string path = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.Path)))[..8];
        return Path.Combine(_root, Parts, $"{name}-{path}.part");
    }

    /// <summary>The number of bytes of some files that are already downloaded.</summary>
    public long Present(IEnumerable<HubFile> files) => files.Sum(file => Math.Max(LengthOf(FilePath(file.Path)), LengthOf(PartPath(file))));

    /// <summary>Deletes complete files that are not among those to keep, and folders that become empty.</summary>
    /// <param name="files">The files to keep.</param>
    /// <exception cref="OutputWriteException">A file cannot be deleted.</exception>
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

    /// <summary>Deletes all contents.</summary>
    /// <exception cref="OutputWriteException">They cannot be deleted.</exception>
    public void Clear()
    {
        try
        {
            AtomicWriter.DeleteFolder(_root);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(_root, error);
        }
    }

    /// <summary>Deletes the folder as far as possible; the next download checks what is left.</summary>
    public void Discard() => AtomicWriter.TryDelete(_root);

    /// <summary>Moves the complete files to the model's folder in one step, and deletes the rest.</summary>
    /// <param name="target">The full path of the model's folder.</param>
    /// <param name="replace">Whether a folder of that name is replaced.</param>
    /// <exception cref="OutputExistsException">There is such a folder, and it may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The files cannot be moved; they stay here.</exception>
    public void Publish(string target, bool replace)
    {
        string store = Path.GetDirectoryName(target)!;
        // In a folder with another name, neither copy can be taken for a model if this is interrupted.
        string temporary = Path.Combine(store, $"{TemporaryPrefix}{Guid.NewGuid():N}");
        string name = Path.GetFileName(target);
        try
        {
            Directory.CreateDirectory(Path.Combine(temporary, "old"));
            string ready = BringTo(temporary, name);
            AtomicWriter.MoveFolder(ready, target, Path.Combine(temporary, "old", name), replace);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The model's folder '{target}' cannot be written: {Sentence.Of(error)} Close the model if it is open, make sure that there is room on the disk, and try again. All files are downloaded already.", error) { Remedy = Remedy.CloseModels };
        }
        finally
        {
            AtomicWriter.TryDelete(temporary);
        }

        Discard();
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    // Files cannot be moved from one disk to another; they are copied beside the target and moved from there.
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

    private static void DeleteEmpty(string folder)
    {
        foreach (string inner in Directory.GetDirectories(folder))
            DeleteEmpty(inner);
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
            Directory.Delete(folder);
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private static OutputWriteException CannotWrite(string path, Exception error) =>
        new($"The folder '{path}' cannot be written to: {Sentence.Of(error)} Make sure that it is writable, or set {StorageFolders.CacheVariable} to another folder.", error);
}
