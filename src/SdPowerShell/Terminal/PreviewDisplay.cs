using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Images.Terminal;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace SdPowerShell.Terminal;

/// <summary>Shows the image that a denoising is about to make: in the terminal, each in place of the one before, and in a file.</summary>
/// <param name="terminal">The terminal; null shows nothing there.</param>
/// <param name="file">The full path of the file, which is replaced; null writes none.</param>
/// <param name="every">Which steps are shown: each so-manieth, and the last one.</param>
/// <param name="warn">Receives a warning if no more previews can be shown.</param>
/// <param name="cancellationToken">Cancels a preview.</param>
internal sealed class PreviewDisplay(TerminalOutput? terminal, string? file, int every, Action<string> warn, CancellationToken cancellationToken)
{
    private TerminalArea? _area;
    private bool _hasFailed;

    /// <summary>Whether previews are shown in the terminal.</summary>
    public bool IsInTerminal => terminal is not null;

    /// <summary>Begins a denoising, whose previews have a place of their own.</summary>
    public void Begin() => _area = null;

    /// <summary>Shows a step. What goes wrong with it is a warning, and the image is made.</summary>
    /// <param name="step">The step.</param>
    public void Report(StepProgress step)
    {
        if (_hasFailed || (step.Step % every != 0 && step.Step < step.StepCount))
            return;

        try
        {
            DiffusionImage image = step.Preview();
            if (terminal is not null)
                terminal.Replace(image, _area ??= terminal.Reserve(image), cancellationToken);
            if (file is not null)
                ImageFile.Write(Enlarge(image), file, new ImageWriteOptions { Overwrite = true, Metadata = false }, cancellationToken);
        }
        catch (DiffusionException error)
        {
            _hasFailed = true;
            warn($"There are no more previews. {error.Message}");
        }
    }

    /// <summary>A preview of cells at the size of the image, each cell as a square.</summary>
    private static DiffusionImage Enlarge(DiffusionImage image) => image.Info is { Width: int width, Height: int height } && width > image.Width
        ? new DiffusionImage(width, height, Resampler.Resize(image.Pixels, image.Width, image.Height, width, height, ResampleFilter.Nearest))
        : image;
}
