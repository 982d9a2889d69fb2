namespace StableDiffusion.Images;

/// <summary>Writes a file whole or not at all.</summary>
internal static class OutputFile
{
    /// <summary>
    /// Writes a file under another name in the same folder and gives it its own name at last. Of several writers of one
    /// name that may not replace it, one succeeds.
    /// </summary>
    /// <param name="path">The file's full path.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public static void Write(string path, bool overwrite, Action<Stream> write)
    {
        string folder = Check(path, overwrite);
        string temporary = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            Publish(temporary, path, overwrite);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            if (!overwrite && File.Exists(path))
                throw new OutputExistsException(path);
            throw new OutputWriteException($"The file '{path}' cannot be written: {error.Message} See to it that the folder may be written to and that the disk has room.", error);
        }
        finally
        {
            Remove(temporary);
        }
    }

    /// <summary>Finds what would keep a file from being written, as far as that can be told without writing.</summary>
    /// <param name="path">The file's full path.</param>
    /// <param name="overwrite">Whether a file of that name is replaced.</param>
    /// <returns>The folder that the file is to lie in.</returns>
    /// <exception cref="OutputExistsException">The file exists and may not be replaced.</exception>
    /// <exception cref="OutputWriteException">The file cannot be written.</exception>
    public static string Check(string path, bool overwrite)
    {
        if (Directory.Exists(path))
            throw new OutputWriteException($"The file '{path}' cannot be written: there is a folder of that name. Choose another name.");
        if (!overwrite && File.Exists(path))
            throw new OutputExistsException(path);

        string folder = Path.GetDirectoryName(path) ?? throw new OutputWriteException($"'{path}' is no name of a file. Choose another name.");
        return Directory.Exists(folder)
            ? folder
            : throw new OutputWriteException($"The file '{path}' cannot be written: the folder '{folder}' does not exist. Make the folder first.");
    }

    // On Unix, File.Move looks for the name and renames after that, so two writers could both find it free. Making an
    // empty file under the name is one act that only the first of them can do; the renaming then replaces its own.
    private static void Publish(string temporary, string path, bool overwrite)
    {
        bool isReserved = false;
        try
        {
            if (!overwrite)
            {
                new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete).Dispose();
                isReserved = true;
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch when (isReserved)
        {
            Remove(path);
            throw;
        }
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What went wrong before is what the caller has to know.
        }
    }
}
