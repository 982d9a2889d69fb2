using System.Diagnostics;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>The weights with which a prediction is the sum of the sample and the model's output.</summary>
/// <param name="Sample">The weight of the sample.</param>
/// <param name="Output">The weight of the model's output.</param>
internal readonly record struct PredictionWeights(double Sample, double Output);

/// <summary>
/// Converts a model's output to the clean sample (x0) or the noise, depending on the prediction type. A sample is alpha times
/// the clean sample plus sigma times the noise. The velocity is that of Salimans and Ho, "Progressive Distillation for Fast
/// Sampling of Diffusion Models", arXiv:2202.00512.
/// </summary>
internal static class Prediction
{
    /// <summary>The weights for the clean sample.</summary>
    /// <param name="type">The prediction type of the model.</param>
    /// <param name="alpha">The factor of the clean sample.</param>
    /// <param name="sigma">The factor of the noise.</param>
    public static PredictionWeights Clean(PredictionType type, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => new(1 / alpha, -sigma / alpha),
        PredictionType.Sample => new(0, 1),
        PredictionType.Velocity => new(alpha, -sigma),
        PredictionType.Flow => new(1, -sigma),
        _ => throw new UnreachableException($"{type}"),
    };

    /// <summary>The weights for the noise.</summary>
    /// <param name="type">The prediction type of the model.</param>
    /// <param name="alpha">The factor of the clean sample.</param>
    /// <param name="sigma">The factor of the noise.</param>
    public static PredictionWeights Noise(PredictionType type, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => new(0, 1),
        PredictionType.Sample => new(1 / sigma, -alpha / sigma),
        PredictionType.Velocity => new(sigma, alpha),
        PredictionType.Flow => new(1, 1 - sigma),
        _ => throw new UnreachableException($"{type}"),
    };

    /// <summary>
    /// The weights for the clean sample if the sample is of the variance-exploding form: the clean sample plus sigma times the
    /// noise, which was scaled to unit variance for the model.
    /// </summary>
    /// <param name="type">The prediction type of the model; not <see cref="PredictionType.Flow"/>.</param>
    /// <param name="sigma">The noise level.</param>
    public static PredictionWeights Denoised(PredictionType type, double sigma) => type switch
    {
        PredictionType.Epsilon => new(1, -sigma),
        PredictionType.Sample => new(0, 1),
        PredictionType.Velocity => new(1 / ((sigma * sigma) + 1), -sigma / Math.Sqrt((sigma * sigma) + 1)),
        _ => throw new UnreachableException($"{type}"),
    };

    /// <summary>The weights for the noise if the sample is of the variance-exploding form, as in <see cref="Denoised"/>.</summary>
    /// <param name="type">The prediction type of the model; not <see cref="PredictionType.Flow"/>.</param>
    /// <param name="sigma">The noise level.</param>
    public static PredictionWeights DenoisedNoise(PredictionType type, double sigma) => type switch
    {
        PredictionType.Epsilon => new(0, 1),
        PredictionType.Sample => new(1 / sigma, -1 / sigma),
        PredictionType.Velocity => new(sigma / ((sigma * sigma) + 1), 1 / Math.Sqrt((sigma * sigma) + 1)),
        _ => throw new UnreachableException($"{type}"),
    };
}
