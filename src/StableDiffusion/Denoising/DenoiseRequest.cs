using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>A request for a denoising: its start, its conditioning, and the calls of the scheduler to make.</summary>
internal sealed record DenoiseRequest
{
    /// <summary>The sample at the noise level of the first call, [1, channels, height, width]; it is not changed.</summary>
    public required Tensor Sample { get; init; }

    /// <summary>The conditioning by the prompt.</summary>
    public required Conditioning Positive { get; init; }

    /// <summary>The conditioning by the negative prompt; required if the guidance scale is above 1 or the prompt has several parts.</summary>
    public Conditioning? Negative { get; init; }

    /// <summary>The call that the whole denoising started with, from which steps are counted.</summary>
    public int OriginCall { get; init; }

    /// <summary>The scheduler; afterwards its history is that of this denoising.</summary>
    public required Scheduler Scheduler { get; init; }

    /// <summary>The source of noise for stochastic schedulers.</summary>
    public required INoiseSource Noise { get; init; }

    /// <summary>
    /// The settings of the image, including the guidance scale; the image guidance scale is null if the added channels have no
    /// image (Brooks et al., arXiv 2211.09800, section 3.2).
    /// </summary>
    public required GenerationSettings Settings { get; init; }

    /// <summary>The first call to make.</summary>
    public required int NextCall { get; init; }

    /// <summary>The call to stop before.</summary>
    public required int StopCall { get; init; }

    /// <summary>The input channels of the U-Net besides the latent, [1, channels, height, width]; null for most models.</summary>
    public Tensor? AddedChannels { get; init; }

    /// <summary>The ControlNets; if there are any, the U-Net must be the one with inputs for their residuals.</summary>
    public IReadOnlyList<ControlCondition> Controls { get; init; } = [];

    /// <summary>The reuse of deep features; null if the whole U-Net makes all predictions.</summary>
    public FeatureReuse? Reuse { get; init; }

    /// <summary>Keeps the cross-attention of the predictions for the prompt; null if it is not asked for.</summary>
    public AttentionProbe? Attention { get; init; }

    /// <summary>The windows that the U-Net predicts for; null if it predicts for the whole latent.</summary>
    public LatentWindows? Windows { get; init; }

    /// <summary>Whether the clean sample that each call predicts is kept until the next one.</summary>
    public bool KeepsClean { get; init; }

    /// <summary>Whether the predictions of each call are kept until the next one.</summary>
    public bool KeepsPredictions { get; init; }

    /// <summary>The inpainting of a given image; null if there is none.</summary>
    public Inpainting? Inpainting { get; init; }

    /// <summary>Whether both predictions of guidance can be made in one run. Where only some calls are guided, each side keeps the features of its own calls.</summary>
    public bool CanJoinSides => Reuse is null || Guidance.IsInEveryCall(Settings);

    /// <summary>Whether there is guidance by predictions for a negative prompt, in some of the calls at least.</summary>
    /// <param name="unet">The U-Net.</param>
    public bool IsGuided(UNet unet) => Negative is not null && !unet.TakesGuidance && (Settings.GuidanceScale > Guidance.NeutralScale || Positive.Parts.Count > 1);
}
