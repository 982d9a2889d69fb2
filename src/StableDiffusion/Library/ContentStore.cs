using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>
/// The imported models. The content built from a file is in a folder under its key, so that the same content is stored once,
/// and a small file for each name refers to its content: the key is on its first line, and below it, if the
/// model was downloaded from a hub, the <see cref="ModelManifest"/> of the download.
/// </summary>
/// <param name="root">The full path of the folder of the user's models.</param>
internal sealed class ContentStore(string root)
{
    private const string ContentFolder = ".content";
    private const string NameSuffix = ".model";
    private const int KeyLength = 32;

    private readonly BuildCache _contents = new(Path.Combine(root, ContentFolder), "the model store");

    private string Contents => Path.Combine(root, ContentFolder);

    /// <summary>The names of the imported models.</summary>
    public IEnumerable<string> Names => Directory.Exists(root)
        ? Directory.EnumerateFiles(root, $"*{NameSuffix}").Select(file => Path.GetFileNameWithoutExtension(file))
        : [];

    /// <summary>The content under a key, if it exists and is complete.</summary>
    /// <returns>The full path of its folder, or null.</returns>
    public string? FindContent(string key) => _contents.Find(key);

    /// <summary>The content of a name.</summary>
    /// <returns>The full path of its folder, which may no longer exist; null if there is no such name.</returns>
    public string? Find(string name) => ReadKey(name) is string key ? Path.Combine(root, ContentFolder, key) : null;

    /// <summary>Whether a name exists, even one whose file or content is damaged.</summary>
    public bool Contains(string name) => Path.Exists(FileOf(name)) || new FileInfo(FileOf(name)).LinkTarget is not null;

    /// <summary>The key of the content of a name, or null.</summary>
    public string? ReadKey(string name) => ReadName(name).Key is string key && IsKey(key) ? key : null;

    /// <summary>The manifest of a model that was downloaded from a hub, or null if it was imported from elsewhere.</summary>
    public ModelManifest? ReadOrigin(string name)
    {
        string origin = ReadName(name).Origin;
        try
        {
            return origin.Length > 0 ? ModelManifest.Parse(Encoding.UTF8.GetBytes(origin), FileOf(name)) : null;
        }
        catch (ModelInvalidException)
        {
            // The model can still be used; only its origin is unknown.
            return null;
        }
    }

    /// <summary>Builds a content.</summary>
    /// <inheritdoc cref="BuildCache.Add"/>
    public string AddContent(string key, Action<string> write, bool replace) => _contents.Add(key, write, replace);

    /// <summary>Assigns a content to a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="key">The content's key.</param>
    /// <param name="origin">The manifest of a download; null does not change a name that already has the content.</param>
    /// <exception cref="OutputWriteException">The store cannot be written to.</exception>
    public void SetName(string name, string key, ModelManifest? origin = null)
    {
        if (origin is null && ReadKey(name) == key)
            return;

        string path = FileOf(name);
        try
        {
            AtomicWriter.WriteFile(path, stream =>
            {
                stream.Write(Encoding.UTF8.GetBytes($"{key}\n"));
                if (origin is not null)
                    stream.Write([.. origin.ToJson(), (byte)'\n']);
            });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The file '{path}' cannot be written: {error.Message} Make sure that the folder is writable.", error);
        }
    }

    /// <summary>Deletes a name, and its content unless another name has it too.</summary>
    /// <returns>Whether the name existed.</returns>
    /// <exception cref="OutputWriteException">A file could not be deleted.</exception>
    public bool Remove(string name)
    {
        if (!Contains(name))
            return false;

        string? key = ReadKey(name);
        try
        {
            File.Delete(FileOf(name));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotRemove(name, error);
        }

        if (key is not null)
            RemoveUnnamed(name, key);
        return true;
    }

    /// <summary>Deletes the contents that no name has, such as those of imports that failed in older versions, unless they are new: another process may be about to name them.</summary>
    public void Sweep()
    {
        HashSet<string?> named = [.. Names.Select(ReadKey)];
        foreach (string key in _contents.Keys.Where(key => IsKey(key) && !named.Contains(key)).ToArray())
        {
            string folder = Path.Combine(Contents, key);
            if (BuildCache.IsOld(folder))
                AtomicWriter.TryDelete(folder);
        }
    }

    /// <summary>Keeps the content under a key from being swept before it has a name.</summary>
    /// <returns>The full path of its folder; null if it does not exist or is not complete.</returns>
    public string? Renew(string key)
    {
        if (FindContent(key) is not string folder)
            return null;

        try
        {
            Directory.SetLastWriteTimeUtc(folder, DateTime.UtcNow);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // In a folder that cannot be written to, nothing is swept either.
        }

        return folder;
    }

    /// <summary>Deletes the former content of a name, unless another name has it.</summary>
    /// <param name="name">Its former name.</param>
    /// <param name="key">Its key.</param>
    /// <exception cref="OutputWriteException">A file could not be deleted.</exception>
    public void RemoveUnnamed(string name, string key)
    {
        try
        {
            string folder = Path.Combine(root, ContentFolder, key);
            if (Directory.Exists(folder) && !Names.Any(other => ReadKey(other) == key))
                AtomicWriter.DeleteFolder(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotRemove(name, error);
        }
    }

    /// <summary>The error for a model that could not be deleted completely.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="error">The cause.</param>
    public static OutputWriteException CannotRemove(string name, Exception error) =>
        new($"The model '{name}' cannot be removed completely: {error.Message} Close the model in every program that uses it, and try again.", error) { Remedy = Remedy.CloseModels };

    private (string Key, string Origin) ReadName(string name)
    {
        try
        {
            string[] parts = Encoding.UTF8.GetString(ModelJson.ReadBytes(FileOf(name), ModelJson.MaxLength)).Split('\n', 2);
            return (parts[0].Trim(), parts.Length > 1 ? parts[1].Trim() : string.Empty);
        }
        catch (DiffusionException)
        {
            return (string.Empty, string.Empty);
        }
    }

    private static bool IsKey(string key) => key.Length == KeyLength && key.All(char.IsAsciiHexDigitLower);

    /// <summary>The full path of the file of a name.</summary>
    public string FileOf(string name) => Path.Combine(root, name + NameSuffix);
}
