using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Building;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Hub;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>
/// A model that is to be fetched from a hub: first it is found out which files that takes, then they are fetched into
/// the user's models. A checkpoint is imported there, and its file not kept. A download that breaks off is gone on with by
/// the next one.
/// </summary>
public sealed class HubDownload
{
    private const string SourceKind = "hub";
    private const int MaxThrottle = 32;

    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMilliseconds(200);

    private readonly HubRequest _request;
    private readonly HubSettings _settings;
    private readonly HubRepository _repository;
    private readonly ContentStore _store;

    private HubDownload(HubRequest request, HubSettings settings, HubRepository repository, string name, HubListing listing)
    {
        _request = request;
        _settings = settings;
        _repository = repository;
        Name = name;
        Commit = listing.Commit;
        Files = listing.Files;
        Length = listing.Files.Sum(static file => file.Length);
        IsCheckpoint = request.Include is null && Files.Count == 1 && TensorFile.HasKnownEnding(Files[0].Path);
        _store = new ContentStore(settings.Folders.Models);
    }

    /// <summary>The repository, as <c>owner/name</c>.</summary>
    public string Id => _repository.Id;

    /// <summary>The commit that the revision stands for.</summary>
    public string Commit { get; }

    /// <summary>The model's name in the store.</summary>
    public string Name { get; }

    /// <summary>The full path of the folder that files are kept in which need no import.</summary>
    public string Folder => Path.Combine(_settings.Folders.Models, Name);

    /// <summary>Whether it is a single file that is imported, if it turns out to be a whole model.</summary>
    public bool IsCheckpoint { get; }

    /// <summary>Whether the model was made of the same checkpoint before, under another name or of a file, so that only the name is to be given.</summary>
    public bool IsContentHere => !_request.Force && FindContent() is not null;

    /// <summary>The files that are needed.</summary>
    public IReadOnlyList<HubFile> Files { get; }

    /// <summary>How many bytes they have.</summary>
    public long Length { get; }

    /// <summary>Whether the same files of the same commit lie in the store already, and need not be fetched.</summary>
    public bool IsSaved => !_request.Force && FindSaved() is not null;

    /// <summary>Finds out what is to be fetched. Without a connection (<see cref="HubSettings.IsOffline"/>), that is what is there.</summary>
    /// <param name="request">What is wanted.</param>
    /// <param name="settings">Which hub is asked.</param>
    /// <param name="progress">Is told some times a second what is waited for, on the thread of the caller; null for nobody.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    /// <returns>The download; nothing is fetched yet.</returns>
    /// <exception cref="InvalidSettingException">A part of the request is none, or leaves open which files are meant.</exception>
    /// <exception cref="DownloadException">The hub does not have it, or does not give it.</exception>
    /// <exception cref="ModelInvalidException">The repository holds no model of a kind that can be used.</exception>
    /// <exception cref="OutputExistsException">Another model of that name is there, and may not be replaced.</exception>
    /// <exception cref="OperationCanceledException">The asking was ended.</exception>
    public static HubDownload Plan(
        HubRequest request, HubSettings settings, Action<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(settings);
        HubRepository repository = HubRepository.Parse(request.Id, request.Revision);
        if (request.ThrottleLimit is < 1 or > MaxThrottle)
            throw new InvalidSettingException("ThrottleLimit", $"ThrottleLimit is {request.ThrottleLimit}. Give 1 to {MaxThrottle}.");

        string name = LocalName(request, repository);
        if (settings.IsOffline)
            return PlanOffline(request, settings, repository, name);

        DownloadMeter meter = new(repository.Id, length: 0, TimeProvider.System);
        HubListing listing = Run(token => ListAsync(settings, repository, meter.Wait, token), meter, progress, cancellationToken);
        IReadOnlyList<HubFile> files = new HubFileChoice(repository, listing.Files).Choose(request);
        HubDownload download = new(request, settings, repository, name, listing with { Files = files });
        if (!download.IsSaved && !request.Force)
            download.CheckName();
        return download;
    }

    /// <summary>
    /// Fetches the files, checks them by the hub's hashes, and puts them into the store in one step. Of a checkpoint, what
    /// the module needs is made, and the file is deleted.
    /// </summary>
    /// <param name="progress">Is told some times a second how far the download has come, on the thread of the caller; null for nobody.</param>
    /// <param name="importProgress">Is told how far the import of a checkpoint has come, on the thread of the caller; null for nobody.</param>
    /// <param name="cancellationToken">Ends it within a moment. What was fetched is kept for the next time.</param>
    /// <returns>What lies in the store.</returns>
    /// <exception cref="DownloadException">A file cannot be had, or is not what the hub says that it is.</exception>
    /// <exception cref="ModelInvalidException">The checkpoint is damaged; nothing of it is kept.</exception>
    /// <exception cref="UnsafeFileException">The checkpoint would run code; nothing of it is kept.</exception>
    /// <exception cref="OutputWriteException">The disk has no room, or cannot be written to.</exception>
    /// <exception cref="OutputExistsException">Another model of that name came in between.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public SavedModel Save(
        Action<DownloadProgress>? progress = null, Action<ProgressReport>? importProgress = null, CancellationToken cancellationToken = default)
    {
        if (!_request.Force && Find() is SavedModel found)
            return found with { WasThere = true };

        DownloadMeter meter = new(Id, Length, TimeProvider.System);
        using DownloadFolder folder = Run(token => DownloadFolder.OpenAsync(FolderName(), _settings, meter.Wait, token), meter, progress, cancellationToken);

        // Whoever had the folder before may have been at the same.
        if (!_request.Force && Find() is SavedModel saved)
            return saved with { WasThere = true };

        ModelManifest manifest = Run(token => FetchAsync(folder, meter, token), meter, progress, cancellationToken);
        if (IsCheckpoint && Import(folder, manifest, importProgress, cancellationToken) is SavedModel imported)
            return imported;

        return Run(_ => Task.FromResult(Publish(folder, manifest)), meter, progress, cancellationToken);
    }

    // The work is done on threads of the pool, and told of on the caller's, which alone may write to a pipeline.
    private static T Run<T>(Func<CancellationToken, Task<T>> start, DownloadMeter meter, Action<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<T> work = Task.Run(() => start(stop.Token), CancellationToken.None);
        try
        {
            while (Task.WaitAny([work], s_reportInterval) < 0)
                progress?.Invoke(meter.Read());
        }
        catch
        {
            // A caller that cannot be told any more must not leave files open behind it.
            stop.Cancel();
            ((IAsyncResult)work).AsyncWaitHandle.WaitOne();
            if (work.IsCompletedSuccessfully)
                (work.Result as IDisposable)?.Dispose();
            throw;
        }

        return work.GetAwaiter().GetResult();
    }

    private static async Task<HubListing> ListAsync(HubSettings settings, HubRepository repository, Action<string?> waiting, CancellationToken cancellationToken)
    {
        using HubClient client = new(settings);
        return await new HubListings(client, settings, waiting).ReadAsync(repository, cancellationToken).ConfigureAwait(false);
    }

    private static HubDownload PlanOffline(HubRequest request, HubSettings settings, HubRepository repository, string name)
    {
        ModelManifest?[] manifests = [new ContentStore(settings.Folders.Models).ReadOrigin(name), ModelManifest.Read(Path.Combine(settings.Folders.Models, name))];
        ModelManifest? manifest = manifests.FirstOrDefault(manifest => manifest is not null && IsOf(manifest, repository)
            && (manifest.Source.Revision == repository.Revision || manifest.Source.Requested == repository.Revision)
            && (request.File is null || manifest.Files.ContainsKey(request.File)));
        if (!request.Force && manifest is not null)
        {
            HubListing listing = new(manifest.Source.Revision!, [.. manifest.Files.Select(static file => new HubFile(file.Key, file.Value.Length, file.Value.Sha256))]);
            HubDownload download = new(request, settings, repository, name, listing);
            if (download.IsSaved)
                return download;
        }

        throw new DownloadException(
            $"'{repository.Id}' cannot be fetched: HF_HUB_OFFLINE says to stay offline, and there is no model '{name}' here that came from '{repository.Revision}' of it. Remove the variable to fetch it.", repository.Id);
    }

    private async Task<ModelManifest> FetchAsync(DownloadFolder folder, DownloadMeter meter, CancellationToken cancellationToken)
    {
        if (_request.Force)
            folder.Clear();
        folder.KeepOnly(Files);
        CheckRoom(folder);

        ConcurrentDictionary<string, ModelFile> done = new(StringComparer.Ordinal);
        using HubClient client = new(_settings);
        FileDownload transfer = new(client, _settings, _repository, Commit, folder, meter);
        ParallelOptions options = new() { MaxDegreeOfParallelism = _request.ThrottleLimit, CancellationToken = cancellationToken };

        // The large ones first, so that none of them is left to come alone at the end.
        await Parallel.ForEachAsync(
            Files.OrderByDescending(static file => file.Length),
            options,
            async (file, token) => done[file.Path] = await transfer.FetchAsync(file, token).ConfigureAwait(false)).ConfigureAwait(false);

        cancellationToken.ThrowIfCancellationRequested();
        return Manifest(done);
    }

    private SavedModel Publish(DownloadFolder folder, ModelManifest manifest)
    {
        manifest.Write(folder.FilesFolder);
        folder.Publish(Folder, _request.Force);
        if (_request.Force)
            _store.Remove(Name);
        return Saved() with { Remark = IsCheckpoint ? FindOther(Path.Combine(Folder, Files[0].Path)) : null };
    }

    /// <summary>Imports the fetched checkpoint.</summary>
    /// <returns>The model; null where the file is whole but no model, and stays a file.</returns>
    private SavedModel? Import(DownloadFolder folder, ModelManifest manifest, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        string path = folder.FilePath(Files[0].Path);
        try
        {
            if (FindOther(path) is not null)
                return null;

            // The hash is known from the download, and gigabytes need not be read for it again.
            FileHashes hashes = FileHashes.Open(new BuildCache(_settings.Folders.Cache).HashFolder, path);
            hashes.Note(path, manifest.Files[Files[0].Path].Sha256);
            hashes.Save();

            ImportTarget target = new()
            {
                Folders = _settings.Folders,
                Name = Name,
                Force = _request.Force,
                Rebuilds = _request.Force,
                Origin = manifest,
            };
            ModelImport import = ModelImporter.Import(new CheckpointSource(path, new ImportOptions()), target, progress, cancellationToken);
            folder.Discard();
            if (_request.Force && Directory.Exists(Folder))
                ModelStore.RemoveFolder(Name, Folder);
            return Imported(import.Model.Path) with { Import = import };
        }
        catch (Exception error) when (error is ModelInvalidException or UnsafeFileException)
        {
            // It is what the hub says that it is, so going on with it would end the same.
            folder.Discard();
            if (error is UnsafeFileException)
                throw;
            throw new ModelInvalidException($"'{Files[0].Path}' of '{Id}' cannot be imported: {error.Message} Nothing of it was kept.", error);
        }
    }

    private static string? FindOther(string path)
    {
        using ITensorFile file = TensorFile.Open(path);
        return Checkpoint.FindOther(file)?.Message;
    }

    private void CheckRoom(DownloadFolder folder)
    {
        long needed = Length - folder.Present(Files);
        if (_settings.FreeSpace(_settings.Folders.Downloads) is long free && free < needed)
            throw new OutputWriteException($"'{Id}' needs {ByteSize.Format(needed)} in '{_settings.Folders.Downloads}', where {ByteSize.Format(free)} are free. Make room, or name another folder by {StorageFolders.CacheVariable}.");
    }

    private void CheckName()
    {
        if (Path.Exists(Folder))
            throw new OutputExistsException(Folder);
        if (_store.ReadKey(Name) is string key && key != FindContent())
            throw new OutputExistsException(_store.Find(Name)!, Name);
    }

    /// <summary>What is in the store already, or needs no more than its name.</summary>
    private SavedModel? Find()
    {
        if (FindSaved() is SavedModel saved)
            return saved;
        if (FindContent() is not string key)
            return null;

        CheckName();
        HubFile file = Files[0];
        _store.SetName(Name, key, Manifest(new Dictionary<string, ModelFile> { [file.Path] = new(file.Length, file.Sha256!) }));
        return Imported(_store.FindContent(key)!);
    }

    /// <summary>The key of the content that the checkpoint's import would make, if that is there.</summary>
    private string? FindContent()
    {
        if (!IsCheckpoint || Files[0].Sha256 is not string hash)
            return null;

        CheckpointSource source = new(Files[0].Path, new ImportOptions());
        string key = ModelBuilder.GetKey(source.Options, source.Inputs.Select(input => (input.Name, hash)));
        return _store.FindContent(key) is not null ? key : null;
    }

    private SavedModel? FindImported()
    {
        if (!IsCheckpoint || _store.ReadKey(Name) is not string key || _store.FindContent(key) is not string content || Directory.Exists(Folder))
            return null;

        // The same file of a later commit is the same model.
        HubFile file = Files[0];
        return _store.ReadOrigin(Name) is { } origin && IsOf(origin, _repository)
            && origin.Files.TryGetValue(file.Path, out ModelFile? known) && known.Length == file.Length
            && (file.Sha256 is null ? origin.Source.Revision == Commit : file.Sha256 == known.Sha256)
            ? Imported(content)
            : null;
    }

    private SavedModel? FindSaved()
    {
        if (FindImported() is SavedModel imported)
            return imported;

        ModelManifest? manifest;
        try
        {
            manifest = ModelManifest.Read(Folder);
        }
        catch (ModelInvalidException)
        {
            // What cannot be told to be the same is another model.
            return null;
        }

        bool isSame = manifest is not null && IsOf(manifest, _repository) && manifest.Source.Revision == Commit
            && Files.All(file => manifest.Files.TryGetValue(file.Path, out ModelFile? known) && known.Length == file.Length && IsThere(file));
        return isSame ? Saved() : null;
    }

    private bool IsThere(HubFile file) => new FileInfo(Path.Combine(Folder, file.Path)) is { Exists: true } info && info.Length == file.Length;

    private ModelManifest Manifest(IDictionary<string, ModelFile> files) => new()
    {
        Source = new ModelSource { Kind = SourceKind, Id = Id, Revision = Commit, Requested = _repository.Revision },
        Files = new SortedDictionary<string, ModelFile>(files, StringComparer.Ordinal),
    };

    private SavedModel Imported(string content) => new(Name, content, []);

    private SavedModel Saved() => new(Name, Folder, [.. Files.Select(static file => file.Path)]);

    private string FolderName()
    {
        string origin = $"{_settings.Endpoint.AbsoluteUri.TrimEnd('/')}\n{Id}\n{Name}";
        return $"{Id.Replace("/", "--", StringComparison.Ordinal)}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(origin)))[..8]}";
    }

    private static bool IsOf(ModelManifest manifest, HubRepository repository) =>
        manifest.Source.Kind == SourceKind && string.Equals(manifest.Source.Id, repository.Id, StringComparison.OrdinalIgnoreCase);

    private static string LocalName(HubRequest request, HubRepository repository)
    {
        string name = request.Name ?? (request.File is null ? repository.Name : Path.GetFileNameWithoutExtension(request.File));
        if (string.Equals(name, ModelStore.EmbeddedName, StringComparison.OrdinalIgnoreCase))
            throw new InvalidSettingException("Name", $"'{name}' is the model that ships with the module. Give another name by Name.");
        return ModelFilePath.IsSafeName(name) && name[0] != '.'
            ? name
            : throw new InvalidSettingException("Name", $"'{ModelFilePath.Printable(name)}' is no name of a folder on every system. Give another name by Name.");
    }
}
