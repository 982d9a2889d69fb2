using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Upscaling;

/// <summary>How an image is enlarged: by which upscaler, and to which size.</summary>
public sealed record UpscaleOptions
{
    /// <summary>The default side of a tile in pixels, that of A1111.</summary>
    public const int DefaultTileSize = 192;

    /// <summary>The default width of the seams in pixels, that of A1111.</summary>
    public const int DefaultTileOverlap = 8;

    /// <summary>The shortest side of a tile in pixels.</summary>
    public const int SmallestTileSize = 16;

    // A1111 rounds the sides of an enlarged image down to multiples of it.
    private const int Unit = 8;

    /// <summary>The upscaler: a name in the store, the path of its file, or one of <see cref="ResampleFilter"/>.</summary>
    public string Upscaler { get; init; } = nameof(ResampleFilter.Lanczos);

    /// <summary>The factor of both sides, above 0; the sides are then rounded down to multiples of 8. Null if a side is given.</summary>
    public double? Scale { get; init; }

    /// <summary>The new width in pixels; null follows from the height.</summary>
    public int? Width { get; init; }

    /// <summary>The new height in pixels; null follows from the width.</summary>
    public int? Height { get; init; }

    /// <summary>How the image fills a size of other proportions: Stretch, Crop or Pad.</summary>
    public ResizeMode ResizeMode { get; init; } = ResizeMode.Crop;

    /// <summary>The side in pixels of the tiles that a network works in, <see cref="SmallestTileSize"/> or more; 0 for the whole image at once.</summary>
    public int TileSize { get; init; } = DefaultTileSize;

    /// <summary>The width of the seams between tiles in pixels, at most half of a tile.</summary>
    public int TileOverlap { get; init; } = DefaultTileOverlap;

    /// <summary>The size of the new image.</summary>
    /// <param name="width">The width of the image in pixels.</param>
    /// <param name="height">The height of the image in pixels.</param>
    /// <exception cref="InvalidSettingException">No size or two are given, or it is out of range.</exception>
    internal (int Width, int Height) SizeOf(int width, int height)
    {
        if (Scale is double scale)
        {
            if (Width is not null || Height is not null)
                throw new InvalidSettingException(nameof(Scale), "Give either the scale or the width and height, not both.");
            if (!(scale > 0) || !double.IsFinite(scale))
                throw new InvalidSettingException(nameof(Scale), $"Scale is {scale}, but must be a number above 0.");
            return Check(Math.Floor(Math.Floor(width * scale) / Unit) * Unit, Math.Floor(Math.Floor(height * scale) / Unit) * Unit, nameof(Scale));
        }

        if (Width is null && Height is null)
            throw new InvalidSettingException(nameof(Scale), "Give the scale, or the new width or height.");
        if (Width is <= 0)
            throw new InvalidSettingException(nameof(Width), $"An image cannot be {Width} pixels wide.");
        if (Height is <= 0)
            throw new InvalidSettingException(nameof(Height), $"An image cannot be {Height} pixels high.");
        return Check(Width ?? Math.Max(1, (long)width * Height!.Value / height), Height ?? Math.Max(1, (long)height * Width!.Value / width), Width is null ? nameof(Height) : nameof(Width));
    }

    /// <summary>Throws for settings that no image can be enlarged with.</summary>
    /// <exception cref="InvalidSettingException">A setting is out of range; the message names it.</exception>
    internal void CheckTiles()
    {
        if (TileSize is not 0 and < SmallestTileSize)
            throw new InvalidSettingException(nameof(TileSize), $"TileSize is {TileSize}, but must be {SmallestTileSize} or more, or 0 for the whole image at once.");
        if (TileOverlap < 0 || (TileSize > 0 && TileOverlap > TileSize / 2))
            throw new InvalidSettingException(nameof(TileOverlap), $"TileOverlap is {TileOverlap}, but must be from 0 to {TileSize / 2}, half of a tile.");
        if (ResizeMode is not (ResizeMode.Stretch or ResizeMode.Crop or ResizeMode.Pad))
            throw new InvalidSettingException(nameof(ResizeMode), $"ResizeMode is {ResizeMode}, but must be Stretch, Crop or Pad.");
    }

    private static (int Width, int Height) Check(double width, double height, string setting)
    {
        if (width < 1 || height < 1)
            throw new InvalidSettingException(setting, $"The new image would be {width}x{height} pixels. The sides are rounded down to multiples of {Unit}: choose a larger scale, or give width and height.");
        if (width * height > ImageLibrary.MaxPixels)
            throw new InvalidSettingException(setting, $"The new image would be {width}x{height} pixels, more than the limit of {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels. Make it smaller.");
        if (width > ImageLibrary.MaxSide || height > ImageLibrary.MaxSide)
            throw new InvalidSettingException(setting, $"The new image would be {width}x{height} pixels, and a side has at most {ImageLibrary.MaxSide}. Make it smaller.");
        return ((int)width, (int)height);
    }
}
