using StableDiffusion.Models.Building;

namespace StableDiffusion.Models;

/// <summary>
/// The imported models: what was made of a file lies in a folder under its key, so that the same content is there once,
/// and a small file for each name says which content it stands for.
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
        try
        {
            string key = File.ReadAllText(FileOf(name)).Trim();
            return key.Length == KeyLength && key.All(char.IsAsciiHexDigitLower) ? key : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Makes a content in its place.</summary>
    /// <inheritdoc cref="BuildCache.Add"/>
    public string AddContent(string key, Action<string> write) => _contents.Add(key, write);

    /// <summary>Lets a name stand for a content.</summary>
    /// <param name="name">The name.</param>
    /// <param name="key">The content's key.</param>
    /// <exception cref="OutputWriteException">The store cannot be written to.</exception>
    public void SetName(string name, string key)
    {
        string path = FileOf(name);
        string temporary = Path.Combine(root, $".{Guid.NewGuid():N}.tmp");
        try
        {
            File.WriteAllText(temporary, $"{key}\n");
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
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
            RemoveUnnamed(key);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The model '{name}' cannot be removed whole: {error.Message} Close what uses it (Clear-DiffusionCache in every session) and try again.", error);
        }
    }

    /// <summary>Deletes a content that no name stands for.</summary>
    /// <param name="key">Its key.</param>
    public void RemoveUnnamed(string key)
    {
        string folder = Path.Combine(root, ContentFolder, key);
        if (Directory.Exists(folder) && !Names.Any(name => ReadKey(name) == key))
            Directory.Delete(folder, recursive: true);
    }

    private string FileOf(string name) => Path.Combine(root, name + NameSuffix);
}
