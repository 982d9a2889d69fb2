using System.Diagnostics;
using StableDiffusion.Building;
using StableDiffusion.Families;
using StableDiffusion.Networks;
using StableDiffusion.Storage;

namespace StableDiffusion.Running;

/// <summary>The graphs of a model: used where they are, or built into the cache, and checked. One thread at a time can use it.</summary>
/// <param name="info">The model.</param>
/// <param name="family">Its family.</param>
internal sealed class ModelGraphs(ModelInfo info, ModelFamily family) : IDisposable
{
    private const string BuildingGraphs = "Building the model's graphs";

    private RentedBuild? _graphs;

    /// <summary>The model, with its hash once that is known.</summary>
    public ModelInfo Info { get; private set; } = info;

    /// <summary>As for <see cref="DiffusionModel.CacheFolder"/>.</summary>
    public string? CacheFolder { get; set; }

    /// <summary>The folder for built graphs.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public string RequiredCache => CacheFolder ?? throw new InvalidOperationException($"The model '{Info.Name}' has to be built, and has no folder for that.");

    /// <summary>Whether the model is a folder of graphs that are used where they are.</summary>
    private bool HasGraphs => (IsInStore && BuildCache.IsBuilt(Info.Path))
        || (File.Exists(Path.Combine(Info.Path, family.Backbone, ModelParts.Graph)) && (CacheFolder is null || (IsInStore && ModelManifest.Read(Info.Path) is not null)));

    // Outside the store, the name is the path; a manifest there says nothing.
    private bool IsInStore => Info.Name != Info.Path;

    /// <summary>The folder of the graphs. Those that were lost are built again.</summary>
    /// <param name="progress">Receives the progress of building; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="ModelNotFoundException">A file of the model is missing.</exception>
    /// <exception cref="ModelInvalidException">A file of the model is damaged.</exception>
    public string Find(Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        if (_graphs is not null && !IsWhole(_graphs.Folder))
        {
            _graphs.Dispose();
            _graphs = null;
        }

        return (_graphs ??= Open(progress, cancellationToken)).Folder;
    }

    /// <summary>The folder of the graphs, found without reading the weights; null if they are not built.</summary>
    /// <param name="cancellationToken">Cancels it.</param>
    public string? FindBuilt(CancellationToken cancellationToken) =>
        HasGraphs ? Info.Path : CacheFolder is null ? null : ModelBuilder.Find(ModelSources.Find(Info.Path, new ImportOptions()), CacheFolder, cancellationToken);

    /// <summary>Whether no file of the graphs was lost.</summary>
    /// <param name="graphs">Their folder.</param>
    public bool IsWhole(string graphs) => graphs == Info.Path && !BuildCache.IsBuilt(graphs)
        ? ModelManifest.Read(graphs)?.HasLengths(graphs) != false
        : BuildCache.IsWhole(graphs);

    /// <summary>Keeps the graphs that were built, whatever is said of the model later.</summary>
    public void Keep() => _graphs?.IsNew = false;

    /// <summary>Deletes the graphs if they were built for this use of the model.</summary>
    public void Discard()
    {
        _graphs?.Discard();
        _graphs = null;
    }

    /// <summary>The first digits of the SHA-256 of the weights of the model, or of something that is used with it.</summary>
    /// <param name="source">Its files.</param>
    /// <param name="cancellationToken">Cancels the reading of files that were not hashed before.</param>
    public string Identify(IModelSource source, CancellationToken cancellationToken) => ModelBuilder.Hash(source, RequiredCache, cancellationToken)[..ModelReader.ShortHashLength];

    /// <summary>Builds the graphs of the model, or of something that is used with it, unless they are already built.</summary>
    /// <param name="source">What to build.</param>
    /// <param name="name">Its name, for the progress.</param>
    /// <param name="progress">Receives the progress; may be null.</param>
    /// <param name="cancellationToken">Cancels the building.</param>
    /// <returns>The folder of the graphs; dispose it after the last use.</returns>
    public RentedBuild Build(IModelSource source, string name, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        bool isBuilt = false;
        RentedBuild graphs = ModelBuilder.Rent(source, RequiredCache, new ProgressClock(Report), cancellationToken);
        if (isBuilt)
            progress?.Invoke(ProgressReport.Finished(BuildingGraphs, name, Stopwatch.GetElapsedTime(start)));
        return graphs;

        void Report(ProgressReport build)
        {
            // Whether they were built before is known once the model's files are hashed.
            bool isHashing = build.Activity == BuildActivity.Hashing;
            isBuilt |= !isHashing;
            progress?.Invoke(isHashing ? build : build with { Activity = BuildingGraphs });
        }
    }

    public void Dispose() => _graphs?.Dispose();

    private RentedBuild Open(Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        bool isBuilt = IsInStore && BuildCache.IsBuilt(Info.Path);
        if (IsInStore && !Path.Exists(Info.Path))
            throw new ModelNotFoundException($"The model '{Info.Name}' was removed meanwhile. Import it again, or use another model.");

        if (HasGraphs)
        {
            RentedBuild rented = isBuilt ? RentContent(cancellationToken) : new RentedBuild(Info.Path, held: null);
            try
            {
                FileHashes hashes = CacheFolder is null ? FileHashes.Forgetful(Info.Path) : FileHashes.Open(new BuildCache(CacheFolder).HashFolder, Info.Path);
                ModelManifest.Read(Info.Path)?.Check(Info.Path, hashes, cancellationToken);
                return rented;
            }
            catch
            {
                rented.Dispose();
                throw;
            }
        }

        // Graphs from elsewhere are copied, since ONNX Runtime maps their weights: a program that shortened them would end the process.
        IModelSource source = ModelSources.Find(Info.Path, new ImportOptions());
        RentedBuild graphs = Build(source, Info.Name, progress, cancellationToken);
        try
        {
            Info = Info with { Hash = Identify(source, cancellationToken) };
            return graphs;
        }
        catch
        {
            graphs.Dispose();
            throw;
        }
    }

    /// <summary>Keeps an imported model from being deleted while it is open.</summary>
    private RentedBuild RentContent(CancellationToken cancellationToken) =>
        new BuildCache(Path.GetDirectoryName(Info.Path)!).Rent(Path.GetFileName(Info.Path), cancellationToken)
        ?? throw new ModelInvalidException($"The model '{Info.Name}' is damaged: a file in '{Info.Path}' is missing or has another length than it was written with. Import the model again.");
}
