using StableDiffusion.Denoising;

namespace StableDiffusion.Pipelines.Checkpoints;

/// <summary>
/// Keeps the state of a denoising, so that another process can go on with it if this one ends. The result is the same, byte for
/// byte, and records nothing of it. All members are called on the thread that denoises.
/// </summary>
public abstract class DenoiseCheckpoint
{
    /// <summary>Finds what an earlier run kept; called before the first step.</summary>
    /// <param name="mostBytes">More bytes than the state of this denoising can have: a longer file is of another one, and need not be read.</param>
    /// <returns>The latent that <see cref="StepProgress.Capture"/> gave; null if there is none.</returns>
    public abstract Latent? Find(long mostBytes);

    /// <summary>Called if what was found is not of this denoising: its settings, its inputs, its model or what it ran on differ.</summary>
    public abstract void Refuse();

    /// <summary>Called after each step. An exception ends the denoising.</summary>
    /// <param name="step">The step.</param>
    public abstract void Keep(StepProgress step);
}
