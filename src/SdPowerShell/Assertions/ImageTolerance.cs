using StableDiffusion.Comparison;

namespace SdPowerShell.Assertions;

/// <summary>How near an image must be to the expected one.</summary>
/// <param name="Psnr">The lowest peak signal-to-noise ratio in decibels; null for any.</param>
/// <param name="Ssim">The lowest structural similarity; null for any.</param>
internal sealed record ImageTolerance(double? Psnr, double? Ssim)
{
    /// <summary>Whether the pixels must be equal.</summary>
    public bool IsNone => Psnr is null && Ssim is null;

    /// <summary>Whether two images are near enough.</summary>
    public bool Holds(ImageComparison comparison) => comparison.DifferentPixels switch
    {
        null => false,
        0 => true,
        _ => !IsNone && (Psnr is null || comparison.Psnr >= Psnr) && (Ssim is null || comparison.Ssim >= Ssim),
    };

    /// <summary>What is asked for, between "the image to" and the name of the expected image.</summary>
    public override string ToString()
    {
        List<string> measures = [];
        if (Psnr is double psnr)
            measures.Add(FormattableString.Invariant($"a PSNR of {psnr} dB or more"));
        if (Ssim is double ssim)
            measures.Add(FormattableString.Invariant($"an SSIM of {ssim} or more"));
        return IsNone ? "be equal to" : $"have {string.Join(" and ", measures)} against";
    }
}
