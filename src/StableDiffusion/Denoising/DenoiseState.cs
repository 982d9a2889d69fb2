using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>The state of a denoising between two calls. Continuing from it gives the same image as an uninterrupted denoising.</summary>
/// <param name="Scheduler">The scheduler with its history.</param>
/// <param name="Noise">The source of noise in its current state.</param>
/// <param name="OriginCall">The call that the denoising started with.</param>
/// <param name="NextCall">The next call to make.</param>
/// <param name="Inpainting">The inpainting of a given image; null if there is none.</param>
internal sealed record DenoiseState(Scheduler Scheduler, INoiseSource Noise, int OriginCall, int NextCall, Inpainting? Inpainting)
{
    /// <summary>The input channels of the U-Net besides the latent; null for most models.</summary>
    public Tensor? AddedChannels { get; init; }

    /// <summary>The number of steps done.</summary>
    public int Step => Scheduler.CountSteps(NextCall);

    /// <summary>The number of steps of the whole run.</summary>
    public int StepCount => Scheduler.CountSteps(Scheduler.Timesteps.Count);

    /// <summary>The source of the noise of the steps.</summary>
    /// <param name="scheduler">The scheduler.</param>
    /// <param name="seed">The seed of the image.</param>
    /// <param name="noise">The random numbers of the image, of which the initial noise was drawn.</param>
    public static INoiseSource CreateNoise(Scheduler scheduler, long seed, LatentNoise noise) => noise.OfBatch(scheduler.CreateNoise(seed, noise.StepGenerator));

    /// <summary>Returns a copy to continue with. The original stays unchanged and can be continued again.</summary>
    public DenoiseState Copy() => this with { Scheduler = Scheduler.Clone(), Noise = Noise.Clone(), Inpainting = Inpainting?.Copy() };
}
