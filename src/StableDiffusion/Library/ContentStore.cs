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

    /// <summary>The key of the content of a name, or null.</summary>
    public string? ReadKey(string name)
    {
        string key = ReadName(name).Key;
        return key.Length == KeyLength && key.All(char.IsAsciiHexDigitLower) ? key : null;
    }

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
        if (ReadKey(name) is not string key)
            return false;

        try
        {
            File.Delete(FileOf(name));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotRemove(name, error);
        }

        RemoveUnnamed(name, key);
        return true;
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
                Directory.Delete(folder, recursive: true);
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
            string[] parts = File.ReadAllText(FileOf(name)).Split('\n', 2);
            return (parts[0].Trim(), parts.Length > 1 ? parts[1].Trim() : string.Empty);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (string.Empty, string.Empty);
        }
    }

    private string FileOf(string name) => Path.Combine(root, name + NameSuffix);
}
