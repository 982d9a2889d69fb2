using StableDiffusion.Networks;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>The ControlNets that can be used by name: folders and files in the user's folder for them.</summary>
public static class ControlNetStore
{
    /// <summary>Lists the names of the ControlNets, in order; the content of folders and files is not looked at.</summary>
    /// <returns>The names.</returns>
    public static IReadOnlyList<string> List() => Directory.Exists(StorageFolders.ControlNets)
        ? [.. Directory.EnumerateFileSystemEntries(StorageFolders.ControlNets).Where(IsControlNet).Select(NameOf).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase)]
        : [];

    /// <summary>Whether a ControlNet goes by this name.</summary>
    /// <param name="name">The name, with a file's ending or without.</param>
    /// <returns>False also for a path.</returns>
    public static bool Contains(string name) => PathOf(name) is not null;

    /// <summary>Finds a ControlNet.</summary>
    /// <param name="nameOrPath">A name, or the path of a folder or file.</param>
    /// <returns>Its name, which is its path where it was given by that, and its full path.</returns>
    /// <exception cref="ControlNetNotFoundException">There is no such ControlNet; the message lists those in the folder.</exception>
    internal static (string Name, string Path) Locate(string nameOrPath)
    {
        if (PathOf(nameOrPath) is string stored)
            return (NameOf(stored), stored);
        if (nameOrPath.Length > 0 && System.IO.Path.Exists(nameOrPath))
            return (System.IO.Path.GetFullPath(nameOrPath), System.IO.Path.GetFullPath(nameOrPath));

        IReadOnlyList<string> names = List();
        string known = names.Count > 0 ? $"holds {string.Join(", ", names)}" : "holds none";
        throw new ControlNetNotFoundException($"There is no ControlNet '{nameOrPath}'; '{StorageFolders.ControlNets}' {known}. Put the folder or file there, or give its path.");
    }

    private static bool IsControlNet(string path) => Directory.Exists(path)
        ? File.Exists(System.IO.Path.Combine(path, ModelParts.Config))
        : TensorFile.HasKnownEnding(path);

    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(path));
        return Directory.Exists(path) || !TensorFile.HasKnownEnding(name)
            ? name
            : System.IO.Path.GetFileNameWithoutExtension(name);
    }

    private static string? PathOf(string name)
    {
        // A name is one entry of the folder; anything that could lead out of it is a path.
        if (!ModelFilePath.IsSafeName(name))
            return null;

        string path = System.IO.Path.Combine(StorageFolders.ControlNets, name);
        return ((string[])[path, .. TensorFile.Endings.Select(ending => path + ending)]).FirstOrDefault(candidate => System.IO.Path.Exists(candidate) && IsControlNet(candidate));
    }
}
