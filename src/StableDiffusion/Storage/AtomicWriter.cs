namespace StableDiffusion.Storage;

/// <summary>Gives files and folders their content in one step, so that what is under a name is whole, whoever breaks off.</summary>
internal static class AtomicWriter
{
    /// <summary>Writes a file under another name in the same folder, and moves it to its place when it is whole and on the disk.</summary>
    /// <param name="path">The file's full path; its folder must exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="publish">Moves the file that it is given to its place; null replaces a file that is there.</param>
    /// <exception cref="IOException">The file cannot be written. Whatever is thrown, nothing of it is left behind.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public static void WriteFile(string path, Action<Stream> write, Action<string>? publish = null)
    {
        string temporary = Path.Combine(Path.GetDirectoryName(path)!, $".{Guid.NewGuid():N}.tmp");
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

    /// <summary>Moves a folder to its place, on the same disk.</summary>
    /// <param name="ready">The folder.</param>
    /// <param name="target">Its place.</param>
    /// <param name="aside">Where a folder goes that is replaced; the caller deletes it. It comes back if the move fails.</param>
    /// <param name="replace">Whether a folder is replaced.</param>
    /// <exception cref="OutputExistsException">There is something in its place, and it may not be replaced.</exception>
    /// <exception cref="IOException">The folder cannot be moved, such as when someone else was faster.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be moved.</exception>
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

    /// <summary>Deletes a file or a folder with all that is in it, if there is one and nobody holds it open.</summary>
    /// <param name="path">Its full path.</param>
    public static void TryDelete(string path)
    {
        try
        {
            if (Directory.Exists(path))
                Directory.Delete(path, recursive: true);
            else
                File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another process holds it, or what went wrong before is what the caller has to know.
        }
    }
}
