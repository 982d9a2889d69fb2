namespace StableDiffusion.Settings;

/// <summary>How a refiner goes on with the denoising of another model.</summary>
public enum RefinerMode
{
    /// <summary>With a schedule of its own, at the noise level where the other model stopped, as diffusers' <c>denoising_end</c> and <c>denoising_start</c>.</summary>
    Diffusers,

    /// <summary>With the schedule and the history of the sampler of the other model, as A1111.</summary>
    A1111,
}
