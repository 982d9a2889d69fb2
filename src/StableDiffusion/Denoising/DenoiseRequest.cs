using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>One denoising: what to start from, what to steer by, and which of the scheduler's calls to make.</summary>
internal sealed record DenoiseRequest
{
    /// <summary>The sample at the noise level of the first call, [1, channels, height, width]; it is not changed.</summary>
    public required Tensor Sample { get; init; }

    /// <summary>The prompt's embedding, [1, tokens, width].</summary>
    public required Tensor Embedding { get; init; }

    /// <summary>The negative prompt's embedding; needed where the guidance scale is above 1.</summary>
    public Tensor? NegativeEmbedding { get; init; }

    /// <summary>The scheduler; its history is that of this denoising afterwards.</summary>
    public required Scheduler Scheduler { get; init; }

    /// <summary>Where a stochastic scheduler draws from.</summary>
    public required INoiseSource Noise { get; init; }

    public required double GuidanceScale { get; init; }

    public double GuidanceRescale { get; init; }

    /// <summary>The first call to make.</summary>
    public required int FirstCall { get; init; }

    /// <summary>The call to stop before.</summary>
    public required int StopCall { get; init; }

    /// <summary>What to keep of a given picture, if anything.</summary>
    public Inpainting? Inpainting { get; init; }
}
