using StableDiffusion.Denoising;
using StableDiffusion.Images;

namespace StableDiffusion.Pipelines;

/// <summary>The progress of a denoising after a step.</summary>
public sealed class StepProgress
{
    private readonly Func<Latent> _capture;
    private readonly Func<DiffusionImage> _preview;

    private readonly Action _stop;

    internal StepProgress(int step, int stepCount, float timestep, bool isResumable, Func<Latent> capture, Action stop, Func<DiffusionImage> preview)
    {
        IsResumable = isResumable;
        Step = step;
        StepCount = stepCount;
        Timestep = timestep;
        _capture = capture;
        _stop = stop;
        _preview = preview;
    }

    /// <summary>The number of steps that are done.</summary>
    public int Step { get; }

    /// <summary>The total number of steps.</summary>
    public int StepCount { get; }

    /// <summary>The timestep of the last step.</summary>
    public float Timestep { get; }

    /// <summary>
    /// Whether steps are left, and whether they are the same when they are made from <see cref="Capture"/>. Features that are
    /// reused are not in it.
    /// </summary>
    public bool IsResumable { get; }

    /// <summary>Copies the current latent, from which the denoising can also be continued. It must be called before the next step.</summary>
    /// <returns>The latent; a <see cref="Denoising.Inspection.StepLatent"/> if <see cref="DenoiseOptions.KeepsPredictions"/> asks for that.</returns>
    public Latent Capture() => _capture();

    /// <summary>Ends the denoising after this step, as if it were the one to stop before the next. The denoisings of a batch go on together.</summary>
    internal void Stop() => _stop();

    /// <summary>
    /// Shows the clean latent that the U-Net predicted in the last step: by the colors of its cells, a pixel for each, or decoded if
    /// these are not known for the model. It must be called before the next step, and changes nothing of what is made.
    /// </summary>
    /// <returns>The image, whose record does not say how it was made.</returns>
    /// <exception cref="DiffusionException">The latent has values that are not finite, or it could not be decoded.</exception>
    public DiffusionImage Preview() => _preview();
}
