using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>The adapters of one kind that can be used by name: the files in a folder and its subfolders.</summary>
internal sealed class AdapterStore
{
    private const int MostNames = 20;

    private readonly string _folder;
    private readonly string _kind;

    /// <summary>Initializes the store.</summary>
    /// <param name="folder">The full path of the folder, which need not exist.</param>
    /// <param name="kind">The kind of adapters, for messages.</param>
    public AdapterStore(string folder, string kind)
    {
        _folder = folder;
        _kind = kind;
    }

    /// <summary>Lists the adapters.</summary>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The name and full path of each, by name. Of several files of one name, it is the one that is found by the name.</returns>
    public IReadOnlyList<(string Name, string Path)> List(CancellationToken cancellationToken = default) => [.. Files(cancellationToken).DistinctBy(file => file.Name, StringComparer.OrdinalIgnoreCase)];

    /// <summary>Finds the other files that have the name of an adapter.</summary>
    /// <param name="path">The full path of the adapter's file.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>Their full paths; none if the file is not found by its name. One that a link leads to is no other.</returns>
    public IReadOnlyList<string> FindOthers(string path, CancellationToken cancellationToken)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        string[] files = [.. Files(cancellationToken).Where(file => IsSame(file.Name, name)).Select(file => file.Path)];
        if (files is not [string first, .. string[] others] || first != path || others.Length == 0)
            return [];
        string real = Real(path);
        return [.. others.Where(other => Real(other) != real)];
    }

    private static string Real(string path)
    {
        try
        {
            return RealPath.Of(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return path;
        }
    }

    // The folder's own files precede those of subfolders, which may be links to anywhere.
    private IEnumerable<(string Name, string Path)> Files(CancellationToken cancellationToken) => FolderFiles.Enumerate(_folder, cancellationToken)
        .Where(TensorFile.HasKnownEnding)
        .Select(path => (Name: Path.GetFileNameWithoutExtension(path), Path: Path.GetFullPath(path)))
        .OrderBy(file => file.Name, StringComparer.OrdinalIgnoreCase)
        .ThenBy(file => file.Path.AsSpan().Count(Path.DirectorySeparatorChar))
        .ThenBy(file => file.Path, StringComparer.Ordinal);

    private static bool IsSame(string name, string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);

    /// <summary>Finds an adapter.</summary>
    /// <param name="nameOrPath">The name of a file in the folder, with or without its extension, or a path.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such adapter; the message lists those in the folder.</exception>
    public string Find(string nameOrPath, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        return NameOrPath.Find(nameOrPath, name => Search(name, cancellationToken) is string path ? (name, path) : null, File.Exists, name => NotFound(name, cancellationToken)).Path;
    }

    /// <summary>Finds an adapter that a prompt or an image names. Its text is never used as a path.</summary>
    /// <param name="name">The name of a file in the folder, with or without its extension.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="AdapterNotFoundException">The folder has no such adapter; the message lists those that it has.</exception>
    public string FindName(string name, CancellationToken cancellationToken) => Search(name, cancellationToken) ?? throw new AdapterNotFoundException($"{Missing(name, cancellationToken)} {NameOrPath.NamesOnly}") { Remedy = Remedy.GivePath };

    /// <summary>Whether there is an adapter with this name.</summary>
    /// <param name="name">The name of a file in the folder, with or without its extension; no path.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    public bool Contains(string name, CancellationToken cancellationToken = default) => Search(name, cancellationToken) is not null;

    /// <summary>Whether a file is found by its name without its extension.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    public bool HasName(string path, CancellationToken cancellationToken) => Search(Path.GetFileNameWithoutExtension(path), cancellationToken) == path;

    private AdapterNotFoundException NotFound(string nameOrPath, CancellationToken cancellationToken) => new($"{Missing(nameOrPath, cancellationToken)} Put the file there, or give its path.");

    private string Missing(string nameOrPath, CancellationToken cancellationToken)
    {
        string[] names = [.. List(cancellationToken).Select(file => file.Name).Take(MostNames)];
        string known = names.Length == 0 ? $"'{_folder}' holds none" : $"'{_folder}' holds {string.Join(", ", names)}";
        return $"There is no {_kind} '{ModelFilePath.Printable(nameOrPath)}'; {known}.";
    }

    private string? Search(string name, CancellationToken cancellationToken)
    {
        if (name.AsSpan().IndexOfAny('/', '\\') >= 0)
            return null;

        (string Name, string Path)[] files = [.. Files(cancellationToken)];
        return Array.Find(files, file => IsSame(Path.GetFileName(file.Path), name)).Path ?? Array.Find(files, file => IsSame(file.Name, name)).Path;
    }
}
