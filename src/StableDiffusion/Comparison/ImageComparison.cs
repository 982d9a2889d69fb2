using StableDiffusion.Images;

namespace StableDiffusion.Comparison;

/// <summary>
/// The difference of two images, in pixels and in the settings that they record. What is costly is computed when it is
/// first read, from the images that this object keeps. Thread-safe.
/// </summary>
public sealed class ImageComparison
{
    private const int MostSettingsInWords = 5;

    private readonly RecordComparison _records;
    private readonly Lazy<PixelDifference?> _pixels;
    private readonly Lazy<double?> _psnr;
    private readonly Lazy<double?> _ssim;
    private readonly Lazy<DiffusionImage?> _heatMap;
    private readonly Lazy<DiffusionImage?> _sideBySide;

    /// <summary>Compares two images.</summary>
    /// <param name="reference">The image to compare with.</param>
    /// <param name="difference">The image that is compared with it.</param>
    public ImageComparison(DiffusionImage reference, DiffusionImage difference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(difference);

        ReferenceImage = reference;
        DifferenceImage = difference;
        _records = new RecordComparison(reference.Recorded, difference.Recorded);
        bool haveSameSize = reference.Width == difference.Width && reference.Height == difference.Height;
        Verdict = Judge(haveSameSize);
        _pixels = new(() => haveSameSize ? PixelDifference.Of(reference, difference) : null);
        _psnr = new(() => haveSameSize ? ImageDistance.Psnr(reference, difference) : null);
        _ssim = new(() => haveSameSize && ImageDistance.IsLargeEnough(reference) ? ImageDistance.Ssim(reference, difference) : null);
        _heatMap = new(() => haveSameSize ? Comparison.HeatMap.Draw(reference, difference, LargestDifference!.Value) : null);
        _sideBySide = new(() => HeatMap is null ? Comparison.SideBySide.Join(reference, difference) : Comparison.SideBySide.Join(reference, difference, HeatMap));
    }

    /// <summary>The full path of the reference's file; null if it has none.</summary>
    public string? ReferencePath => ReferenceImage.Path;

    /// <summary>The full path of the other image's file; null if it has none.</summary>
    public string? DifferencePath => DifferenceImage.Path;

    /// <summary>What the comparison says in a word.</summary>
    public ComparisonVerdict Verdict { get; }

    /// <summary>What the comparison says in a sentence.</summary>
    public string Reason => PrintableText.Of(Verdict switch
    {
        ComparisonVerdict.OtherSize => $"The sizes differ: {ReferenceImage.Width}x{ReferenceImage.Height} and {DifferenceImage.Width}x{DifferenceImage.Height} pixels.",
        ComparisonVerdict.EqualPixels => $"The pixels are equal, although these settings differ: {SettingsInWords()}.",
        ComparisonVerdict.OtherSettings => $"These settings differ: {SettingsInWords()}.",
        ComparisonVerdict.OtherPixels => $"The settings are the same, but the pixels differ: {(MayBeLossy() ? "JPEG and WebP files do not hold the exact pixels, or " : string.Empty)}{_records.Cause()}.",
        ComparisonVerdict.NoRecord => $"The pixels differ, and {WhoHasNoRecord()} how it was made.",
        _ when _records is { HasReference: true, HasDifference: true } => "The pixels and the settings are equal.",
        _ => $"The pixels are equal; {WhoHasNoRecord()} how it was made.",
    });

    /// <summary>The settings that differ; empty if none is known to.</summary>
    public IReadOnlyList<SettingDifference> SettingDifferences => _records.Settings;

    /// <summary>The peak signal-to-noise ratio over red, green and blue in decibels; infinite if the pixels are equal, null if the sizes differ.</summary>
    public double? Psnr => _psnr.Value;

    /// <summary>
    /// The structural similarity of the luma (Wang et al. 2004, windows of 11x11 pixels); 1 if the pixels are equal, null if the
    /// sizes differ or the images are smaller than a window.
    /// </summary>
    public double? Ssim => _ssim.Value;

    /// <summary>The largest difference of a color of a pixel, 0 to 255; null if the sizes differ.</summary>
    public int? LargestDifference => _pixels.Value?.Largest;

    /// <summary>The number of pixels that differ; null if the sizes differ.</summary>
    public int? DifferentPixels => _pixels.Value?.Count;

    /// <summary>The smallest rectangle that holds all pixels that differ; null if none does, or if the sizes differ.</summary>
    public ImageRegion? Bounds => _pixels.Value?.Bounds;

    /// <summary>
    /// An image of the differences: black where the pixels are equal, otherwise from purple over red to light yellow, which is
    /// the largest difference. Null if the sizes differ.
    /// </summary>
    public DiffusionImage? HeatMap => _heatMap.Value;

    /// <summary>The reference, the other image and the heat map in one image; null if it would have more than 64 megapixels.</summary>
    public DiffusionImage? SideBySide => _sideBySide.Value;

    /// <summary>The image to compare with.</summary>
    public DiffusionImage ReferenceImage { get; }

    /// <summary>The image that is compared with it.</summary>
    public DiffusionImage DifferenceImage { get; }

    /// <summary>A short description.</summary>
    /// <returns>The verdict and the reason.</returns>
    public override string ToString() => $"{Verdict}: {Reason}";

    private ComparisonVerdict Judge(bool haveSameSize)
    {
        if (!haveSameSize)
            return ComparisonVerdict.OtherSize;

        bool differ = _records.Settings.Count > 0;
        if (ReferenceImage.Pixels.AsSpan().SequenceEqual(DifferenceImage.Pixels))
            return differ ? ComparisonVerdict.EqualPixels : ComparisonVerdict.Equal;
        if (!_records.HasReference || !_records.HasDifference)
            return ComparisonVerdict.NoRecord;
        return differ ? ComparisonVerdict.OtherSettings : ComparisonVerdict.OtherPixels;
    }

    private string SettingsInWords()
    {
        IEnumerable<string> first = SettingDifferences.Take(MostSettingsInWords).Select(static difference => difference.ToString());
        int more = SettingDifferences.Count - MostSettingsInWords;
        return string.Join(", ", more > 0 ? first.Append($"and {more} more") : first);
    }

    private string WhoHasNoRecord() => _records switch
    {
        { HasReference: false, HasDifference: false } => "neither image says",
        { HasReference: false } => "the reference does not say",
        _ => "the other image does not say",
    };

    private bool MayBeLossy() => IsLossy(ReferencePath) || IsLossy(DifferencePath);

    private static bool IsLossy(string? path) => Path.GetExtension(path)?.ToUpperInvariant() is ".JPG" or ".JPEG" or ".WEBP";
}
