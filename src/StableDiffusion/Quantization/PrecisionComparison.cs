namespace StableDiffusion.Quantization;

/// <summary>The distance of two images that a model made in two precisions from the same seed, and the time that they took.</summary>
/// <param name="Seed">The seed of both images.</param>
/// <param name="Psnr">The peak signal-to-noise ratio of the images in decibels; infinite if they are equal.</param>
/// <param name="Ssim">The structural similarity of the images; 1 if they are equal.</param>
/// <param name="Step">How long a step of the model compared takes.</param>
/// <param name="ReferenceStep">How long a step of the reference takes.</param>
public sealed record PrecisionDistance(long Seed, double Psnr, double Ssim, TimeSpan Step, TimeSpan ReferenceStep);

/// <summary>What a model's precision costs and gains: the distance of its images from those in full precision, with the speed beside it.</summary>
/// <param name="Distances">The distance for each seed.</param>
public sealed record PrecisionComparison(IReadOnlyList<PrecisionDistance> Distances)
{
    /// <summary>The mean peak signal-to-noise ratio in decibels; infinite if a pair of images is equal.</summary>
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

    private TimeSpan Median(Func<PrecisionDistance, TimeSpan> time) => Distances.Select(time).Order().ElementAt(Distances.Count / 2);
}
