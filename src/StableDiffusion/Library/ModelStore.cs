using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>The models that can be used by name: the one that ships with the engine and those in the user's folder.</summary>
public sealed class ModelStore
{
    /// <summary>The name of the model that ships with the engine.</summary>
    public const string EmbeddedName = "demo";

    /// <summary>The folder of the model that ships with the engine: beside the engine, or beside the engine's own folder.</summary>
    public static string EmbeddedPath { get; } = FindEmbedded();

    private readonly string _folder;
    private readonly ContentStore _contents;
    private readonly ModelPool _pool;

    /// <summary>Initializes the store.</summary>
    /// <param name="folder">The full path of the folder, which need not exist.</param>
    /// <param name="pool">The open models.</param>
    internal ModelStore(string folder, ModelPool pool)
    {
        _folder = folder;
        _contents = new ContentStore(folder);
        _pool = pool;
    }

    /// <summary>
    /// Lists the models, the one that ships with the engine first. Folders that are not models are ignored; models that cannot
    /// be used are listed with their <see cref="ModelInfo.Problem"/>.
    /// </summary>
    /// <param name="cancellationToken">Cancels it, within a model too.</param>
    /// <returns>The models.</returns>
    /// <exception cref="ModelInvalidException">The folder of the models cannot be read.</exception>
    public IReadOnlyList<ModelInfo> List(CancellationToken cancellationToken = default)
    {
        // Another process may have removed one meanwhile.
        List<ModelInfo> models = [.. Stored().Select(model => TryDescribeAny(model.Name, model.Path, cancellationToken)).OfType<ModelInfo>()];
        if (Directory.Exists(EmbeddedPath))
            models.Insert(0, TryDescribeAny(EmbeddedName, EmbeddedPath, cancellationToken)!);
        return models;
    }

    /// <summary>Lists the names of the user's own models in order, without reading the models.</summary>
    /// <returns>The name and the full path of each.</returns>
    /// <exception cref="ModelInvalidException">The folder of the models cannot be read.</exception>
    internal IReadOnlyList<(string Name, string Path)> Stored()
    {
        try
        {
            if (!Directory.Exists(_folder))
                return [];

            IEnumerable<string> folders = Directory.EnumerateDirectories(_folder).Select(folder => Path.GetFileName(folder));
            return
            [
                .. folders.Concat(_contents.Names).Distinct().Order(StringComparer.OrdinalIgnoreCase)
                    .Where(name => !IsEmbedded(name))
                    .Select(name => (Name: name, Path: FolderOf(name) ?? Unreadable(Path.Combine(_folder, name))))
                    .Where(static model => model.Path is not null)!,
            ];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ModelInvalidException($"The folder of the models '{_folder}' cannot be read: {Sentence.Of(error)}", error);
        }
    }

    /// <summary>Whether a model with this name exists, without reading it.</summary>
    /// <param name="name">The name.</param>
    /// <returns>False for the path of a model's folder or file too.</returns>
    public bool Contains(string name) => FolderOf(name) is not null;

    /// <summary>Whether a file is a checkpoint that can be used as a model; only its list of tensors is read.</summary>
    /// <param name="path">The file's path.</param>
    /// <returns>False for a LoRA, a VAE or another part too, and for a file that is damaged or cannot be read.</returns>
    public static bool IsCheckpoint(string path)
    {
        if (!TensorFile.HasKnownEnding(path))
            return false;

        try
        {
            using ITensorFile file = TensorFile.Open(path);
            return Checkpoint.FindOther(file) is null;
        }
        catch (DiffusionException)
        {
            return false;
        }
    }

    /// <summary>Finds a model.</summary>
    /// <param name="nameOrPath">A name, or the path of a model's folder or single file; null or empty means the model that ships with the engine.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The model.</returns>
    /// <exception cref="ModelNotFoundException">There is no such model; the message lists the available ones.</exception>
    /// <exception cref="ModelInvalidException">Its configs are damaged, or the file is not a model.</exception>
    /// <exception cref="UnsafeFileException">The file would run code.</exception>
    public ModelInfo Find(string? nameOrPath, CancellationToken cancellationToken = default)
    {
        (string name, string path) = Locate(nameOrPath);
        return Describe(name, path, cancellationToken);
    }

    /// <summary>Finds a model as <see cref="Find"/> does, also one that cannot be used, which has its <see cref="ModelInfo.Problem"/>.</summary>
    /// <inheritdoc cref="Find"/>
    /// <exception cref="ModelNotFoundException">There is no such model.</exception>
    public ModelInfo FindAny(string? nameOrPath, CancellationToken cancellationToken = default)
    {
        (string name, string path) = Locate(nameOrPath);
        return (IsModel(path) || _contents.Contains(name) ? TryDescribeAny(name, path, cancellationToken) : null) ?? Describe(name, path, cancellationToken);
    }

    /// <summary>
    /// Deletes one of the user's models, after closing it in this process. If it was imported, and another process has it open, its
    /// name is deleted at once, and its files by an import after that.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process that changes the store.</param>
    /// <exception cref="ModelNotFoundException">It does not exist.</exception>
    /// <exception cref="InvalidSettingException">It is the model that ships with the engine.</exception>
    /// <exception cref="OutputWriteException">A file could not be deleted, such as one that another process has open.</exception>
    public void Remove(string name, CancellationToken cancellationToken = default)
    {
        CheckRemovable(name);
        _pool.Clear();
        if (!_contents.Remove(name, cancellationToken) && !RemoveFolder(name, Path.Combine(_folder, name), _contents, cancellationToken))
            throw Unremovable(name);
    }

    /// <summary>Deletes a model's own folder; if it is a link, only the link.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="folder">The full path of the folder.</param>
    /// <param name="store">The store that the folder is in.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process that changes the store.</param>
    /// <returns>Whether it existed.</returns>
    /// <exception cref="OutputWriteException">A file could not be deleted.</exception>
    internal static bool RemoveFolder(string name, string folder, ContentStore store, CancellationToken cancellationToken) => store.Change(() => RemoveFolder(name, folder), cancellationToken);

    private static bool RemoveFolder(string name, string folder)
    {
        try
        {
            if (!Path.Exists(folder) && new DirectoryInfo(folder).LinkTarget is null)
                return false;

            // The index is deleted first, so that an interrupted deletion leaves no usable model. Of a link, only the link is deleted.
            if (new DirectoryInfo(folder).LinkTarget is null)
                AtomicWriter.DeleteFile(Path.Combine(folder, PipelineConfig.FileName));
            AtomicWriter.DeleteFolder(folder);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ContentStore.CannotRemove(name, error);
        }
    }

    /// <summary>Throws for a model that cannot be removed by name.</summary>
    /// <inheritdoc cref="Remove"/>
    public void CheckRemovable(string name)
    {
        if (IsEmbedded(name))
            throw new InvalidSettingException("Name", $"The model '{name}' ships with the module and cannot be removed.");
        if (FolderOf(name) is null)
            throw Unremovable(name);
    }

    private ModelNotFoundException Unremovable(string name) => new($"There is no model '{name}' among the user's models in '{_folder}'. Only these can be removed by name.") { Remedy = Remedy.DeleteFiles };

    /// <summary>Finds a model's folder or single file, without reading it.</summary>
    /// <param name="nameOrPath">As <see cref="Find"/> takes it.</param>
    /// <returns>The model's name and the full path of its folder or file.</returns>
    /// <exception cref="ModelNotFoundException">There is no such model; the message lists the available ones.</exception>
    internal (string Name, string Path) Locate(string? nameOrPath)
    {
        string given = string.IsNullOrEmpty(nameOrPath) ? EmbeddedName : nameOrPath;
        return NameOrPath.Find(given, name => FolderOf(name) is string folder ? (name, folder) : null, IsModel, path => new ModelNotFoundException(NotFoundMessage(path)));
    }

    /// <summary>Throws for a model that an image names if there is no such one. The text is never used as a path.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="ModelNotFoundException">There is no such model; the message lists the available ones.</exception>
    internal void CheckName(string name)
    {
        if (!Contains(name))
            throw new ModelNotFoundException($"{MissingMessage(name)} The folder of models is '{_folder}'. {NameOrPath.NamesOnly}") { Remedy = Remedy.GivePath };
    }

    private string MissingMessage(string name) => $"There is no model '{ModelFilePath.Printable(name)}'. The available models are {string.Join(", ", Stored().Select(model => model.Name).Prepend(EmbeddedName))}.";

    /// <summary>The message for a missing model, with the available ones.</summary>
    private string NotFoundMessage(string name) => Directory.Exists(name)
        ? $"The folder '{name}' is not a model: it has no {PipelineConfig.FileName}. Give the folder that holds unet, vae, text_encoder, tokenizer and scheduler, or a checkpoint file."
        : $"{MissingMessage(name)} You can also give the path of a folder in the diffusers layout or of a checkpoint file, or put the folder in '{_folder}'.";

    private string? FolderOf(string name)
    {
        if (IsEmbedded(name))
            return EmbeddedPath;

        // A name is one folder of the store; anything that could leave it is a path.
        if (!ModelFilePath.IsSafeName(name))
            return null;

        string folder = Path.Combine(_folder, name);
        if (HasIndex(folder))
            return folder;

        // A name whose file is damaged has no content, but can be removed.
        return _contents.Contains(name) ? _contents.Find(name) ?? _contents.FileOf(name) : null;
    }

    /// <summary>The path of a folder if there is no permission to see whether it is a model; otherwise null.</summary>
    private static string? Unreadable(string folder)
    {
        try
        {
            _ = Directory.EnumerateFileSystemEntries(folder).Any();
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return folder;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Reads the information about a model, also about one that cannot be used.</summary>
    /// <returns>The information; null if there is no longer a model of that name.</returns>
    private ModelInfo? TryDescribeAny(string name, string path, CancellationToken cancellationToken)
    {
        try
        {
            return Describe(name, path, cancellationToken);
        }
        catch (DiffusionException error)
        {
            return _contents.IsContent(path) && !_contents.Contains(name) ? null : ModelInfo.Broken(name, path, error.Message, cancellationToken);
        }
    }

    /// <summary>Keeps an imported model from being deleted while it is read or opened.</summary>
    /// <param name="path">The full path of the model.</param>
    /// <param name="cancellationToken">Cancels the waiting for another process that is deleting it.</param>
    /// <returns>The lock; null if the model needs none.</returns>
    internal IDisposable? Hold(string path, CancellationToken cancellationToken = default) => _contents.Hold(path, cancellationToken);

    private static bool IsEmbedded(string name) => string.Equals(name, EmbeddedName, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads the information about a model.</summary>
    /// <inheritdoc cref="ModelReader.Read"/>
    internal ModelInfo Describe(string name, string path, CancellationToken cancellationToken = default)
    {
        using IDisposable? held = Hold(path, cancellationToken);
        if (IsModel(path) && path != _contents.FileOf(name))
            return ModelReader.Read(name, path, cancellationToken) with { IsEmbedded = path == EmbeddedPath };
        if (_contents.Contains(name))
            throw new ModelInvalidException($"The model '{name}' has lost its content in '{path}'. Remove the model and import it again.");
        if (Unreadable(path) is not null)
            throw new ModelInvalidException($"The folder '{path}' cannot be read: access is denied. Change its permissions.");
        throw new ModelNotFoundException(NotFoundMessage(_contents.IsContent(path) ? name : path));
    }

    private static bool IsModel(string path) => File.Exists(path) || HasIndex(path);

    // A link that leads nowhere is a damaged model.
    private static bool HasIndex(string folder) => Path.Combine(folder, PipelineConfig.FileName) is var index && (File.Exists(index) || new FileInfo(index).LinkTarget is not null);

    private static string FindEmbedded()
    {
        string own = Path.GetDirectoryName(typeof(ModelStore).Assembly.Location)!;
        string beside = Path.Combine(own, "model");
        return Directory.Exists(beside) ? beside : Path.GetFullPath(Path.Combine(own, "..", "model"));
    }
}
