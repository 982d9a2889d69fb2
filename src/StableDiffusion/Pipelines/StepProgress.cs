using StableDiffusion.Denoising;
using StableDiffusion.Images;

namespace StableDiffusion.Pipelines;

/// <summary>The progress of a denoising after a step.</summary>
public sealed class StepProgress
{
    private readonly Func<Latent> _capture;
    private readonly Func<DiffusionImage> _preview;

    internal StepProgress(int step, int stepCount, float timestep, Func<Latent> capture, Func<DiffusionImage> preview)
    {
        Step = step;
        StepCount = stepCount;
        Timestep = timestep;
        _capture = capture;
        _preview = preview;
    }

    /// <summary>The number of steps that are done.</summary>
    public int Step { get; }

    /// <summary>The total number of steps.</summary>
    public int StepCount { get; }

    /// <summary>The timestep of the last step.</summary>
    public float Timestep { get; }

    /// <summary>Copies the current latent, from which the denoising can also be continued. It must be called before the next step.</summary>
    /// <returns>The latent.</returns>
    public Latent Capture() => _capture();

    /// <summary>
    /// Shows the clean latent that the U-Net predicted in the last step: by the colors of its cells, a pixel for each, or decoded if
    /// these are not known for the model. It must be called before the next step, and changes nothing of what is made.
    /// </summary>
    /// <returns>The image, whose record does not say how it was made.</returns>
    /// <exception cref="DiffusionException">The latent has values that are not finite, or it could not be decoded.</exception>
    public DiffusionImage Preview() => _preview();
}
