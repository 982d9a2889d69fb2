using System.Text;

namespace StableDiffusion.Storage;

/// <summary>Writes a file completely or not at all.</summary>
internal static class OutputFile
{
    private const int LongestName = 255;

    /// <summary>
    /// Writes a file under a temporary name in the same folder and renames it at the end. If several writers use the same
    /// name and may not replace the file, only one succeeds.
    /// </summary>
    /// <param name="path">The file's full path.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    /// <exception cref="DiskFullException">The disk is full.</exception>
    public static void Write(string path, bool overwrite, Action<Stream> write)
    {
        Check(path, overwrite);
        WriteBeside(path, write, temporary =>
        {
            if (overwrite)
                File.Move(temporary, path, overwrite: true);
            else if (!TryPublish(temporary, path))
                throw new OutputExistsException(path);
        });
    }

    /// <summary>
    /// Writes a file as <see cref="Write"/> does, under the first free numbered name if its own is taken. The name
    /// is chosen when the content is complete, so that several writers never choose the same one and a writer that is
    /// killed does not occupy a name.
    /// </summary>
    /// <param name="path">The file's full path.</param>
    /// <param name="write">Writes the content.</param>
    /// <returns>The full path of the file that was written.</returns>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    /// <exception cref="DiskFullException">The disk is full.</exception>
    public static string WriteNumbered(string path, Action<Stream> write)
    {
        string folder = FolderOf(path);
        string written = path;
        WriteBeside(path, write, temporary =>
        {
            do
                written = Path.Combine(folder, FileNames.Unique(folder, Path.GetFileName(path)));
            while (!TryPublish(temporary, written));
        });
        return written;
    }

    /// <summary>Throws if a file cannot be written, as far as that can be determined without writing. Its folder need not exist if it can be created.</summary>
    /// <param name="path">The file's full path.</param>
    /// <param name="overwrite">Whether an existing file is replaced.</param>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public static void Check(string path, bool overwrite)
    {
        if (Directory.Exists(path))
            throw new OutputWriteException($"The file '{path}' cannot be written: there is a folder of that name. Choose another name.");
        if (!overwrite && File.Exists(path))
            throw new OutputExistsException(path);
        if (LengthOf(Path.GetFileName(path)) > LongestName)
            throw new OutputWriteException($"The file '{ModelFilePath.Printable(Path.GetFileName(path))}' cannot be written: its name is longer than {LongestName} characters. Choose a shorter name.");

        string? folder = FolderOf(path);
        while (folder is not null && !Path.Exists(folder))
            folder = Path.GetDirectoryName(folder);
        if (!Directory.Exists(folder))
            throw new OutputWriteException($"The file '{path}' cannot be written: {(folder is null ? "there is no such drive" : $"'{folder}' is a file or a device, not a folder")}. Choose another folder.");
        if (!RegularFile.CanWriteTo(folder))
            throw new OutputWriteException($"The file '{path}' cannot be written: there is no permission to write to the folder '{folder}'. Choose another folder.");
    }

    /// <summary>Creates the folder of a file and its parent folders, as far as they are missing.</summary>
    /// <param name="path">The file's full path.</param>
    /// <exception cref="OutputWriteException">The folder cannot be created.</exception>
    /// <exception cref="DiskFullException">The disk is full.</exception>
    public static void CreateFolder(string path)
    {
        string folder = FolderOf(path);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (IOException error) when (DiskSpace.IsFull(error))
        {
            throw new DiskFullException(path, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The folder '{folder}' cannot be created: {Sentence.Of(error)} Choose another folder.", error);
        }
    }

    // Windows counts UTF-16 units, other systems bytes.
    private static int LengthOf(string name) => OperatingSystem.IsWindows() ? name.Length : Encoding.UTF8.GetByteCount(name);

    private static string FolderOf(string path) =>
        Path.GetDirectoryName(path) ?? throw new OutputWriteException($"'{path}' is not a file name. Choose another name.");

    private static void WriteBeside(string path, Action<Stream> write, Action<string> publish)
    {
        string folder = FolderOf(path);
        if (!Directory.Exists(folder))
            throw new OutputWriteException($"The file '{path}' cannot be written: the folder '{folder}' does not exist. Create the folder first.");

        try
        {
            AtomicWriter.WriteFile(path, write, publish);
        }
        catch (IOException error) when (DiskSpace.IsFull(error))
        {
            throw new DiskFullException(path, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new OutputWriteException($"The file '{path}' cannot be written: {Sentence.Of(error)} Make sure that the folder is writable.", error);
        }
    }

    // On Unix, File.Move checks for the name before it renames, so two writers could both find it free. Creating an
    // empty file with the name is an atomic operation, which succeeds for only one of them; the rename then replaces its own file.
    private static bool TryPublish(string temporary, string path)
    {
        try
        {
            new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
        }
        catch (Exception error) when ((error is IOException or UnauthorizedAccessException) && Path.Exists(path))
        {
            return false;
        }

        try
        {
            File.Move(temporary, path, overwrite: true);
            return true;
        }
        catch
        {
            AtomicWriter.TryDelete(path);
            throw;
        }
    }
}
