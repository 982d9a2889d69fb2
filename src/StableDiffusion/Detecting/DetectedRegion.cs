using System.Globalization;
using StableDiffusion.Images;

namespace StableDiffusion.Detecting;

/// <summary>A region of an image where a detector found something.</summary>
public sealed class DetectedRegion
{
    // The masks of all regions of a large image would need gigabytes.
    private readonly (int Place, int Length)[]? _inside;

    /// <summary>Initializes a region.</summary>
    /// <param name="image">The image.</param>
    /// <param name="x">The first column, 0 or more.</param>
    /// <param name="y">The first row, 0 or more.</param>
    /// <param name="width">The width in pixels, at least 1; the region lies inside the image.</param>
    /// <param name="height">The height in pixels, at least 1.</param>
    /// <param name="inside">Which pixels of the box belong to it, row by row: 255 where they do, otherwise 0; null for all.</param>
    /// <exception cref="InvalidSettingException">The region is empty or not inside the image, or its outline has more than 100,000 runs of equal pixels.</exception>
    /// <exception cref="ArgumentException">There are not as many pixels as the box has.</exception>
    public DetectedRegion(DiffusionImage image, int x, int y, int width, int height, byte[]? inside = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (width < 1 || height < 1)
            throw new InvalidSettingException("Box", $"The region is {width}x{height} pixels, but must have one at least.");
        if (x < 0 || y < 0 || (long)x + width > image.Width || (long)y + height > image.Height)
            throw new InvalidSettingException("Box", $"The region of {width}x{height} pixels at {x},{y} is not inside the image of {image.Width}x{image.Height}.");
        if (inside is not null && inside.Length != width * height)
            throw new ArgumentException($"A box of {width}x{height} pixels has {width * height}, not {inside.Length}.", nameof(inside));
        if (inside is not null)
            _inside = RegionMask.WhiteRuns(inside) ?? throw new InvalidSettingException("Mask", "The outline of the region is too ragged.");
        (Image, X, Y, Width, Height) = (image, x, y, width, height);
    }

    /// <summary>The image that it belongs to.</summary>
    public DiffusionImage Image { get; }

    /// <summary>The first column, from 0 at the left.</summary>
    public int X { get; }

    /// <summary>The first row, from 0 at the top.</summary>
    public int Y { get; }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>How sure the detector is, 0 to 1.</summary>
    public double Score { get; init; }

    /// <summary>The class, as the detector numbers it from 0.</summary>
    public int Class { get; init; }

    /// <summary>The name of the class; its number if the detector has no names.</summary>
    public string Label { get; init; } = string.Empty;

    /// <summary>The detector's name.</summary>
    public string? Detector { get; init; }

    /// <summary>The part of the image that the box covers, above 0 and up to 1.</summary>
    public double Area => (double)Width * Height / ((double)Image.Width * Image.Height);

    /// <summary>Which pixels of the image belong to the region: white where they do. It is the whole box, unless the detector found the outline.</summary>
    public MaskImage Mask => RegionMask.OfBox(Image.Width, Image.Height, X, Y, Width, Height, _inside);

    /// <summary>Whether the detector found the outline, and not the box alone.</summary>
    public bool HasOutline => _inside is not null;

    /// <summary>A short description.</summary>
    /// <returns>The name of the class, the size and the position.</returns>
    public override string ToString() => PrintableText.Of(string.Create(CultureInfo.InvariantCulture, $"{Label} {Width}x{Height} at {X},{Y}").Trim());
}
