using System.Diagnostics;
using StableDiffusion.Building;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Pipelines;
using StableDiffusion.Quantization;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>
/// Converts a user's model - a single file, a diffusers folder, or a folder of another
/// exporter's graphs - to the internal form, and stores it in the model store.
/// </summary>
internal static class ModelImporter
{
    private const string ComparedPrompt = "a red house on the grass in daylight";

    /// <summary>Enough steps for an image, but few enough to compare a large model within minutes.</summary>
    private const int ComparedSteps = 6;

    /// <summary>Imports a model.</summary>
    /// <param name="path">The full path of the file or folder. Its type is detected from its contents, not from its name.</param>
    /// <param name="name">The name to ask for the model by; null takes the file's or folder's.</param>
    /// <param name="options">The import options; null means the defaults.</param>
    /// <param name="force">Whether an existing model of the same name is replaced.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the import; no partial import remains.</param>
    /// <returns>The result.</returns>
    /// <exception cref="ModelNotFoundException">The file or folder does not exist, or a part of the model is missing.</exception>
    /// <exception cref="ModelInvalidException">It is damaged, or not a supported model; the message says what it is.</exception>
    /// <exception cref="UnsafeFileException">It is a pickle that would run code.</exception>
    /// <exception cref="InvalidSettingException">The name is invalid or that of the imported folder itself, or another setting is out of range.</exception>
    /// <exception cref="OutputExistsException">Another model has the name.</exception>
    /// <exception cref="OutputWriteException">The store cannot be written to; no partial import remains.</exception>
    /// <exception cref="OperationCanceledException">The import was cancelled.</exception>
    public static ModelImport Import(
        string path,
        string? name = null,
        ImportOptions? options = null,
        bool force = false,
        Action<ImportProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        string fullPath = Path.GetFullPath(path);
        name = CheckName(name ?? DefaultName(fullPath));
        IModelSource source = ModelSources.Find(fullPath, options ?? new ImportOptions());
        string folder = Path.Combine(StorageFolders.Models, name);
        bool isReplaced = File.Exists(Path.Combine(folder, PipelineConfig.FileName));
        if (isReplaced)
            CheckReplaceable(folder, source, force);

        ImportTarget target = new() { Models = StorageFolders.Models, Cache = StorageFolders.Cache, Name = name, Force = force };
        ModelImport import = Import(source, target, progress, cancellationToken);
        if (isReplaced)
        {
            // The name refers to the new model as soon as the folder's index is deleted.
            ModelCache.Clear();
            ModelStore.RemoveFolder(name, folder);
        }

        return import with { Source = fullPath };
    }

    /// <summary>Imports a model of a known form.</summary>
    /// <param name="source">The model.</param>
    /// <param name="target">The destination.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the import; no partial import remains.</param>
    /// <returns>The result.</returns>
    internal static ModelImport Import(IModelSource source, ImportTarget target, Action<ImportProgress>? progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        ContentStore store = new(target.Models);
        ProgressClock clock = new(progress);
        BuildCache hashMemory = new(target.Cache);
        string key = ModelBuilder.GetKey(source, hashMemory, clock.Report, cancellationToken);
        string? previous = store.ReadKey(target.Name);
        if (!target.Force && previous is not null && previous != key)
            throw new OutputExistsException(store.Find(target.Name)!, target.Name);

        ImportedContent content = new(source, hashMemory, clock, cancellationToken);
        string? there = target.Rebuilds ? null : store.FindContent(key);
        string folder = there ?? store.AddContent(key, content.Write, target.Rebuilds);
        content.NoteHashes(folder);
        store.SetName(target.Name, key, target.Origin);
        if (previous is not null && previous != key)
            store.RemoveUnnamed(target.Name, previous);

        return new ModelImport
        {
            Name = target.Name,
            Model = ModelReader.Read(target.Name, folder),
            Source = source.Path,
            SourceLength = source.Inputs.Sum(input => FileHashes.Length(input.Path)),
            Variant = content.Variant?.ToString(),
            WasThere = there is not null,
            Elapsed = Stopwatch.GetElapsedTime(start),
            Findings = content.Findings,
        };
    }

    /// <summary>
    /// Compares an imported model with its source in full precision, by the images that both make on
    /// the CPU and the time that they take. The model in full precision is built for this purpose, and deleted afterwards,
    /// unless it is in the store already.
    /// </summary>
    /// <param name="import">The import.</param>
    /// <param name="options">The options of the import.</param>
    /// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it within milliseconds.</param>
    /// <returns>The comparison.</returns>
    /// <exception cref="DiffusionException">The source can no longer be read, or the model cannot be run.</exception>
    public static PrecisionComparison Compare(
        ModelImport import, ImportOptions options, Action<ImportProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(import);
        ArgumentNullException.ThrowIfNull(options);
        ProgressClock clock = new(progress);
        IModelSource source = ModelSources.Find(import.Source, options with { Precision = ModelPrecision.Full });
        BuildCache cache = new(StorageFolders.Cache);
        string key = ModelBuilder.GetKey(source, cache, clock.Report, cancellationToken);
        return (new ContentStore(StorageFolders.Models).FindContent(key) ?? cache.Find(key)) is string full
            ? CompareWith(full)
            : cache.Borrow(temporary => ModelBuilder.Write(source, temporary, clock.Report, cancellationToken), CompareWith);

        PrecisionComparison CompareWith(string folder) => PrecisionComparer.Run(
            ModelReader.Read(nameof(ModelPrecision.Full), folder), import.Model, ComparedPrompt, new DenoiseOptions { Steps = ComparedSteps }, Report, cancellationToken);

        void Report(int images) => clock.Report("Comparing the images with those in full precision", import.Name, images, 2 * PrecisionComparer.Seeds, countsBytes: false);
    }

    private static void CheckReplaceable(string folder, IModelSource source, bool force)
    {
        if (!force)
            throw new OutputExistsException(folder);

        string inside = folder + Path.DirectorySeparatorChar;
        if (source.Inputs.Any(input => input.Path.StartsWith(inside, StringComparison.OrdinalIgnoreCase)))
            throw new InvalidSettingException("Name", $"The model would replace the folder '{folder}', which it is imported from. Choose another Name.");
    }

    private static string DefaultName(string path) => Directory.Exists(path) ? new DirectoryInfo(path).Name : Path.GetFileNameWithoutExtension(path);

    private static string CheckName(string name) => ModelFilePath.IsSafeName(name) && name[0] != '.' && !string.Equals(name, ModelStore.EmbeddedName, StringComparison.OrdinalIgnoreCase)
        ? name
        : throw new InvalidSettingException("Name", $"'{ModelFilePath.Printable(name)}' cannot be the name of a model: it must be a valid file name on every system, and '{ModelStore.EmbeddedName}' is the model that ships with the module. Choose another Name.");
}
