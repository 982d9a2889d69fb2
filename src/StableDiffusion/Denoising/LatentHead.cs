using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising;

/// <summary>What a latent's file says in JSON, besides the record and the state.</summary>
internal sealed record LatentHead
{
    /// <summary>The number of steps of a complete denoising; 0 if there was none.</summary>
    public int Steps { get; init; }

    /// <summary>The model that made it; null if unknown.</summary>
    public ModelMark? Maker { get; init; }

    /// <summary>Where a denoising was stopped; null if it is complete.</summary>
    public StoppedRun? Stopped { get; init; }
}

/// <summary>Where a denoising was stopped.</summary>
/// <param name="Scheduler">The scheduler at the start of its run.</param>
/// <param name="OriginCall">The call that the denoising started with.</param>
/// <param name="NextCall">The next call to make.</param>
internal sealed record StoppedRun(SchedulerRecipe Scheduler, int OriginCall, int NextCall);
