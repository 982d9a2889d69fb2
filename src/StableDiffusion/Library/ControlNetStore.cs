using StableDiffusion.Networks;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>The ControlNets that can be used by name: the folders and files in a folder.</summary>
public sealed class ControlNetStore
{
    private readonly string _folder;

    /// <summary>Initializes the store.</summary>
    /// <param name="folder">The full path of the folder, which need not exist.</param>
    internal ControlNetStore(string folder) => _folder = folder;

    /// <summary>Lists the names of the ControlNets, in order; the content of folders and files is not looked at.</summary>
    /// <returns>The names.</returns>
    public IReadOnlyList<string> List() => Directory.Exists(_folder)
        ? [.. Directory.EnumerateFileSystemEntries(_folder).Where(IsControlNet).Select(NameOf).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase)]
        : [];

    /// <summary>Whether a ControlNet goes by this name.</summary>
    /// <param name="name">The name, with a file's ending or without.</param>
    /// <returns>False also for a path.</returns>
    public bool Contains(string name) => PathOf(name) is not null;

    /// <summary>Finds a ControlNet.</summary>
    /// <param name="nameOrPath">A name, or the path of a folder or file.</param>
    /// <returns>Its name, which is its path where it was given by that, and its full path.</returns>
    /// <exception cref="ControlNetNotFoundException">There is no such ControlNet; the message lists those in the folder.</exception>
    internal (string Name, string Path) Locate(string nameOrPath) =>
        NameOrPath.Find(nameOrPath, name => PathOf(name) is string path ? (NameOf(path), path) : null, Path.Exists, NotFound);

    private ControlNetNotFoundException NotFound(string nameOrPath)
    {
        IReadOnlyList<string> names = List();
        string known = names.Count > 0 ? $"holds {string.Join(", ", names)}" : "holds none";
        return new ControlNetNotFoundException($"There is no ControlNet '{nameOrPath}'; '{_folder}' {known}. Put the folder or file there, or give its path.");
    }

    private static bool IsControlNet(string path) => Directory.Exists(path)
        ? File.Exists(Path.Combine(path, ModelParts.Config))
        : TensorFile.HasKnownEnding(path);

    private static string NameOf(string path)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        return Directory.Exists(path) || !TensorFile.HasKnownEnding(name)
            ? name
            : Path.GetFileNameWithoutExtension(name);
    }

    private string? PathOf(string name)
    {
        // A name is one entry of the folder; anything that could lead out of it is a path.
        if (!ModelFilePath.IsSafeName(name))
            return null;

        string path = Path.Combine(_folder, name);
        return ((string[])[path, .. TensorFile.Endings.Select(ending => path + ending)]).FirstOrDefault(candidate => Path.Exists(candidate) && IsControlNet(candidate));
    }
}
