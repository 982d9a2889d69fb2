using StableDiffusion.Sampling.Schedulers;

namespace StableDiffusion.Sampling;

/// <summary>The noise level of a call, and what the model's output means there.</summary>
/// <param name="Clean">The weights with which the sample and the model's output are the clean sample.</param>
/// <param name="Noise">The weights with which the sample and the model's output are the noise.</param>
/// <param name="CleanScale">The factor of the clean sample in the sample.</param>
/// <param name="NoiseScale">The factor of the noise in the sample.</param>
/// <param name="Sigma">The standard deviation of the noise for each unit of the clean sample.</param>
internal readonly record struct CallLevel(PredictionWeights Clean, PredictionWeights Noise, double CleanScale, double NoiseScale, double Sigma)
{
    /// <summary>The level of a sample of the variance-exploding form: the clean sample plus sigma times the noise.</summary>
    /// <param name="type">The prediction type of the model; not <see cref="PredictionType.Flow"/>.</param>
    /// <param name="sigma">The noise level.</param>
    public static CallLevel Exploding(PredictionType type, double sigma) => new(Prediction.Denoised(type, sigma), Prediction.DenoisedNoise(type, sigma), 1, sigma, sigma);

    /// <summary>The level of a sample that is alpha times the clean sample plus sigma times the noise.</summary>
    /// <param name="type">The prediction type of the model.</param>
    /// <param name="alpha">The factor of the clean sample.</param>
    /// <param name="sigma">The factor of the noise.</param>
    public static CallLevel Mixed(PredictionType type, double alpha, double sigma) => new(Prediction.Clean(type, alpha, sigma), Prediction.Noise(type, alpha, sigma), alpha, sigma, sigma / alpha);
}
