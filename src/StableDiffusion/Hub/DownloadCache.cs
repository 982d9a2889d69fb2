using StableDiffusion.Storage;

namespace StableDiffusion.Hub;

/// <summary>What is kept of downloads that broke off or whose model could not be put in its place, so that the next one goes on.</summary>
public static class DownloadCache
{
    /// <summary>Lists them, those in progress too.</summary>
    /// <returns>The full path of each one's folder, in order.</returns>
    public static IReadOnlyList<string> List() => Directory.Exists(StorageFolders.Downloads)
        ? [.. Directory.EnumerateDirectories(StorageFolders.Downloads).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Deletes what is kept of a download; the next one of that model begins anew.</summary>
    /// <param name="folder">Its folder, as <see cref="List"/> gives it.</param>
    /// <returns>How many bytes that freed; null where the download is in progress, and was left alone.</returns>
    /// <exception cref="OutputWriteException">Something of it could not be deleted.</exception>
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
            throw new OutputWriteException($"The download in '{folder}' could not be deleted: {error.Message} Close what uses it and try again.", error);
        }
    }
}
