using StableDiffusion.Networks;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>The ControlNets that can be used by name: folders and files in a folder.</summary>
/// <param name="folder">The full path of the folder, which need not exist.</param>
internal sealed class ControlNetStore(string folder)
{
    /// <summary>Lists the names of the ControlNets, in order; the folders and files are not read.</summary>
    /// <returns>The names.</returns>
    public IReadOnlyList<string> List() => Directory.Exists(folder)
        ? [.. Directory.EnumerateFileSystemEntries(folder).Where(IsControlNet).Select(NameOf).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase)]
        : [];

    /// <summary>Whether a ControlNet with this name exists.</summary>
    /// <param name="name">The name, with or without a file extension.</param>
    /// <returns>False for a path too.</returns>
    public bool Contains(string name) => PathOf(name) is not null;

    /// <summary>Finds a ControlNet.</summary>
    /// <param name="nameOrPath">A name, or the path of a folder or file.</param>
    /// <returns>Its name, which is its path if it was given as a path, and its full path.</returns>
    /// <exception cref="ControlNetNotFoundException">There is no such ControlNet; the message lists those in the folder.</exception>
    internal (string Name, string Path) Locate(string nameOrPath) =>
        NameOrPath.Find(nameOrPath, name => PathOf(name) is string path ? (NameOf(path), path) : null, Path.Exists, NotFound);

    /// <summary>Throws for a ControlNet that an image names if the folder has no such one. The text is never used as a path.</summary>
    /// <param name="name">The name, with or without a file extension.</param>
    /// <exception cref="ControlNetNotFoundException">There is no such ControlNet; the message lists those in the folder.</exception>
    public void CheckName(string name)
    {
        if (!Contains(name))
            throw new ControlNetNotFoundException($"{Missing(name)} {NameOrPath.NamesOnly}") { Remedy = Remedy.GivePath };
    }

    private ControlNetNotFoundException NotFound(string nameOrPath) => new($"{Missing(nameOrPath)} Put the folder or file there, or give its path.");

    private string Missing(string nameOrPath)
    {
        IReadOnlyList<string> names = List();
        string known = names.Count > 0 ? $"contains {string.Join(", ", names)}" : "contains none";
        return $"There is no ControlNet '{ModelFilePath.Printable(nameOrPath)}'; '{folder}' {known}.";
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
        // A name is one entry of the folder; anything that could leave it is a path.
        if (!ModelFilePath.IsSafeName(name))
            return null;

        string path = Path.Combine(folder, name);
        return ((string[])[path, .. TensorFile.Endings.Select(ending => path + ending)]).FirstOrDefault(candidate => Path.Exists(candidate) && IsControlNet(candidate));
    }
}
