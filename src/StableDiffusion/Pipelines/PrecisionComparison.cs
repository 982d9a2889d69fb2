using System.Diagnostics;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Models;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>One model in two precisions, compared by the pictures that both make and the time that they take.</summary>
/// <param name="Seed">The seed of both pictures.</param>
/// <param name="Psnr">The peak signal-to-noise ratio of the pictures in decibels.</param>
/// <param name="Ssim">The structural similarity of the pictures.</param>
/// <param name="Step">How long a step of the model compared takes.</param>
/// <param name="ReferenceStep">How long a step of the reference takes.</param>
public sealed record PrecisionDistance(long Seed, double Psnr, double Ssim, TimeSpan Step, TimeSpan ReferenceStep);

/// <summary>What a model's precision costs and gains: the distance of its pictures from the full model's, with the speed beside it.</summary>
public sealed class PrecisionComparison
{
    /// <summary>How many seeds are compared, from 0 on.</summary>
    public const int Seeds = 8;

    private PrecisionComparison(IReadOnlyList<PrecisionDistance> distances) => Distances = distances;

    /// <summary>The distance for each seed.</summary>
    public IReadOnlyList<PrecisionDistance> Distances { get; }

    /// <summary>The mean peak signal-to-noise ratio in decibels; infinite if a pair of pictures is equal.</summary>
    public double Psnr => Distances.Average(static distance => distance.Psnr);

    /// <summary>The lowest peak signal-to-noise ratio in decibels.</summary>
    public double LowestPsnr => Distances.Min(static distance => distance.Psnr);

    /// <summary>The mean structural similarity.</summary>
    public double Ssim => Distances.Average(static distance => distance.Ssim);

    /// <summary>The lowest structural similarity.</summary>
    public double LowestSsim => Distances.Min(static distance => distance.Ssim);

    /// <summary>The median time of a step of the model compared.</summary>
    public TimeSpan Step => Median(static distance => distance.Step);

    /// <summary>The median time of a step of the reference.</summary>
    public TimeSpan ReferenceStep => Median(static distance => distance.ReferenceStep);

    /// <summary>How many times as fast as the reference the model is.</summary>
    public double Speedup => ReferenceStep / Step;

    /// <summary>Makes pictures with both models in turns, from the same prompt and seeds.</summary>
    /// <param name="reference">The model in full precision.</param>
    /// <param name="compared">The same model in another precision.</param>
    /// <param name="prompt">What the pictures show.</param>
    /// <param name="options">How to denoise; its seed is not looked at.</param>
    /// <param name="progress">Is told after each pair of pictures; may be null.</param>
    /// <param name="cancellationToken">Stops it within milliseconds.</param>
    /// <returns>The comparison.</returns>
    /// <exception cref="ImageInvalidException">The models make pictures of different sizes.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or values became infinite.</exception>
    public static PrecisionComparison Run(
        DiffusionModel reference,
        DiffusionModel compared,
        string prompt,
        DenoiseOptions options,
        Action<PrecisionDistance>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        DiffusionPipeline[] pipelines = [new(reference), new(compared)];
        TextEmbedding[] embeddings = [.. pipelines.Select(pipeline => pipeline.EncodePrompt(prompt, cancellationToken: cancellationToken))];

        // What is opened, and first compiled, is left out of the times.
        for (int i = 0; i < pipelines.Length; i++)
            pipelines[i].Denoise(embeddings[i], null, null, options with { Seed = 0, StopStep = 1 }, null, cancellationToken);

        List<PrecisionDistance> distances = [];
        for (int seed = 0; seed < Seeds; seed++)
        {
            (DiffusionImage expected, TimeSpan referenceStep) = Make(0, seed);
            (DiffusionImage actual, TimeSpan step) = Make(1, seed);
            distances.Add(new PrecisionDistance(seed, ImageDistance.Psnr(expected, actual), ImageDistance.Ssim(expected, actual), step, referenceStep));
            progress?.Invoke(distances[^1]);
        }

        return new PrecisionComparison(distances);

        (DiffusionImage Image, TimeSpan Step) Make(int model, long seed)
        {
            long start = Stopwatch.GetTimestamp();
            Latent latent = pipelines[model].Denoise(embeddings[model], null, null, options with { Seed = seed }, null, cancellationToken);
            TimeSpan step = Stopwatch.GetElapsedTime(start) / latent.Step;
            return (pipelines[model].Decode(latent, cancellationToken), step);
        }
    }

    private TimeSpan Median(Func<PrecisionDistance, TimeSpan> time) => Distances.Select(time).Order().ElementAt(Distances.Count / 2);
}
