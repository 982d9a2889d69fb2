namespace StableDiffusion.Storage;

/// <summary>Finds a value that is given as a name or a path.</summary>
internal static class NameOrPath
{
    /// <summary>What to do about a name that a prompt or an image has, in sentences.</summary>
    public const string NamesOnly = "Only names of what is in that folder are allowed here, not paths. Put the file or folder there.";

    /// <summary>Finds it by its name, or otherwise by its path.</summary>
    /// <param name="nameOrPath">The name or path.</param>
    /// <param name="findName">Finds the exact name and the full path; null if there is no such name.</param>
    /// <param name="isPath">Whether a path exists and is of the right kind.</param>
    /// <param name="notFound">Creates the error for a value that is neither.</param>
    /// <returns>The name, which is the full path if it was given as a path, and the full path.</returns>
    public static (string Name, string Path) Find(string nameOrPath, Func<string, (string Name, string Path)?> findName, Func<string, bool> isPath, Func<string, DiffusionException> notFound)
    {
        if (findName(nameOrPath) is (string, string) named)
            return named;
        if (nameOrPath.Contains('\0') || !isPath(nameOrPath))
            throw notFound(nameOrPath);

        string path = Path.GetFullPath(nameOrPath);
        return (path, path);
    }

    /// <summary>The name of the file or folder that a path leads to on any system, in whichever system's form it is written.</summary>
    /// <param name="nameOrPath">A name or path, which is not looked up.</param>
    /// <returns>What follows the last separator or drive; may be empty.</returns>
    public static string WithoutFolder(string nameOrPath)
    {
        string path = nameOrPath.Trim().TrimEnd('/', '\\');
        return path[(path.AsSpan().LastIndexOfAny('/', '\\', ':') + 1)..];
    }
}
