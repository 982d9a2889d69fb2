using SdPowerShell.Commands;
using StableDiffusion;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Parameters;

/// <summary>The networks that the settings of an image name beside its model: the upscaler and the detector, which stay open for the next image, and the refiner.</summary>
/// <param name="command">The cmdlet that makes the images.</param>
internal sealed class ImageNetworks(NewDiffusionImageCommand command) : IDisposable
{
    private readonly UpscalerInUse _upscaler = new();
    private readonly DetectorInUse _detector = new();

    /// <summary>Enlarges an image by a network.</summary>
    /// <param name="image">The image.</param>
    /// <param name="nameOrPath">The upscaler: its name in the store, or its full path.</param>
    /// <param name="size">The size.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="token">Cancels it.</param>
    public DiffusionImage Upscale(DiffusionImage image, string nameOrPath, UpscaleOptions size, Action<ProgressReport> progress, CancellationToken token) =>
        ImageUpscaling.Run(image, _upscaler.Open(nameOrPath, command.DeviceName, progress, token), size, progress, token);

    /// <summary>Finds the regions of an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="found">Which regions, and the detector.</param>
    /// <param name="progress">Receives the progress.</param>
    /// <param name="token">Cancels it.</param>
    public IReadOnlyList<DetectedRegion> FindRegions(DiffusionImage image, DetectOptions found, Action<ProgressReport> progress, CancellationToken token) =>
        _detector.Open(FindDetector(found.Detector), command.DeviceName, progress, token).Find(image, found, token);

    /// <summary>Finds the upscaler of the second pass before any work, and opens it unless the image may be there already.</summary>
    /// <param name="options">The settings.</param>
    public void CheckUpscaler(DenoiseOptions options)
    {
        if (UpscalerOf(options) is not string upscaler)
            return;
        string found = FindUpscaler(upscaler);
        if (!command.IsResumed)
            _upscaler.Open(found, command.DeviceName, command.ReportLoading, command.CancellationToken);
    }

    /// <summary>The hash of the upscaler of the second pass; null if there is none.</summary>
    /// <param name="options">The settings.</param>
    public string? IdentifyUpscaler(DenoiseOptions options) =>
        UpscalerOf(options) is string upscaler ? ModelLibrary.Default.IdentifyUpscaler(FindUpscaler(upscaler), command.CancellationToken) : null;

    /// <summary>Finds an upscaler.</summary>
    /// <param name="upscaler">Its name or path, as it was given.</param>
    /// <returns>Its name in the store, or the full path of its file.</returns>
    public string FindUpscaler(string upscaler)
    {
        NetworkStore store = ModelLibrary.Default.Upscalers;
        try
        {
            string found = command.ResolveNetwork(nameof(command.HiresUpscaler), upscaler, store);
            store.Locate(found);
            return found;
        }
        catch (UpscalerNotFoundException error)
        {
            throw new UpscalerNotFoundException($"{error.Message} Or choose one of these for HiresUpscaler: {string.Join(", ", HiresPass.LatentUpscalers)}, Lanczos, Bicubic or Nearest.");
        }
    }

    /// <summary>Finds the detector before any work. Without one that a record names, the image is made without it, as it is without the images of ControlNets.</summary>
    /// <param name="options">The settings.</param>
    /// <returns>The settings, with those of the regions if they can be painted.</returns>
    public DenoiseOptions CheckDetailer(DenoiseOptions options)
    {
        if (options.Detail?.Detailer is not string detector)
            return options;
        try
        {
            FindDetector(detector);
            return options;
        }
        catch (DetectorNotFoundException error) when (command.Input?.IsMetadata == true && !command.IsGiven(nameof(command.Detailer)))
        {
            command.Warn($"{error.Message} The image is made without its regions being painted anew.");
            return options with { Detail = null };
        }
    }

    /// <summary>Uses the refiner. That it is missing is an error of its record alone.</summary>
    /// <param name="options">The settings, with a refiner.</param>
    /// <param name="use">The work.</param>
    public void UseRefiner(DenoiseOptions options, Action<DiffusionPipeline> use) => UseRefiner(
        options,
        refiner =>
        {
            use(refiner);
            return true;
        });

    /// <inheritdoc cref="UseRefiner(DenoiseOptions, Action{DiffusionPipeline})"/>
    public T UseRefiner<T>(DenoiseOptions options, Func<DiffusionPipeline, T> use)
    {
        string? model = command.ModelInUse;
        try
        {
            return command.UseModel(command.ChooseModel(options.Refiner, command.TakesNamesOnly(nameof(command.Refiner), options.Refiner!)), use);
        }
        catch (DiffusionException error) when (error is ModelNotFoundException or ModelInvalidException)
        {
            throw new InvalidSettingException(nameof(command.Refiner), $"The refiner cannot be used. {Sentence.Of(error)}");
        }
        finally
        {
            command.ModelInUse = model;
        }
    }

    /// <summary>The hash of the refiner; null if there is none.</summary>
    /// <param name="options">The settings.</param>
    public string? IdentifyRefiner(DenoiseOptions options) => options.Refiner is null ? null : UseRefiner(options, refiner => refiner.Identify(command.CancellationToken));

    /// <inheritdoc/>
    public void Dispose()
    {
        _upscaler.Dispose();
        _detector.Dispose();
    }

    private static string? UpscalerOf(DenoiseOptions options) => options.Hires is HiresSettings hires ? HiresPass.NetworkOf(hires) : null;

    private string FindDetector(string detector) => DetectorInUse.Find(detector, command.TakesNamesOnly(nameof(command.Detailer), detector), path => PathHelper.FindExisting(command, path));
}
