using System.Text;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>
/// The imported models. The content built from a file is in a folder under its key, so that the same content is stored once,
/// and a small file for each name refers to its content: the key is on its first line, and below it, if the
/// model was downloaded from a hub, the <see cref="ModelManifest"/> of the download. Names change under a lock of the whole store, which
/// is held for moments only, and a content is not deleted while a process has rented it.
/// </summary>
/// <param name="root">The full path of the folder of the user's models.</param>
internal sealed class ContentStore(string root)
{
    private const string ContentFolder = ".content";
    private const string NameSuffix = ".model";
    private const int KeyLength = 32;

    // Long enough for those who only read the configs of a model, or are about to give its content another name.
    private const int DeletionTries = 50;

    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(20);

    private readonly BuildCache _contents = new(Path.Combine(root, ContentFolder), "the model store");

    private string Contents => Path.Combine(root, ContentFolder);

    /// <summary>The names of the imported models.</summary>
    public IEnumerable<string> Names => Directory.Exists(root)
        ? Directory.EnumerateFiles(root, $"*{NameSuffix}").Select(file => Path.GetFileNameWithoutExtension(file))
        : [];

    /// <summary>Whether a file or folder of this name could be the file of an imported model's name.</summary>
    public static bool IsNameFile(string name) => name.EndsWith(NameSuffix, StringComparison.OrdinalIgnoreCase);

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

    /// <summary>Gets the content under a key for use: it is not deleted before the rent is over.</summary>
    /// <inheritdoc cref="BuildCache.Rent"/>
    public RentedBuild? Rent(string key, CancellationToken cancellationToken) => _contents.Rent(key, cancellationToken);

    /// <summary>Keeps a content from being deleted while it is read.</summary>
    /// <param name="folder">The full path of a model's folder, which need not exist.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process that is deleting it.</param>
    /// <returns>The lock; null if the folder is not one of the contents, or needs none.</returns>
    public IDisposable? Hold(string folder, CancellationToken cancellationToken) => IsContent(folder) ? FolderLock.Share(folder, cancellationToken) : null;

    /// <summary>Whether a folder is one of the contents, or would be.</summary>
    public bool IsContent(string folder) => Path.GetDirectoryName(folder) == Contents;

    /// <summary>Builds a content and assigns it to a name.</summary>
    /// <param name="key">The content's key.</param>
    /// <param name="write">Writes all files of the content to the given folder.</param>
    /// <param name="replaces">Whether existing content is replaced even if another process has completed it meanwhile.</param>
    /// <param name="target">The name.</param>
    /// <param name="cancellationToken">Cancels it; nothing remains.</param>
    /// <returns>The content.</returns>
    /// <exception cref="OutputExistsException">The name has other content.</exception>
    /// <exception cref="OutputWriteException">The store cannot be written to.</exception>
    public RentedBuild AddContent(string key, Action<string> write, bool replaces, ImportTarget target, CancellationToken cancellationToken) => _contents.Borrow(write, temporary => Change(
        () =>
        {
            CheckName(target, key);

            // Content without a manifest is none, even if it is complete.
            bool isThere = !replaces && FindContent(key) is string there && ModelManifest.Read(there) is not null;
            string folder = isThere ? Path.Combine(Contents, key) : _contents.Place(key, temporary, replace: true);
            WriteName(target, key);
            return new RentedBuild(folder, Hold(folder, cancellationToken));
        },
        cancellationToken));

    /// <summary>Assigns a content to a name.</summary>
    /// <param name="target">The name.</param>
    /// <param name="key">The content's key; the content must be rented.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process.</param>
    /// <exception cref="OutputExistsException">The name has other content.</exception>
    /// <exception cref="OutputWriteException">The store cannot be written to.</exception>
    public void SetName(ImportTarget target, string key, CancellationToken cancellationToken)
    {
        CheckName(target, key);
        if (!IsNamed(target, key))
            Change(
                () =>
                {
                    CheckName(target, key);
                    WriteName(target, key);
                    return true;
                },
                cancellationToken);
    }

    /// <summary>Throws if a name cannot be assigned to a content.</summary>
    /// <param name="target">The name.</param>
    /// <param name="key">The content's key; null for a folder of its own.</param>
    /// <exception cref="OutputExistsException">The name has other content.</exception>
    /// <exception cref="OutputWriteException">Something else is in the place of the name's file.</exception>
    public void CheckName(ImportTarget target, string? key)
    {
        string name = target.Name;
        if (Directory.Exists(FileOf(name)))
            throw new OutputWriteException($"A model cannot have the name '{name}': '{FileOf(name)}' is a folder, where the store has a file for each name. Look at what is in it, and delete or rename it yourself, or choose another name.") { Remedy = Remedy.DeleteFiles };
        if (target.Force)
            return;
        string folder = Path.Combine(root, name);
        if (Path.Exists(Path.Combine(folder, PipelineConfig.FileName)))
            throw new OutputExistsException(folder);
        if (Contains(name) && (key is null || ReadKey(name) != key))
            throw new OutputExistsException(Find(name) ?? root, name);
    }

    /// <summary>Changes names or contents while no other process does.</summary>
    /// <param name="change">The change, which takes moments.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process.</param>
    /// <exception cref="OutputWriteException">The store cannot be written to.</exception>
    public T Change<T>(Func<T> change, CancellationToken cancellationToken)
    {
        IDisposable held;
        try
        {
            Directory.CreateDirectory(root);
            held = FolderLock.Own(Contents, cancellationToken);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The folder '{root}' cannot be written to: {Sentence.Of(error)} Make sure that the folder is writable.", error);
        }

        using (held)
            return change();
    }

    /// <summary>Whether a name has a content already. The origin of one that was downloaded may be another.</summary>
    private bool IsNamed(ImportTarget target, string key) => target.Origin is null && ReadKey(target.Name) == key;

    private void WriteName(ImportTarget target, string key)
    {
        if (IsNamed(target, key))
            return;

        string? previous = ReadKey(target.Name);
        string path = FileOf(target.Name);
        try
        {
            AtomicWriter.WriteFile(path, stream =>
            {
                stream.Write(Encoding.UTF8.GetBytes($"{key}\n"));
                if (target.Origin is not null)
                    stream.Write([.. target.Origin.ToJson(), (byte)'\n']);
            });
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"The file '{path}' cannot be written: {Sentence.Of(error)} Make sure that the folder is writable.", error);
        }

        if (previous is not null && previous != key)
            RemoveUnnamed(target.Name, previous);
    }

    /// <summary>
    /// Deletes a name, and its content unless another name has it too. Content that another process has open is left for the next
    /// <see cref="Sweep"/>.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process.</param>
    /// <returns>Whether the name existed.</returns>
    /// <exception cref="OutputWriteException">A file could not be deleted.</exception>
    public bool Remove(string name, CancellationToken cancellationToken = default) => Contains(name) && Change(
        () =>
        {
            if (!Contains(name))
                return false;
            if (Directory.Exists(FileOf(name)))
                throw new OutputWriteException($"The model '{name}' cannot be removed: '{FileOf(name)}' is a folder, where the store has a file for each name. Look at what is in it, and delete or rename it yourself.") { Remedy = Remedy.DeleteFiles };

            string? key = ReadKey(name);
            try
            {
                AtomicWriter.DeleteFile(FileOf(name));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw CannotRemove(name, error);
            }

            if (key is not null)
                RemoveUnnamed(name, key);
            return true;
        },
        cancellationToken);

    /// <summary>Deletes the contents that no name has, such as those that were open when their last name was removed, unless they are new or in use.</summary>
    /// <param name="cancellationToken">Cancels the waiting for another process.</param>
    public void Sweep(CancellationToken cancellationToken)
    {
        if (Unnamed().Length == 0)
            return;

        Change(
            () =>
            {
                foreach (string key in Unnamed())
                    TrySweep(key);
                return true;
            },
            cancellationToken);

        void TrySweep(string key)
        {
            try
            {
                _contents.TryDelete(key);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // The next sweep tries again.
            }
        }
    }

    private string[] Unnamed()
    {
        string[] keys = [.. _contents.Keys.Where(key => IsKey(key) && BuildCache.IsOld(Path.Combine(Contents, key)))];
        return keys.Length > 0 ? [.. keys.Except(Names.Select(ReadKey))!] : [];
    }

    /// <summary>Deletes the former content of a name, unless another name has it.</summary>
    private void RemoveUnnamed(string name, string key)
    {
        if (Names.Any(other => ReadKey(other) == key))
            return;

        try
        {
            for (int tries = 0; !_contents.TryDelete(key) && tries < DeletionTries; tries++)
                Thread.Sleep(s_retry);
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
        new($"The model '{name}' cannot be removed completely: {Sentence.Of(error)} Close the model in every program that uses it, and try again.", error) { Remedy = Remedy.CloseModels };

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
