using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>The state of a denoising between two calls, so that going on gives the same picture as never stopping.</summary>
/// <param name="Scheduler">The scheduler with its history.</param>
/// <param name="Noise">The noise source at its place.</param>
/// <param name="OriginCall">The call that the denoising began with.</param>
/// <param name="NextCall">The first call that is still to be made.</param>
/// <param name="Inpainting">What is kept of a given picture, if anything.</param>
internal sealed record DenoiseState(Scheduler Scheduler, INoiseSource Noise, int OriginCall, int NextCall, Inpainting? Inpainting)
{
    /// <summary>What the U-Net takes besides the latent; null for most.</summary>
    public Tensor? AddedChannels { get; init; }

    /// <summary>A copy that can be run on without changing this one, which may be continued more than once.</summary>
    public DenoiseState Copy() => this with { Scheduler = Scheduler.Clone(), Noise = Noise.Clone(), Inpainting = Inpainting?.Copy() };
}
