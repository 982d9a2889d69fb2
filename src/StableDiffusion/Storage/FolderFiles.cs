using System.IO.Enumeration;

namespace StableDiffusion.Storage;

/// <summary>Lists the files below a folder that may come from anywhere. Names that begin with a dot are left out.</summary>
internal static class FolderFiles
{
    /// <summary>The largest number of files and folders that are looked at.</summary>
    public const int MostEntries = 100_000;

    /// <summary>The largest number of files and folders of a model that are looked at; known models have at most a few hundred.</summary>
    public const int MostModelEntries = 10_000;

    /// <summary>
    /// Lists the files in a folder and its subfolders. Links to folders are followed, but none twice, and only after the folder
    /// itself: a link to a whole disk hides none of its files. Subfolders that cannot be read are left out.
    /// </summary>
    /// <param name="folder">The full path of the folder; one that does not exist has no files.</param>
    /// <param name="cancellationToken">Cancels it between two files.</param>
    /// <returns>The full paths of the files, at most <see cref="MostEntries"/>, in no particular order.</returns>
    public static IEnumerable<string> Enumerate(string folder, CancellationToken cancellationToken) =>
        Enumerate(folder, MostEntries, followsLinks: true, cancellationToken);

    /// <summary>
    /// The total length of the files in a model's folder and its subfolders in bytes. Links to files are followed, those to
    /// folders are not: they may lead to anything, such as a whole disk.
    /// </summary>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="cancellationToken">Cancels it between two files.</param>
    public static long Length(string folder, CancellationToken cancellationToken) => Enumerate(folder, MostModelEntries, followsLinks: false, cancellationToken).Sum(static file =>
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

    private static IEnumerable<string> Enumerate(string folder, int most, bool followsLinks, CancellationToken cancellationToken)
    {
        int entries = 0;
        HashSet<string> seen = new(StringComparer.Ordinal) { Target(folder) };
        Stack<string> folders = new([folder]);
        Queue<string> links = new();
        while (folders.TryPop(out string? current) || links.TryDequeue(out current))
        {
            foreach ((string path, bool isFolder, bool isLink) in Entries(current, most - entries))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (++entries > most)
                    yield break;
                if (!isFolder)
                    yield return path;
                else if (!isLink)
                    folders.Push(path);
                else if (followsLinks && seen.Add(Target(path)))
                    links.Enqueue(path);
            }
        }
    }

    // Of a file, nothing but its name is looked at, since a folder may have very many.
    private static (string Path, bool IsFolder, bool IsLink)[] Entries(string folder, int most)
    {
        try
        {
            FileSystemEnumerable<(string Path, bool IsFolder, bool IsLink)> entries = new(
                folder,
                static (ref entry) => (entry.ToFullPath(), entry.IsDirectory, entry.IsDirectory && entry.Attributes.HasFlag(FileAttributes.ReparsePoint)),
                new EnumerationOptions { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false })
            {
                ShouldIncludePredicate = static (ref entry) => !entry.FileName.StartsWith('.'),
            };
            return [.. entries.Take(most + 1)];
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
