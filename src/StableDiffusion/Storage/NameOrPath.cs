namespace StableDiffusion.Storage;

/// <summary>Finds what is given by a name or by a path.</summary>
internal static class NameOrPath
{
    /// <summary>Finds it: by its name where there is one, and else by its path.</summary>
    /// <param name="nameOrPath">What was given.</param>
    /// <param name="findName">Finds the name as it is written and the full path; null if there is no such name.</param>
    /// <param name="isPath">Whether it is the path of something that is meant.</param>
    /// <param name="notFound">Makes the error for what is neither.</param>
    /// <returns>The name, which is the full path where it was found by that, and the full path.</returns>
    public static (string Name, string Path) Find(string nameOrPath, Func<string, (string Name, string Path)?> findName, Func<string, bool> isPath, Func<string, DiffusionException> notFound)
    {
        if (findName(nameOrPath) is (string, string) named)
            return named;
        if (!isPath(nameOrPath))
            throw notFound(nameOrPath);

        string path = Path.GetFullPath(nameOrPath);
        return (path, path);
    }
}
