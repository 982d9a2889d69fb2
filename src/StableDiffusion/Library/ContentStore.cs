using System.Text;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>
/// The imported models: what was made of a file lies in a folder under its key, so that the same content is there once,
/// and a small file for each name says which content it stands for: the key on its first line, and below it, where the
/// model was fetched from a hub, the <see cref="ModelManifest"/> of what was fetched.
/// </summary>
/// <param name="root">The full path of the user's models.</param>
internal sealed class ContentStore(string root)
{
    private const string ContentFolder = ".content";
    private const string NameSuffix = ".model";
    private const int KeyLength = 32;

    private readonly BuildCache _contents = new(Path.Combine(root, ContentFolder), "the store of models");

    /// <summary>The names that models were imported under.</summary>
    public IEnumerable<string> Names => Directory.Exists(root)
        ? Directory.EnumerateFiles(root, $"*{NameSuffix}").Select(file => Path.GetFileNameWithoutExtension(file))
        : [];

    /// <summary>The content under a key, if it is there and whole.</summary>
    /// <param name="key">The key.</param>
    /// <returns>The full path of its folder, or null.</returns>
    public string? FindContent(string key) => _contents.Find(key);

    /// <summary>The content that a name stands for.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The full path of its folder, which may have been deleted since; null if there is no such name.</returns>
    public string? Find(string name) => ReadKey(name) is string key ? Path.Combine(root, ContentFolder, key) : null;

    /// <summary>The key of the content that a name stands for, or null.</summary>
    /// <param name="name">The name.</param>
    public string? ReadKey(string name)
    {
        string key = ReadName(name).Key;
        return key.Length == KeyLength && key.All(char.IsAsciiHexDigitLower) ? key : null;
    }

    /// <summary>What was fetched from a hub under a name, or null if it came otherwise.</summary>
    /// <param name="name">The name.</param>
    public ModelManifest? ReadOrigin(string name)
    {
        string origin = ReadName(name).Origin;
        try
        {
            return origin.Length > 0 ? ModelManifest.Parse(Encoding.UTF8.GetBytes(origin), FileOf(name)) : null;
        }
        catch (ModelInvalidException)
        {
            // The model can be used all the same; it is only not known where it came from.
            return null;
        }
    }

    /// <summary>Makes a content in its place.</summary>
    /// <inheritdoc cref="BuildCache.Add"/>
    public string AddContent(string key, Action<string> write, bool replace) => _contents.Add(key, write, replace);

    /// <summary>Lets a name stand for a content.</summary>
    /// <param name="name">The name.</param>
    /// <param name="key">The content's key.</param>
    /// <param name="origin">What was fetched from a hub; null leaves a name as it is that stands for the content already.</param>
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
            throw new OutputWriteException($"The file '{path}' cannot be written: {error.Message} See to it that the folder may be written to.", error);
        }
    }

    /// <summary>Takes a name away, and its content with it unless another name stands for it too.</summary>
    /// <param name="name">The name.</param>
    /// <returns>Whether there was such a name.</returns>
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

    /// <summary>Deletes a content that a name stood for, unless one still does.</summary>
    /// <param name="name">The name that it had.</param>
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

    /// <summary>The error for a model of which not all could be deleted.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="error">The cause.</param>
    public static OutputWriteException CannotRemove(string name, Exception error) =>
        new($"The model '{name}' cannot be removed whole: {error.Message} Close the model in every program that uses it, and try again.", error) { Remedy = Remedy.CloseModels };

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
