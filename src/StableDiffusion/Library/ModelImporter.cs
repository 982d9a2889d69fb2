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
/// <param name="folders">The folders of the library.</param>
/// <param name="pool">The open models.</param>
internal sealed class ModelImporter(StorageFolders folders, ModelPool pool)
{
    private const string ComparedPrompt = "a red house on the grass in daylight";

    /// <summary>Enough steps for an image, but few enough to compare a large model within minutes.</summary>
    private const int ComparedSteps = 6;

    /// <inheritdoc cref="ModelLibrary.Import"/>
    public ModelImport Import(string path, string? name, ImportOptions? options, bool force, bool skipsTest, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        string fullPath = Path.GetFullPath(path);
        name = CheckName(name ?? DefaultName(fullPath));
        IModelSource source = ModelSources.Find(fullPath, options ?? new ImportOptions());
        string folder = Path.Combine(folders.Models, name);
        bool isReplaced = File.Exists(Path.Combine(folder, PipelineConfig.FileName));
        if (isReplaced)
            CheckReplaceable(folder, source, force);

        ImportTarget target = new() { Folders = folders, Name = name, Force = force, IsTested = !skipsTest };
        ModelImport import = Import(source, target, progress, cancellationToken);
        if (isReplaced)
        {
            // The name refers to the new model as soon as the folder's index is deleted.
            pool.Clear();
            ModelStore.RemoveFolder(name, folder, new ContentStore(folders.Models), cancellationToken);
        }

        return import with { Source = fullPath };
    }

    /// <summary>Imports a model of a known form.</summary>
    /// <param name="source">The model.</param>
    /// <param name="target">The destination.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the import; no partial import remains.</param>
    /// <returns>The result.</returns>
    public static ModelImport Import(IModelSource source, ImportTarget target, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        ContentStore store = new(target.Folders.Models);
        ProgressClock clock = new(progress);
        BuildCache hashMemory = new(target.Folders.Cache);
        hashMemory.Sweep();

        // The configs of a folder are checked before gigabytes are read. A single file may need the other VAE of the options.
        if (Directory.Exists(source.Path))
            _ = ModelReader.Read(target.Name, source.Path);
        string key = ModelBuilder.GetKey(source, hashMemory, clock, cancellationToken);
        store.CheckName(target, key);

        ImportedContent content = new(source, target.IsTested, hashMemory, clock, cancellationToken);
        store.Sweep(cancellationToken);
        RentedBuild? there = FindContent(store, key, target, source, clock, cancellationToken);

        // Its former content is deleted, unless it is open elsewhere.
        if (store.ReadKey(target.Name) is string former && former != key)
            new ModelLibrary(target.Folders).CloseModels();
        using RentedBuild rented = there ?? AddContent(store, key, content, target, hashMemory, cancellationToken);
        if (there is not null)
            store.SetName(target, key, cancellationToken);
        content.NoteHashes(rented.Folder);

        return new ModelImport
        {
            Name = target.Name,
            Model = ModelReader.Read(target.Name, rented.Folder),
            Source = source.Path,
            SourceLength = source.Inputs.Sum(input => FileHashes.Length(input.Path)),
            Variant = content.Variant?.ToString(),
            WasThere = there is not null,
            Elapsed = Stopwatch.GetElapsedTime(start),
            Findings = content.Findings,
        };
    }

    /// <summary>Finds the content of a model, which has no name yet or another one.</summary>
    /// <returns>The content; null if there is none, or it has to be written again since it is damaged.</returns>
    private static RentedBuild? FindContent(ContentStore store, string key, ImportTarget target, IModelSource source, ProgressClock clock, CancellationToken cancellationToken)
    {
        RentedBuild? there = target.Rebuilds ? null : store.Rent(key, cancellationToken);
        try
        {
            if (there is null || ModelManifest.Read(there.Folder) is not { } manifest)
            {
                there?.Dispose();
                return null;
            }

            // It may have been imported without the test.
            if (target.IsTested && !manifest.IsTested)
                ImportedContent.Test(ModelReader.Read(source.Path, there.Folder), clock, cancellationToken, preparedFolder: target.Folders.Cache);
            return there;
        }
        catch
        {
            there?.Dispose();
            throw;
        }
    }

    /// <summary>Makes the content of a model, and assigns it to the name.</summary>
    private static RentedBuild AddContent(ContentStore store, string key, ImportedContent content, ImportTarget target, BuildCache hashMemory, CancellationToken cancellationToken)
    {
        try
        {
            return store.AddContent(key, content.Write, target.Rebuilds, target, cancellationToken);
        }
        catch (DiffusionException error) when (error is not (OutputWriteException or OutputExistsException))
        {
            FileHashes.Forget(hashMemory.HashFolder, content.SourcePath);
            throw;
        }
    }

    /// <inheritdoc cref="ModelLibrary.Compare"/>
    public PrecisionComparison Compare(ModelImport import, ImportOptions options, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        ProgressClock clock = new(progress);
        IModelSource source = ModelSources.Find(import.Source, options with { Precision = ModelPrecision.Full });
        BuildCache cache = new(folders.Cache);
        string key = ModelBuilder.GetKey(source, cache, clock, cancellationToken);
        return (new ContentStore(folders.Models).FindContent(key) ?? cache.Find(key)) is string full
            ? CompareWith(full)
            : cache.Borrow(temporary => ModelBuilder.Write(source, temporary, clock, cancellationToken), CompareWith);

        PrecisionComparison CompareWith(string folder) => PrecisionComparer.Run(
            ModelReader.Read(nameof(ModelPrecision.Full), folder), import.Model, ComparedPrompt, new DenoiseOptions { Steps = ComparedSteps }, folders.Cache, Report, cancellationToken);

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

    private static string CheckName(string name)
    {
        string? fault = string.Equals(name, ModelStore.EmbeddedName, StringComparison.OrdinalIgnoreCase) ? "that is the model that ships with the module"
            : ModelFilePath.IsSafeName(name) && name[0] != '.' ? null
            : "it must be a valid file name on every system, without a dot at its start";
        return fault is null ? name : throw new InvalidSettingException("Name", $"'{ModelFilePath.Printable(name)}' cannot be the name of a model: {fault}. Choose another Name.");
    }
}
