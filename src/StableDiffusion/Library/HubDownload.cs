using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using StableDiffusion.Building;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Hub;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Library;

/// <summary>
/// A download of a model from a hub: first the required files are determined, then they are downloaded to
/// the model store. A checkpoint is imported there, and its file is not kept. The next call resumes an interrupted
/// download.
/// </summary>
internal sealed class HubDownload
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

    /// <summary>The commit of the revision.</summary>
    public string Commit { get; }

    /// <summary>The model's name in the store.</summary>
    public string Name { get; }

    /// <summary>The full path of the folder for files that are not imported.</summary>
    public string Folder => Path.Combine(_settings.Folders.Models, Name);

    /// <summary>Whether it is a single file, which is imported if it is a complete model.</summary>
    public bool IsCheckpoint { get; }

    /// <summary>Whether the same checkpoint was already imported under another name or from a file, so that only the name must be added.</summary>
    public bool IsContentHere => !_request.Force && FindContent() is not null;

    /// <summary>The required files.</summary>
    public IReadOnlyList<HubFile> Files { get; }

    /// <summary>The paths of those that the hub lists no hash of; only their lengths can be checked.</summary>
    public IReadOnlyList<string> UnverifiedFiles => [.. Files.Where(static file => !file.HasHash).Select(static file => file.Path)];

    /// <summary>Their total size in bytes.</summary>
    public long Length { get; }

    /// <summary>Whether the same files of the same commit are already in the store.</summary>
    public bool IsSaved => !_request.Force && FindSaved() is not null;

    /// <summary>Determines the files to download. Offline (<see cref="HubSettings.IsOffline"/>), these are the existing files.</summary>
    /// <param name="request">The request.</param>
    /// <param name="settings">The settings of the hub.</param>
    /// <param name="progress">Receives the progress a few times a second, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels the requests.</param>
    /// <returns>The download, which is not started yet.</returns>
    /// <exception cref="InvalidSettingException">A part of the request is invalid, or it does not determine the files.</exception>
    /// <exception cref="DownloadException">The hub does not have the model, or denies access to it.</exception>
    /// <exception cref="ModelInvalidException">The repository does not contain a supported model.</exception>
    /// <exception cref="OutputExistsException">Another model of that name exists and may not be replaced.</exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
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
        if (!download.IsSaved)
            download.CheckName();
        return download;
    }

    /// <summary>
    /// Downloads the files, verifies them with the hub's hashes, and moves them to the store in one step. A checkpoint is
    /// imported, and its file is deleted.
    /// </summary>
    /// <param name="progress">Receives the progress of the download a few times a second, on the calling thread; may be null.</param>
    /// <param name="importProgress">Receives the progress of the import of a checkpoint, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it quickly. The downloaded data is kept for the next call.</param>
    /// <returns>The saved model.</returns>
    /// <exception cref="DownloadException">A file cannot be downloaded, or does not match the hub's hash.</exception>
    /// <exception cref="ModelInvalidException">The checkpoint is damaged; it is deleted.</exception>
    /// <exception cref="UnsafeFileException">The checkpoint would run code; it is deleted.</exception>
    /// <exception cref="OutputWriteException">There is not enough disk space, or the disk cannot be written to.</exception>
    /// <exception cref="OutputExistsException">Another model of that name was created in the meantime.</exception>
    /// <exception cref="OperationCanceledException">The operation was canceled.</exception>
    public SavedModel Save(
        Action<DownloadProgress>? progress = null, Action<ProgressReport>? importProgress = null, CancellationToken cancellationToken = default)
    {
        if (!_request.Force && Find(cancellationToken) is SavedModel found)
            return found with { WasThere = true };

        DownloadMeter meter = new(Id, Length, TimeProvider.System);
        using DownloadFolder folder = Run(token => DownloadFolder.OpenAsync(FolderName(), _settings, meter.Wait, token), meter, progress, cancellationToken);

        // The previous owner of the folder may have completed the same download.
        if (!_request.Force && Find(cancellationToken) is SavedModel saved)
            return saved with { WasThere = true };

        ModelManifest manifest = Run(token => FetchAsync(folder, meter, token), meter, progress, cancellationToken);
        if (IsCheckpoint && Import(folder, manifest, importProgress, cancellationToken) is SavedModel imported)
            return imported;
        if (_request.Include is null && manifest.Files.ContainsKey(PipelineConfig.FileName))
        {
            NoteHashes(folder.FilesFolder, manifest);
            ModelInfo model = Check(folder);
            if (!_request.SkipTest)
                manifest = Test(model, manifest, importProgress, cancellationToken);
        }

        return Run(token => Task.FromResult(Publish(folder, manifest, token)), meter, progress, cancellationToken);
    }

    // The work is done on pool threads; the progress is reported on the calling thread, which the caller may need for its output.
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
            // If reporting to the caller fails, no files must stay open.
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
            $"'{repository.Id}' cannot be downloaded: HF_HUB_OFFLINE is set, and no model '{name}' from its revision '{repository.Revision}' is in the store. Remove the variable to download it.", repository.Id);
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

        // The large files first, so that the download does not end with a single large file.
        await Parallel.ForEachAsync(
            Files.OrderByDescending(static file => file.Length),
            options,
            async (file, token) => done[file.Path] = await transfer.FetchAsync(file, token).ConfigureAwait(false)).ConfigureAwait(false);

        cancellationToken.ThrowIfCancellationRequested();
        return Manifest(done);
    }

    /// <summary>Checks what can be seen of a downloaded model without running it, before it gets its name.</summary>
    private ModelInfo Check(DownloadFolder folder)
    {
        try
        {
            ModelInfo model = ModelReader.Read(Id, folder.FilesFolder);
            ModelVerifier.CheckFiles(model, new BuildCache(_settings.Folders.Cache));
            return model;
        }
        catch (Exception error) when (error is ModelInvalidException or ModelNotFoundException or InvalidSettingException)
        {
            // The files match the hub's hashes, so another download would fail again. With other files, it may not.
            string reason = Sentence.Of(error).Replace(folder.FilesFolder, Id, StringComparison.Ordinal);
            if (_request.Exclude is not null)
                throw new ModelInvalidException($"'{Id}' without the excluded files is not a model, and was not saved: {reason}", error);
            folder.Discard();
            throw new ModelInvalidException($"'{Id}' is not a model that can be used, and was not saved: {reason} The hub has its files like that; use another repository.", error);
        }
    }

    /// <summary>Tests a downloaded model before it is published. Graphs are built from its weights here rather than at its first use.</summary>
    private ModelManifest Test(ModelInfo model, ModelManifest manifest, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        // Graphs are used where they are; only what is built goes to the cache.
        string? cache = OnnxFolder.FindBackbone(model.Path) is null ? _settings.Folders.Cache : null;
        ImportedContent.Test(model, new ProgressClock(progress), cancellationToken, cache);
        return manifest with { IsTested = true };
    }

    /// <summary>Caches the hashes of downloaded files, so that they need not be read again.</summary>
    private void NoteHashes(string folder, ModelManifest manifest)
    {
        FileHashes hashes = FileHashes.Open(new BuildCache(_settings.Folders.Cache).HashFolder, folder);
        foreach ((string name, ModelFile file) in manifest.Files)
            hashes.Note(Path.Combine(folder, name), file.Sha256);
        hashes.Save();
    }

    private SavedModel Publish(DownloadFolder folder, ModelManifest manifest, CancellationToken cancellationToken)
    {
        manifest.Write(folder.FilesFolder);
        _store.Change(
            () =>
            {
                CheckName();
                folder.Publish(Folder, _request.Force);
                return true;
            },
            cancellationToken);

        // Graphs are used where they are.
        if (OnnxFolder.FindBackbone(Folder) is not null)
            AtomicWriter.SetReadOnly(Folder);
        NoteHashes(Folder, manifest);
        if (_request.Force)
            _store.Remove(Name, cancellationToken);
        return Saved() with { Remark = IsCheckpoint ? FindOther(Path.Combine(Folder, Files[0].Path)) : null };
    }

    /// <summary>Imports the downloaded checkpoint.</summary>
    /// <returns>The model; null if the file is intact but not a model, and stays a file.</returns>
    private SavedModel? Import(DownloadFolder folder, ModelManifest manifest, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        string path = folder.FilePath(Files[0].Path);
        try
        {
            if (FindOther(path) is not null)
                return null;

            // The hash is known from the download, so that gigabytes need not be read again.
            FileHashes hashes = FileHashes.Open(new BuildCache(_settings.Folders.Cache).HashFolder, path);
            hashes.Note(path, manifest.Files[Files[0].Path].Sha256);
            hashes.Save();

            ModelImport import = ModelImporter.Import(new CheckpointSource(path, new ImportOptions()), Target(manifest), progress, cancellationToken);
            folder.Discard();
            if (_request.Force && Directory.Exists(Folder))
                ModelStore.RemoveFolder(Name, Folder, _store, cancellationToken);
            return Imported(import.Model.Path) with { Import = import };
        }
        catch (Exception error) when (error is ModelInvalidException or UnsafeFileException)
        {
            // The file matches the hub's hash, so a resumed download would fail again. One that only failed the test can be kept without it.
            if (error is ModelInvalidException { Remedy: Remedy.SkipTest })
                throw;
            folder.Discard();
            if (error is UnsafeFileException)
                throw;
            throw new ModelInvalidException($"'{Files[0].Path}' of '{Id}' cannot be imported: {Sentence.Of(error)} The download was deleted.", error);
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
            throw new OutputWriteException($"'{Id}' needs {ByteSize.Format(needed)} in '{_settings.Folders.Downloads}', where {ByteSize.Format(free)} are free. Free some space, or set {StorageFolders.CacheVariable} to another folder.");
    }

    private void CheckName()
    {
        if (Path.Exists(Folder) && !_request.Force)
            throw new OutputExistsException(Folder);
        _store.CheckName(Target(origin: null), FindContent());
    }

    /// <summary>The model if it is already in the store, or only needs its name.</summary>
    private SavedModel? Find(CancellationToken cancellationToken)
    {
        if (FindSaved() is SavedModel saved)
            return saved;
        if (FindContent() is not string key)
            return null;

        CheckName();
        using RentedBuild? content = _store.Rent(key, cancellationToken);
        if (content is null)
            return null;

        HubFile file = Files[0];
        _store.SetName(Target(Manifest(new Dictionary<string, ModelFile> { [file.Path] = new(file.Length, file.Sha256!) })), key, cancellationToken);
        return Imported(content.Folder);
    }

    private ImportTarget Target(ModelManifest? origin) => new()
    {
        Folders = _settings.Folders,
        Name = Name,
        Force = _request.Force,
        Rebuilds = _request.Force,
        Origin = origin,
        IsTested = !_request.SkipTest,
    };

    /// <summary>The key of the content that importing the checkpoint would make, if it exists.</summary>
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
            // If it is not known to be the same, it is another model.
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
            throw new InvalidSettingException("Name", $"'{name}' is the model that ships with the module. Specify another Name.");
        if (ContentStore.IsNameFile(name))
            throw new InvalidSettingException("Name", $"'{ModelFilePath.Printable(name)}' ends as the files do that the store has for the names of imported models. Specify another Name.");
        return ModelFilePath.IsSafeName(name) && name[0] != '.'
            ? name
            : throw new InvalidSettingException("Name", $"'{ModelFilePath.Printable(name)}' is not a valid folder name on every system. Specify another Name.");
    }
}
