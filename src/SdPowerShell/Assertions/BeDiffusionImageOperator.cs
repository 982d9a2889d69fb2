using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace SdPowerShell.Assertions;

/// <summary>Tests whether an image is the expected one.</summary>
public sealed class BeDiffusionImageOperator : ShouldOperator
{
    /// <summary>The expected image: a path, a file, or an image in memory. A file is written in the update mode.</summary>
    [Parameter]
    public object? ExpectedImage { get; set; }

    /// <summary>The lowest peak signal-to-noise ratio in decibels; null for any.</summary>
    [Parameter]
    [Number<double>]
    public Number<double>? Psnr { get; set; }

    /// <summary>The lowest structural similarity; null for any. Without either, the pixels must be equal.</summary>
    [Parameter]
    [Number<double>]
    public Number<double>? Ssim { get; set; }

    /// <inheritdoc/>
    private protected override AssertionResult Test()
    {
        ImageAssertion assertion = new(ReadTolerance(), Negate, Because, CancellationToken);
        DiffusionImage image = InputOf(nameof(ActualValue), ActualValue).Read(nameof(ActualValue), path => ImageFile.ReadWithSettings(ResolveOutput(path), CancellationToken), static made => made);
        return InputOf(nameof(ExpectedImage), ExpectedImage).Read(nameof(ExpectedImage), path => assertion.Test(image, ResolveOutput(path)), made => assertion.Test(image, made));
    }

    private ImageTolerance ReadTolerance()
    {
        (double? psnr, double? ssim) = (Number.Read(Psnr), Number.Read(Ssim));
        if (psnr is < 0 or double.NaN)
            throw new InvalidSettingException(nameof(Psnr), FormattableString.Invariant($"Psnr is {psnr}, but must be 0 decibels or more, such as 40."));
        if (ssim is < -1 or > 1 or double.NaN)
            throw new InvalidSettingException(nameof(Ssim), FormattableString.Invariant($"Ssim is {ssim}, but must be at most 1, which means equal, such as 0.98."));
        return new ImageTolerance(psnr, ssim);
    }
}
