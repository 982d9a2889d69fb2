using StableDiffusion.Denoising;

namespace StableDiffusion.Pipelines;

/// <summary>Where a denoising stands after a step.</summary>
public sealed class StepProgress
{
    private readonly Func<Latent> _capture;

    internal StepProgress(int step, int stepCount, float timestep, Func<Latent> capture)
    {
        Step = step;
        StepCount = stepCount;
        Timestep = timestep;
        _capture = capture;
    }

    /// <summary>How many steps are done.</summary>
    public int Step { get; }

    /// <summary>How many steps there are in all.</summary>
    public int StepCount { get; }

    /// <summary>The timestep of the last step.</summary>
    public float Timestep { get; }

    /// <summary>Copies the latent as it stands, from which the denoising can also be continued. To be called before the next step.</summary>
    /// <returns>The latent.</returns>
    public Latent Capture() => _capture();
}
