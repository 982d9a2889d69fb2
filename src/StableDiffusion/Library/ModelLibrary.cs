using StableDiffusion.Adapters;
using StableDiffusion.Building;
using StableDiffusion.Detecting;
using StableDiffusion.Hub;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Quantization;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Library;

/// <summary>
/// The models, ControlNets, VAEs, upscalers, detectors and adapters that can be used by name, and the way to open, import, test and remove models:
/// <code>
/// using ModelLease lease = ModelLibrary.Default.Open("demo");
/// DiffusionPipeline pipeline = new(lease.Model);
/// </code>
/// A library holds only the names of its folders, and may be used from several threads at once. Open models are shared by all
/// libraries of the process.
/// </summary>
public sealed class ModelLibrary
{
    private static readonly ModelPool s_pool = new();

    private readonly ModelPool _pool = s_pool;

    /// <summary>Initializes a library.</summary>
    /// <param name="folders">Its folders; those that do not exist are empty.</param>
    public ModelLibrary(StorageFolders folders)
    {
        ArgumentNullException.ThrowIfNull(folders);
        Folders = folders;
        Models = new ModelStore(folders.Models, _pool);
        ControlNets = new NetworkStore(folders.ControlNets, "ControlNet", static (message, remedy) => new ControlNetNotFoundException(message) { Remedy = remedy });
        Vaes = new NetworkStore(folders.Vaes, "VAE", static (message, remedy) => new VaeNotFoundException(message) { Remedy = remedy }, halves: (VaeSource.DecoderEnding, VaeSource.EncoderEnding));
        Upscalers = new NetworkStore(folders.Upscalers, "upscaler", static (message, remedy) => new UpscalerNotFoundException(message) { Remedy = remedy }, UpscalerSource.Endings);
        Detectors = new NetworkStore(folders.Detectors, "detector", static (message, remedy) => new DetectorNotFoundException($"{message} The detector {Detector.BuiltIn} ships with the module.") { Remedy = remedy }, [UpscalerSource.GraphEnding]);
        Loras = new AdapterStore(folders.Loras, "LoRA");
        Embeddings = new AdapterStore(folders.Embeddings, "embedding");
        Downloads = new DownloadCache(folders.Downloads);
    }

    /// <summary>The library in the folders of the user, or in those that the environment variables name at the moment.</summary>
    public static ModelLibrary Default => new(StorageFolders.FromEnvironment());

    /// <summary>Its folders.</summary>
    public StorageFolders Folders { get; }

    /// <summary>The models.</summary>
    public ModelStore Models { get; }

    /// <summary>The ControlNets.</summary>
    internal NetworkStore ControlNets { get; }

    /// <summary>The autoencoders that can be used in place of a model's own.</summary>
    internal NetworkStore Vaes { get; }

    /// <summary>The upscalers.</summary>
    internal NetworkStore Upscalers { get; }

    /// <summary>The detectors.</summary>
    internal NetworkStore Detectors { get; }

    /// <summary>The LoRAs.</summary>
    internal AdapterStore Loras { get; }

    /// <summary>The textual inversion embeddings.</summary>
    internal AdapterStore Embeddings { get; }

    /// <summary>The incomplete downloads.</summary>
    internal DownloadCache Downloads { get; }

    /// <summary>Gets a model for use, and opens it if it is not open on that device. It stays open for the next use.</summary>
    /// <param name="model">A name, folder or single file, as <see cref="ModelStore.Find"/> takes it; null for the model that ships with the engine.</param>
    /// <param name="device">The device; null for the best available one.</param>
    /// <param name="adapters">The adapters to open it with; null for none.</param>
    /// <returns>The lease; dispose it after use.</returns>
    /// <exception cref="ModelNotFoundException">The model does not exist.</exception>
    /// <exception cref="ModelInvalidException">Its configs are damaged, or the file is not a model.</exception>
    /// <exception cref="UnsafeFileException">The file would run code.</exception>
    public ModelLease Open(string? model = null, Device? device = null, AdapterSet? adapters = null) =>
        _pool.Rent(this, model, device ?? Devices.Resolve(Device.Auto, out _), adapters);

    /// <summary>Closes all models that are open in the process: at once where one is not in use, otherwise as soon as its last use ends.</summary>
    /// <returns>The number of models.</returns>
    public int CloseModels() => _pool.Clear();

    /// <summary>Enlarges an image by an upscaler of <see cref="UpscaleOptions.Upscaler"/>, which is opened for it, or by a filter.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="options">The upscaler, the size and the tiles.</param>
    /// <param name="device">The device; null for the best available one.</param>
    /// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The new image, with the same settings and one more stage.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range, or the upscaler would need more memory than there is.</exception>
    /// <exception cref="UpscalerNotFoundException">There is no such upscaler; the message lists those in the folder.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, or is not an upscaler.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public DiffusionImage Upscale(DiffusionImage image, UpscaleOptions options, Device? device = null, Action<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        ImageUpscaling.Check(image, options);
        if (ImageUpscaling.FilterOf(options.Upscaler) is ResampleFilter filter)
            return ImageUpscaling.Run(image, filter, options, cancellationToken);
        using Upscaler upscaler = OpenUpscaler(options.Upscaler, device ?? Devices.Resolve(Device.Auto, out _), progress, cancellationToken);
        return ImageUpscaling.Run(image, upscaler, options, progress, cancellationToken);
    }

    /// <summary>Opens an upscaler, so that several images can be enlarged with it.</summary>
    /// <param name="nameOrPath">Its name, with or without the file's extension, or its path.</param>
    /// <param name="device">The device.</param>
    /// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The upscaler; dispose it after use.</returns>
    internal Upscaler OpenUpscaler(string nameOrPath, Device device, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        (string name, string path) = Upscalers.Locate(nameOrPath);
        return Upscaler.Open(name, path, Folders.Cache, device, progress, cancellationToken);
    }

    /// <summary>The first digits of the SHA-256 of an upscaler's file.</summary>
    /// <param name="nameOrPath">As for <see cref="OpenUpscaler"/>.</param>
    /// <param name="cancellationToken">Cancels the reading of a file that was not hashed before.</param>
    /// <exception cref="UpscalerNotFoundException">There is no such upscaler.</exception>
    internal string IdentifyUpscaler(string nameOrPath, CancellationToken cancellationToken) => Upscaler.Identify(Upscalers.Locate(nameOrPath).Path, Folders.Cache, cancellationToken);

    /// <summary>Finds the regions of an image by a detector, which is opened for it.</summary>
    /// <param name="image">The image.</param>
    /// <param name="options">The detector, and which regions are returned.</param>
    /// <param name="device">The device; null for the best available one.</param>
    /// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The regions; none if nothing was found.</returns>
    /// <exception cref="InvalidSettingException">A setting is out of range.</exception>
    /// <exception cref="DetectorNotFoundException">There is no such detector; the message lists those in the folder.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, or is not a detector.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public IReadOnlyList<DetectedRegion> Detect(DiffusionImage image, DetectOptions options, Device? device = null, Action<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        using Detector detector = OpenDetector(options.Detector, device ?? Devices.Resolve(Device.Auto, out _), progress, cancellationToken);
        return detector.Find(image, options, cancellationToken);
    }

    /// <summary>Opens a detector, so that several images can be searched with it.</summary>
    /// <param name="nameOrPath">Its name, with or without the file's extension, or its path; or that of the one that ships with the engine.</param>
    /// <param name="device">The device.</param>
    /// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The detector; dispose it after use.</returns>
    internal Detector OpenDetector(string nameOrPath, Device device, Action<ProgressReport>? progress, CancellationToken cancellationToken)
    {
        if (Detector.IsBuiltIn(nameOrPath))
            return Detector.OpenBuiltIn(Folders.Cache, device, cancellationToken);
        (string name, string path) = Detectors.Locate(nameOrPath);
        return Detector.Open(name, path, device, progress, cancellationToken);
    }

    /// <summary>Finds a LoRA.</summary>
    /// <param name="nameOrPath">Its name, with or without the file's extension, or its path.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The LoRA with the strength 1.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such LoRA; the message lists those in the folder.</exception>
    public Lora FindLora(string nameOrPath, CancellationToken cancellationToken = default) => LoraOf(Loras.Find(nameOrPath, cancellationToken), cancellationToken);

    /// <summary>Finds a LoRA that a prompt or an image names. The text is never used as a path.</summary>
    /// <param name="name">Its name, with or without the file's extension.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The LoRA with the strength 1.</returns>
    /// <exception cref="AdapterNotFoundException">The folder has no such LoRA; the message lists those that it has.</exception>
    public Lora FindLoraByName(string name, CancellationToken cancellationToken = default) => LoraOf(Loras.FindName(name, cancellationToken), cancellationToken);

    /// <summary>Finds and reads a textual inversion embedding.</summary>
    /// <param name="nameOrPath">Its name, with or without the file's extension, or its path.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The embedding.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such embedding; the message lists those in the folder.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or is not an embedding.</exception>
    /// <exception cref="UnsafeFileException">The file would run code.</exception>
    public TextualInversion LoadEmbedding(string nameOrPath, CancellationToken cancellationToken = default) => EmbeddingOf(Embeddings.Find(nameOrPath, cancellationToken), cancellationToken);

    /// <summary>Finds and reads a textual inversion embedding that an image names. The text is never used as a path.</summary>
    /// <param name="name">Its name, with or without the file's extension.</param>
    /// <param name="cancellationToken">Cancels the search.</param>
    /// <returns>The embedding.</returns>
    /// <inheritdoc cref="LoadEmbedding"/>
    public TextualInversion LoadEmbeddingByName(string name, CancellationToken cancellationToken = default) => EmbeddingOf(Embeddings.FindName(name, cancellationToken), cancellationToken);

    private Lora LoraOf(string path, CancellationToken cancellationToken) => new(path) { HasName = Loras.HasName(path, cancellationToken) };

    private TextualInversion EmbeddingOf(string path, CancellationToken cancellationToken) => TextualInversionFile.Load(path, Embeddings.HasName(path, cancellationToken));

    /// <summary>Imports a model.</summary>
    /// <param name="path">The full path of the file or folder. Its type is detected from its contents, not from its name.</param>
    /// <param name="name">The name to ask for the model by; null takes the file's or folder's.</param>
    /// <param name="options">The import options; null means the defaults.</param>
    /// <param name="force">Whether an existing model of the same name is replaced.</param>
    /// <param name="skipsTest">Whether the model is kept without opening all of its parts and making an image of one step with them.</param>
    /// <param name="progress">Receives the progress, on the calling thread.</param>
    /// <param name="cancellationToken">Cancels the import; no partial import remains.</param>
    /// <returns>The result.</returns>
    /// <exception cref="ModelNotFoundException">The file or folder does not exist, or a part of the model is missing.</exception>
    /// <exception cref="ModelInvalidException">It is damaged, does not work, or is not a supported model; the message says what it is.</exception>
    /// <exception cref="UnsafeFileException">It is a pickle that would run code.</exception>
    /// <exception cref="InvalidSettingException">The name is invalid or that of the imported folder itself, or another setting is out of range.</exception>
    /// <exception cref="OutputExistsException">Another model has the name.</exception>
    /// <exception cref="OutputWriteException">The store cannot be written to; no partial import remains.</exception>
    /// <exception cref="OperationCanceledException">The import was cancelled.</exception>
    public ModelImport Import(
        string path,
        string? name = null,
        ImportOptions? options = null,
        bool force = false,
        bool skipsTest = false,
        Action<ProgressReport>? progress = null,
        CancellationToken cancellationToken = default) =>
        new ModelImporter(Folders, _pool).Import(path, name, options, force, skipsTest, progress, cancellationToken);

    /// <summary>
    /// Compares an imported model with its source in full precision, by the images that both make on
    /// the CPU and the time that they take. The model in full precision is built for this purpose, and deleted afterwards,
    /// unless it is in the store already.
    /// </summary>
    /// <param name="import">The import.</param>
    /// <param name="options">The options of the import.</param>
    /// <param name="progress">Receives the progress, on the calling thread; may be null.</param>
    /// <param name="cancellationToken">Cancels it within about two seconds.</param>
    /// <returns>The comparison.</returns>
    /// <exception cref="DiffusionException">The source can no longer be read, or the model cannot be run.</exception>
    public PrecisionComparison Compare(
        ModelImport import, ImportOptions options, Action<ProgressReport>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(import);
        ArgumentNullException.ThrowIfNull(options);
        return new ModelImporter(Folders, _pool).Compare(import, options, progress, cancellationToken);
    }

    /// <summary>Tests a model: the hash of every file, and all of its parts in an image of one step.</summary>
    /// <param name="model">The model.</param>
    /// <param name="runs">Whether the image is made; otherwise the files are only compared with their hashes.</param>
    /// <param name="cancellationToken">Stops the test.</param>
    /// <returns>What was found; faults of the model are in the report, not exceptions.</returns>
    public ModelTestReport Test(ModelInfo model, bool runs = true, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        using IDisposable? held = Models.Hold(model.Path, cancellationToken);
        return ModelVerifier.Run(model, runs, Folders.Cache, cancellationToken);
    }

    /// <summary>The size in bytes of the graphs that were built from models, or prepared for this processor, and that no process uses; also of what interrupted builds left.</summary>
    /// <param name="cancellationToken">Cancels it between two files.</param>
    public long MeasureGraphs(CancellationToken cancellationToken = default) => new BuildCache(Folders.Cache).MeasureUnused(cancellationToken);

    /// <summary>Deletes the graphs that were built from models, or prepared for this processor; each is made again when its model is next used.</summary>
    /// <returns>The number of folders that were kept, since this process or another has a graph in them open.</returns>
    /// <exception cref="OutputWriteException">A file could not be deleted.</exception>
    public int DeleteGraphs()
    {
        BuildCache cache = new(Folders.Cache);
        int kept = 0;
        try
        {
            foreach (string key in cache.Keys.ToArray())
                kept += cache.TryDelete(key) ? 0 : 1;
            AtomicWriter.DeleteFolder(cache.HashFolder);
            cache.Sweep();
            return kept;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new OutputWriteException($"Not all graphs in '{Folders.Cache}' could be deleted: {Sentence.Of(error)} Close what uses them and try again.", error);
        }
    }
}
