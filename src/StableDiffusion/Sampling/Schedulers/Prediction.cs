using System.Diagnostics;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>How a prediction follows from the sample and the model's output: each times a number, added.</summary>
/// <param name="Sample">What the sample is multiplied by.</param>
/// <param name="Output">What the model's output is multiplied by.</param>
internal readonly record struct Mix(double Sample, double Output);

/// <summary>
/// What a model's output says about the clean picture and about the noise. A sample is alpha times the picture plus
/// sigma times the noise. The velocity is that of Salimans and Ho, "Progressive Distillation for Fast Sampling of
/// Diffusion Models", arXiv:2202.00512.
/// </summary>
internal static class Prediction
{
    /// <summary>The clean picture.</summary>
    /// <param name="type">What the model predicts.</param>
    /// <param name="alpha">The picture's share of the sample.</param>
    /// <param name="sigma">The noise's share of the sample.</param>
    public static Mix Picture(PredictionType type, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => new(1 / alpha, -sigma / alpha),
        PredictionType.Sample => new(0, 1),
        PredictionType.Velocity => new(alpha, -sigma),
        PredictionType.Flow => new(1, -sigma),
        _ => throw new UnreachableException($"{type}"),
    };

    /// <summary>The noise.</summary>
    /// <param name="type">What the model predicts.</param>
    /// <param name="alpha">The picture's share of the sample.</param>
    /// <param name="sigma">The noise's share of the sample.</param>
    public static Mix Noise(PredictionType type, double alpha, double sigma) => type switch
    {
        PredictionType.Epsilon => new(0, 1),
        PredictionType.Sample => new(1 / sigma, -alpha / sigma),
        PredictionType.Velocity => new(sigma, alpha),
        PredictionType.Flow => new(1, 1 - sigma),
        _ => throw new UnreachableException($"{type}"),
    };

    /// <summary>
    /// The clean picture from a sample of the variance-exploding kind: the picture plus sigma times the noise, while
    /// the model saw it scaled to unit variance.
    /// </summary>
    /// <param name="type">What the model predicts; not the flow.</param>
    /// <param name="sigma">The noise level.</param>
    public static Mix Denoised(PredictionType type, double sigma) => type switch
    {
        PredictionType.Epsilon => new(1, -sigma),
        PredictionType.Sample => new(0, 1),
        PredictionType.Velocity => new(1 / ((sigma * sigma) + 1), -sigma / Math.Sqrt((sigma * sigma) + 1)),
        _ => throw new UnreachableException($"{type}"),
    };
}
