using StableDiffusion.Networks;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>The networks of a kind that can be used by name, such as ControlNets or VAEs: folders and files in a folder.</summary>
/// <param name="folder">The full path of the folder, which need not exist.</param>
/// <param name="kind">The kind, in messages.</param>
/// <param name="notFound">Creates the error for a network that does not exist.</param>
/// <param name="fileEndings">The extensions of the files, if there are files alone; null for folders with a config and files of tensors.</param>
/// <param name="halves">How the names of two files end, before their extensions, that are one network; it has their name without the first ending. Null if all are one file each.</param>
internal sealed class NetworkStore(string folder, string kind, Func<string, Remedy, DiffusionException> notFound, string[]? fileEndings = null, (string Main, string Other)? halves = null)
{
    private string[] Endings => fileEndings ?? TensorFile.Endings;

    /// <summary>Lists the names of the networks, in order; the folders and files are not read.</summary>
    /// <returns>The names.</returns>
    public IReadOnlyList<string> List() => Directory.Exists(folder)
        ? [.. Directory.EnumerateFileSystemEntries(folder).Where(path => IsNetwork(path) && !IsHalf(path, halves?.Other)).Select(NameOf).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.OrdinalIgnoreCase)]
        : [];

    /// <summary>Whether a network with this name exists.</summary>
    /// <param name="name">The name, with or without a file extension.</param>
    /// <returns>False for a path too.</returns>
    public bool Contains(string name) => PathOf(name) is not null;

    /// <summary>Finds a network.</summary>
    /// <param name="nameOrPath">A name, or the path of a folder or file.</param>
    /// <returns>Its name, which is its path if it was given as a path, and its full path.</returns>
    /// <exception cref="DiffusionException">There is no such network; the message lists those in the folder.</exception>
    internal (string Name, string Path) Locate(string nameOrPath) =>
        NameOrPath.Find(nameOrPath, name => PathOf(name) is string path ? (NameOf(path), path) : null, Path.Exists, NotFound);

    /// <summary>Throws for a network that an image names if the folder has no such one. The text is never used as a path.</summary>
    /// <param name="name">The name, with or without a file extension.</param>
    /// <exception cref="DiffusionException">There is no such network; the message lists those in the folder.</exception>
    public void CheckName(string name)
    {
        if (!Contains(name))
            throw notFound($"{Missing(name)} {NameOrPath.NamesOnly}", Remedy.GivePath);
    }

    private DiffusionException NotFound(string nameOrPath) => notFound($"{Missing(nameOrPath)} Put the {(fileEndings is null ? "folder or file" : "file")} there, or give its path.", Remedy.None);

    private string Missing(string nameOrPath)
    {
        IReadOnlyList<string> names = List();
        string known = names.Count > 0 ? $"holds {string.Join(", ", names)}" : "holds none";
        return $"There is no {kind} '{ModelFilePath.Printable(nameOrPath)}'; '{folder}' {known}.";
    }

    private bool IsNetwork(string path) => Directory.Exists(path)
        ? fileEndings is null && File.Exists(Path.Combine(path, ModelParts.Config))
        : HasKnownEnding(path);

    private bool HasKnownEnding(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    private string NameOf(string path)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        if (Directory.Exists(path) || !HasKnownEnding(name))
            return name;
        name = Path.GetFileNameWithoutExtension(name);
        return IsHalf(path, halves?.Main) ? name[..^halves!.Value.Main.Length] : name;
    }

    private bool IsHalf(string path, string? ending) =>
        ending is not null && HasKnownEnding(path) && Path.GetFileNameWithoutExtension(path).EndsWith(ending, StringComparison.OrdinalIgnoreCase)
        && Path.GetFileNameWithoutExtension(path).Length > ending.Length;

    private string? PathOf(string name)
    {
        // A name is one entry of the folder; anything that could leave it is a path.
        if (!ModelFilePath.IsSafeName(name))
            return null;

        string path = Path.Combine(folder, name);
        IEnumerable<string> files = new[] { path, path + halves?.Main }.Distinct().SelectMany(stem => Endings.Select(extension => stem + extension));
        return files.Prepend(path).FirstOrDefault(candidate => Path.Exists(candidate) && IsNetwork(candidate));
    }
}
