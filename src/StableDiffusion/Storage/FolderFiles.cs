namespace StableDiffusion.Storage;

/// <summary>
/// Lists the files below a folder that may come from anywhere: links to folders are followed, but none twice. Names that begin
/// with a dot are left out.
/// </summary>
internal static class FolderFiles
{
    /// <summary>The largest number of files and folders that are looked at.</summary>
    public const int MostEntries = 100_000;

    /// <summary>Lists the files in a folder and its subfolders. Subfolders that cannot be read are left out.</summary>
    /// <param name="folder">The full path of the folder; one that does not exist has no files.</param>
    /// <returns>The full paths of the files, at most <see cref="MostEntries"/>, in no particular order.</returns>
    public static IEnumerable<string> Enumerate(string folder)
    {
        int entries = 0;
        HashSet<string> seen = new(StringComparer.Ordinal) { Target(folder) };
        Stack<string> folders = new([folder]);
        while (folders.TryPop(out string? current))
        {
            foreach (string path in Entries(current))
            {
                if (++entries > MostEntries)
                    yield break;
                if (!Directory.Exists(path))
                    yield return path;
                else if (seen.Add(Target(path)))
                    folders.Push(path);
            }
        }
    }

    /// <summary>The total length of the files in a folder and its subfolders in bytes; links are followed.</summary>
    /// <param name="folder">The full path of the folder.</param>
    public static long Length(string folder) => Enumerate(folder).Sum(static file =>
    {
        try
        {
            return FileHashes.Length(file);
        }
        catch (DiffusionException)
        {
            // A link that leads nowhere has no length.
            return 0;
        }
    });

    private static string[] Entries(string folder)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(folder).Take(MostEntries + 1).Where(static path => !Path.GetFileName(path.AsSpan()).StartsWith('.'))];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // A link is known by its target. A folder below a link has another path than below the target; the same link within it ends that.
    private static string Target(string folder)
    {
        try
        {
            return Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName ?? folder;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return folder;
        }
    }
}
