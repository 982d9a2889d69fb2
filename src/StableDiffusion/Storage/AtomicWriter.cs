namespace StableDiffusion.Storage;

/// <summary>Writes files and folders atomically, so that each is complete even if a writer is interrupted.</summary>
internal static class AtomicWriter
{
    private const int MostDeletions = 1000;

    /// <summary>Writes a file under a temporary name in the same folder, and renames it when it is complete and on the disk.</summary>
    /// <param name="path">The file's full path; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="publish">Moves the given file to its place; null replaces an existing file.</param>
    /// <exception cref="IOException">The file cannot be written. After any exception, no partial file remains.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to write to the folder.</exception>
    public static void WriteFile(string path, Action<Stream> write, Action<string>? publish = null)
    {
        string folder = Path.GetDirectoryName(path)!;
        TemporaryFile.SweepOnce(folder);
        string temporary = TemporaryFile.NewIn(folder);
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            if (publish is null)
                File.Move(temporary, path, overwrite: true);
            else
                publish(temporary);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Moves a folder to its place on the same disk.</summary>
    /// <param name="ready">The folder.</param>
    /// <param name="target">Its place.</param>
    /// <param name="aside">The temporary path of a folder that is replaced; the caller deletes it. It is restored if the move fails.</param>
    /// <param name="replace">Whether a folder is replaced.</param>
    /// <exception cref="OutputExistsException">The target exists and may not be replaced.</exception>
    /// <exception cref="IOException">The folder cannot be moved, for example because another process was faster.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to move the folder.</exception>
    public static void MoveFolder(string ready, string target, string aside, bool replace)
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

    /// <summary>Deletes a folder with its contents, read-only files too, if it exists; of a link, only the link. Another process may delete it at the same time.</summary>
    /// <param name="folder">Its full path.</param>
    /// <exception cref="IOException">A file is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to delete it.</exception>
    public static void DeleteFolder(string folder)
    {
        // Elsewhere, the permissions of the folder decide.
        if (OperatingSystem.IsWindows() && new DirectoryInfo(folder).LinkTarget is null)
            SetReadOnly(folder, isReadOnly: false);
        for (int deletion = 1; ; deletion++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
                return;
            }
            catch (Exception error) when (error is DirectoryNotFoundException or FileNotFoundException && deletion < MostDeletions)
            {
                // Another process was faster, perhaps with a part of it only.
                if (!Path.Exists(folder))
                    return;
            }
        }
    }

    /// <summary>Deletes a file, even a read-only one, if it exists.</summary>
    /// <param name="path">Its full path.</param>
    /// <exception cref="IOException">It is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to delete it.</exception>
    public static void DeleteFile(string path)
    {
        if (OperatingSystem.IsWindows() && File.Exists(path))
            File.SetAttributes(path, FileAttributes.Normal);
        File.Delete(path);
    }

    /// <summary>Makes the files in a folder read-only where that is possible, so that no program changes one while it is open.</summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="isReadOnly">Whether they become read-only, or writable again.</param>
    public static void SetReadOnly(string folder, bool isReadOnly = true)
    {
        try
        {
            foreach (FileInfo file in new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.IsReadOnly != isReadOnly))
                file.IsReadOnly = isReadOnly;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Not every file system has it. The lengths of the files are checked all the same.
        }
    }

    /// <summary>Deletes a file or a folder with its contents, if it exists and is not in use.</summary>
    /// <param name="path">Its full path.</param>
    public static void TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path))
                DeleteFolder(path);
            else
                DeleteFile(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another process has it open, or the caller must see an earlier error.
        }
    }
}
