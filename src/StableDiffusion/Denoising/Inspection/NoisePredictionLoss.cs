using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>
/// How well a U-Net predicts at a timestep: the loss of its training. Tensors and latents are those of the first seed; the sample
/// is the root of <see cref="AlphaCumprod"/> times the clean latent plus the root of the rest times the noise.
/// </summary>
public sealed record NoisePredictionLoss
{
    internal NoisePredictionLoss()
    {
    }

    /// <summary>The timestep, 0 to 999 for models trained with 1000 timesteps.</summary>
    public required int Timestep { get; init; }

    /// <summary>The noise level: the standard deviation of the noise for each unit of the clean latent.</summary>
    public required double Sigma { get; init; }

    /// <summary>The clean latent's share of the variance.</summary>
    public required double AlphaCumprod { get; init; }

    /// <summary>The ratio of signal to noise, of their variances.</summary>
    public required double SignalToNoise { get; init; }

    /// <summary>What the model was trained to predict.</summary>
    public required PredictionType PredictionType { get; init; }

    /// <summary>
    /// The loss: the mean square of the difference between what the model predicts and what it should, averaged over the seeds. Of the
    /// noise (Ho et al., arXiv 2006.11239, equation 14), of the velocity (Salimans and Ho, arXiv 2202.00512), or of the clean latent.
    /// </summary>
    public required double Loss { get; init; }

    /// <summary>The standard deviation of the loss between the seeds; 0 for a single seed.</summary>
    public required double StandardDeviation { get; init; }

    /// <summary>The mean square of the difference between the predicted noise and the noise, averaged over the seeds, whatever the model predicts.</summary>
    public required double NoiseLoss { get; init; }

    /// <summary>The first seed; the others follow it.</summary>
    public required long Seed { get; init; }

    /// <summary>The number of seeds.</summary>
    public required int Repeat { get; init; }

    /// <summary>The prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>The name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The sample: the latent with noise.</summary>
    public required Latent Noised { get; init; }

    /// <summary>The clean latent that the prediction implies.</summary>
    public required Latent Denoised { get; init; }

    /// <summary>The noise that was added, [1, channels, height, width].</summary>
    public required Tensor Noise { get; init; }

    /// <summary>The noise that the prediction implies.</summary>
    public required Tensor NoisePrediction { get; init; }
}
