namespace StableDiffusion.Quantization;

/// <summary>The difference of two images that a model made in two precisions from the same seed, and the time that they took.</summary>
/// <param name="Seed">The seed of both images.</param>
/// <param name="Psnr">The peak signal-to-noise ratio of the images in decibels; infinite if they are equal.</param>
/// <param name="Ssim">The structural similarity of the images; 1 if they are equal.</param>
/// <param name="Step">The time of a step of the compared model.</param>
/// <param name="ReferenceStep">The time of a step of the reference.</param>
public sealed record PrecisionDistance(long Seed, double Psnr, double Ssim, TimeSpan Step, TimeSpan ReferenceStep);

/// <summary>The effect of a model's precision: the difference of its images from those in full precision, and its speed.</summary>
/// <param name="Distances">The difference for each seed.</param>
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

    /// <summary>The median time of a step of the compared model.</summary>
    public TimeSpan Step => Median(static distance => distance.Step);

    /// <summary>The median time of a step of the reference.</summary>
    public TimeSpan ReferenceStep => Median(static distance => distance.ReferenceStep);

    /// <summary>The speed of the model relative to the reference.</summary>
    public double Speedup => ReferenceStep / Step;

    private TimeSpan Median(Func<PrecisionDistance, TimeSpan> time) => Distances.Select(time).Order().ElementAt(Distances.Count / 2);
}
