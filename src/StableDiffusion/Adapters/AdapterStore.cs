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
    /// <returns>The name and full path of each, by name.</returns>
    public IReadOnlyList<(string Name, string Path)> List(CancellationToken cancellationToken = default) =>
    [
        .. FolderFiles.Enumerate(_folder, cancellationToken)
            .Where(TensorFile.HasKnownEnding)
            .Select(path => (Path.GetFileNameWithoutExtension(path), Path.GetFullPath(path)))
            .OrderBy(file => file.Item1, StringComparer.OrdinalIgnoreCase)
            .ThenBy(file => file.Item2, StringComparer.Ordinal),
    ];

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
    public string FindName(string name, CancellationToken cancellationToken) => Search(name, cancellationToken) ?? throw new AdapterNotFoundException($"{Missing(name, cancellationToken)} {NameOrPath.NamesOnly}");

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

        IReadOnlyList<(string Name, string Path)> files = List(cancellationToken);
        return files.FirstOrDefault(file => string.Equals(Path.GetFileName(file.Path), name, StringComparison.OrdinalIgnoreCase)).Path
            ?? files.FirstOrDefault(file => string.Equals(file.Name, name, StringComparison.OrdinalIgnoreCase)).Path;
    }
}
