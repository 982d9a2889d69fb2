using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Replaying;

/// <summary>Enlarges images again as recorded stages say.</summary>
/// <param name="library">The upscalers.</param>
/// <param name="images">Whether the paths in the record may be opened.</param>
internal sealed class UpscaleReplay(ModelLibrary library, ReplayImages images)
{
    /// <summary>Finds the upscaler of a stage, and warns if it is another one than it was.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="warnings">Receives the warning.</param>
    /// <param name="cancellationToken">Cancels the reading of a file that was not hashed before.</param>
    /// <exception cref="UpscalerNotFoundException">There is no such upscaler.</exception>
    /// <exception cref="InvalidSettingException">A setting is out of range.</exception>
    public void Check(GenerationStage stage, List<string> warnings, CancellationToken cancellationToken)
    {
        UpscaleOptions options = ImageUpscaling.OptionsOf(stage);
        options.CheckTiles();
        if (Network(options) is string network && stage.Text(ImageUpscaling.HashSetting) is string recorded && library.IdentifyUpscaler(network, cancellationToken) is var present && present != recorded)
            warnings.Add($"The upscaler '{PrintableText.Of(network)}' of the stage {stage.Operation} had the hash {PrintableText.Of(recorded)}, which is now {present}. The image may come out differently.");
    }

    /// <summary>Runs a stage.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="image">The image.</param>
    /// <param name="device">The device, by its name.</param>
    /// <param name="upscale">Enlarges it by a network; null opens the network for this image.</param>
    /// <param name="observer">Receives the progress.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The new image.</returns>
    public DiffusionImage Run(GenerationStage stage, DiffusionImage image, string device, ImageUpscaler? upscale, StageObserver observer, CancellationToken cancellationToken)
    {
        UpscaleOptions options = ImageUpscaling.OptionsOf(stage);
        bool isNetwork = Network(options) is not null;
        return isNetwork && upscale is not null
            ? upscale(image, options, observer.OnUpscaling, cancellationToken)
            : library.Upscale(image, options, isNetwork ? Devices.Resolve(device, out _) : null, observer.OnUpscaling, cancellationToken);
    }

    /// <summary>The name of the upscaler; null for a filter. Anyone can write a path into an image.</summary>
    private string? Network(UpscaleOptions options)
    {
        if (ImageUpscaling.FilterOf(options.Upscaler) is not null)
            return null;
        if (!images.OpensPaths)
            library.Upscalers.CheckName(options.Upscaler);
        return options.Upscaler;
    }
}
