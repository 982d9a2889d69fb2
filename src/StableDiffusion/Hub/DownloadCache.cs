namespace StableDiffusion.Hub;

/// <summary>The files of interrupted downloads, which are kept so that the next download resumes.</summary>
internal sealed class DownloadCache
{
    /// <summary>Initializes the cache.</summary>
    /// <param name="folder">The full path of its folder, which need not exist.</param>
    public DownloadCache(string folder) => Folder = folder;

    /// <summary>The full path of its folder.</summary>
    public string Folder { get; }

    /// <summary>Lists them, including those in progress.</summary>
    /// <returns>The full path of the folder of each, in order.</returns>
    public IReadOnlyList<string> List() => Directory.Exists(Folder)
        ? [.. Directory.EnumerateDirectories(Folder).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Deletes the files of a download; the next download of that model starts again.</summary>
    /// <param name="folder">The folder, as returned by <see cref="List"/>.</param>
    /// <returns>The number of bytes freed; null if the download is in progress, and was not deleted.</returns>
    /// <exception cref="OutputWriteException">A file could not be deleted.</exception>
    public static long? Delete(string folder)
    {
        try
        {
            using DownloadFolder? download = DownloadFolder.TryOpen(folder);
            if (download is null)
                return null;

            long length = Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length) : 0;
            download.Clear();
            return length;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The download in '{folder}' could not be deleted: {Sentence.Of(error)} Close what uses it and try again.", error);
        }
    }
}
