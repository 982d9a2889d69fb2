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

    /// <summary>What is asked for, after "to be" or "not to be".</summary>
    public override string ToString() => IsNone
        ? "equal to"
        : FormattableString.Invariant($"like (with {string.Join(" and ", new[] { Psnr is null ? null : FormattableString.Invariant($"a PSNR of {Psnr} dB or more"), Ssim is null ? null : FormattableString.Invariant($"an SSIM of {Ssim} or more") }.OfType<string>())})");
}
