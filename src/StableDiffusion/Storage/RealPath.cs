namespace StableDiffusion.Storage;

/// <summary>Where a path leads after all links in it, those of its folders too, which .NET resolves for the last part only.</summary>
internal static class RealPath
{
    // As many as Linux follows.
    private const int MostLinks = 40;

    /// <summary>Follows all links in a path.</summary>
    /// <param name="path">The path; parts that do not exist are kept as they are.</param>
    /// <returns>The full path without links.</returns>
    /// <exception cref="IOException">The links go in a circle, or one cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not look into a folder.</exception>
    public static string Of(string path)
    {
        string full = Path.GetFullPath(path);
        string current = Path.GetPathRoot(full)!;
        Stack<string> left = new();
        Push(full[current.Length..]);
        for (int links = 0; left.TryPop(out string? part);)
        {
            // The folder is real here, so that its parent is where the system goes, too.
            if (part == "..")
            {
                current = Path.GetDirectoryName(current) ?? current;
                continue;
            }

            string next = Path.Combine(current, part);
            if (new FileInfo(next).LinkTarget is not string target)
            {
                current = next;
                continue;
            }

            if (++links > MostLinks)
                throw new IOException($"'{path}' leads through too many links.");
            if (Path.IsPathRooted(target))
                current = Path.GetPathRoot(Path.GetFullPath(target))!;
            Push(target[(Path.GetPathRoot(target) ?? string.Empty).Length..]);
        }

        return current;

        void Push(string parts)
        {
            foreach (string part in parts.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar]).Reverse())
            {
                if (part is not ("" or "."))
                    left.Push(part);
            }
        }
    }

    /// <summary>Whether a path without links is below a folder.</summary>
    /// <param name="path">The path, as <see cref="Of"/> returns it.</param>
    /// <param name="folder">The folder, as <see cref="Of"/> returns it.</param>
    public static bool IsInside(string path, string folder) =>
        path.StartsWith(Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar, OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
}
