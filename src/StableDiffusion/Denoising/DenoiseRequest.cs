using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>One denoising: what to start from, what to steer by, and which of the scheduler's calls to make.</summary>
internal sealed record DenoiseRequest
{
    /// <summary>The sample at the noise level of the first call, [1, channels, height, width]; it is not changed.</summary>
    public required Tensor Sample { get; init; }

    /// <summary>What the prompt asks for.</summary>
    public required Conditioning Positive { get; init; }

    /// <summary>What the negative prompt asks for; needed where the guidance scale is above 1 or the prompt has several parts.</summary>
    public Conditioning? Negative { get; init; }

    /// <summary>The call from which the steps of changing prompts count.</summary>
    public int OriginCall { get; init; }

    /// <summary>The scheduler; its history is that of this denoising afterwards.</summary>
    public required Scheduler Scheduler { get; init; }

    /// <summary>Where a stochastic scheduler draws from.</summary>
    public required INoiseSource Noise { get; init; }

    /// <summary>
    /// The settings of the image, with a guidance scale; the image guidance scale is null where the added channels hold no
    /// image (Brooks et al., arXiv 2211.09800, section 3.2).
    /// </summary>
    public required GenerationSettings Settings { get; init; }

    /// <summary>The first call to make.</summary>
    public required int NextCall { get; init; }

    /// <summary>The call to stop before.</summary>
    public required int StopCall { get; init; }

    /// <summary>What the U-Net takes besides the latent, [1, channels, height, width]; null for most.</summary>
    public Tensor? AddedChannels { get; init; }

    /// <summary>The ControlNets; the U-Net is the one that takes what they give where there are any.</summary>
    public IReadOnlyList<ControlCondition> Controls { get; init; } = [];

    /// <summary>What to keep of a given picture, if anything.</summary>
    public Inpainting? Inpainting { get; init; }
}
