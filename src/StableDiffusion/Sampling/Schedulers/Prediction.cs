using System.Diagnostics;

namespace StableDiffusion.Sampling.Schedulers;

/// <summary>How a prediction follows from the sample and the model's output: each times a number, added.</summary>
/// <param name="Sample">What the sample is multiplied by.</param>
/// <param name="Output">What the model's output is multiplied by.</param>
internal readonly record struct PredictionWeights(double Sample, double Output);

/// <summary>
/// What a model's output says about the clean picture and about the noise. A sample is alpha times the picture plus
/// sigma times the noise. The velocity is that of Salimans and Ho, "Progressive Distillation for Fast Sampling of
/// Diffusion Models", arXiv:2202.00512.
/// </summary>
internal static class Prediction
{
    /// <summary>The clean picture.</summary>
    /// <param name="type">The kind of output: epsilon, sample, v_prediction or flow_prediction.</param>
    /// <param name="alpha">The picture's share of the sample.</param>
    /// <param name="sigma">The noise's share of the sample.</param>
    public static PredictionWeights Clean(string type, double alpha, double sigma) => type switch
    {
        SchedulerOptions.Epsilon => new(1 / alpha, -sigma / alpha),
        SchedulerOptions.Sample => new(0, 1),
        SchedulerOptions.Velocity => new(alpha, -sigma),
        SchedulerOptions.Flow => new(1, -sigma),
        _ => throw new UnreachableException(type),
    };

    /// <summary>The noise.</summary>
    /// <param name="type">The kind of output: epsilon, sample, v_prediction or flow_prediction.</param>
    /// <param name="alpha">The picture's share of the sample.</param>
    /// <param name="sigma">The noise's share of the sample.</param>
    public static PredictionWeights Noise(string type, double alpha, double sigma) => type switch
    {
        SchedulerOptions.Epsilon => new(0, 1),
        SchedulerOptions.Sample => new(1 / sigma, -alpha / sigma),
        SchedulerOptions.Velocity => new(sigma, alpha),
        SchedulerOptions.Flow => new(1, 1 - sigma),
        _ => throw new UnreachableException(type),
    };

    /// <summary>
    /// The clean picture from a sample of the variance-exploding kind: the picture plus sigma times the noise, while
    /// the model saw it scaled to unit variance.
    /// </summary>
    /// <param name="type">The kind of output: epsilon, sample or v_prediction.</param>
    /// <param name="sigma">The noise level.</param>
    public static PredictionWeights Denoised(string type, double sigma) => type switch
    {
        SchedulerOptions.Epsilon => new(1, -sigma),
        SchedulerOptions.Sample => new(0, 1),
        SchedulerOptions.Velocity => new(1 / ((sigma * sigma) + 1), -sigma / Math.Sqrt((sigma * sigma) + 1)),
        _ => throw new UnreachableException(type),
    };
}
