namespace StableDiffusion.Storage;

/// <summary>
/// Refuses links that lead out of a folder, since the folder may come from anywhere: what they lead to is the user's own. The
/// path of the folder itself is the user's own, too, and may be a link.
/// </summary>
internal static class FolderLinks
{
    /// <summary>Refuses a file that is not in a folder once all links are followed, unless it is one of Hugging Face's cache.</summary>
    /// <param name="folder">The folder's path.</param>
    /// <param name="path">The path of a file below it; one that does not exist is not an error here.</param>
    /// <exception cref="ModelInvalidException">It leads out of the folder, or a link cannot be followed.</exception>
    public static void Check(string folder, string path)
    {
        try
        {
            string home = RealPath.Of(folder);
            string file = RealPath.Of(path);
            if (!RealPath.IsInside(file, home) && !IsBlob(file, home))
                throw new ModelInvalidException($"'{path}' is a link that leads out of the folder '{folder}', and is not followed. If you trust it, copy the file itself there; a model in a single file can be given or imported by the path of that file.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"'{path}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>
    /// Whether a file is what the cache of Hugging Face has for a folder: there, the files of
    /// <c>models--owner--name/snapshots/commit</c> are links to files in <c>models--owner--name/blobs</c>.
    /// </summary>
    private static bool IsBlob(string file, string folder)
    {
        for (DirectoryInfo? current = new(folder); current is not null; current = current.Parent)
        {
            if (current.Parent is { Name: "snapshots", Parent: { } repository } && repository.Name.StartsWith("models--", StringComparison.Ordinal))
                return Path.GetDirectoryName(file) == Path.Combine(repository.FullName, "blobs");
        }

        return false;
    }
}
