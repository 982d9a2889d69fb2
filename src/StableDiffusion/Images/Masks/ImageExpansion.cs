using StableDiffusion.Settings;

namespace StableDiffusion.Images.Masks;

/// <summary>What the borders of an expanded image are filled with, before they are repainted.</summary>
public enum ExpandFill
{
    /// <summary>The colors at the edges, blurred into the borders.</summary>
    Blur,

    /// <summary>The image, mirrored at its edges.</summary>
    Mirror,

    /// <summary>Gray.</summary>
    Gray,
}

/// <summary>The borders that an image gets so that its surroundings can be painted (outpainting), and the mask of them.</summary>
public sealed record ImageExpansion
{
    // ComfyUI's default, which is for images of 512 pixels and more.
    private const int DefaultFeather = 40;

    private const byte MiddleGray = 127;

    /// <summary>The width of the border on the left in pixels.</summary>
    public int Left { get; init; }

    /// <summary>The height of the border at the top in pixels.</summary>
    public int Top { get; init; }

    /// <summary>The width of the border on the right in pixels.</summary>
    public int Right { get; init; }

    /// <summary>The height of the border at the bottom in pixels.</summary>
    public int Bottom { get; init; }

    /// <summary>What the borders are filled with.</summary>
    public ExpandFill Fill { get; init; }

    /// <summary>How far the mask fades into the image, in pixels; a side of the image must have more than twice as many, otherwise there is no fading. If null, 40, but at most a quarter of the image's shorter side.</summary>
    public int? Feather { get; init; }

    /// <summary>Reads the borders from a recorded stage.</summary>
    /// <param name="stage">The stage.</param>
    internal static ImageExpansion From(GenerationStage stage) => new()
    {
        Left = stage.Number<int>(nameof(Left)) ?? 0,
        Top = stage.Number<int>(nameof(Top)) ?? 0,
        Right = stage.Number<int>(nameof(Right)) ?? 0,
        Bottom = stage.Number<int>(nameof(Bottom)) ?? 0,
        Fill = EnumSetting.Parse(nameof(Fill), stage.Text(nameof(Fill)), ExpandFill.Blur),
        Feather = stage.Number<int>(nameof(Feather)) ?? 0,
    };

    /// <summary>The image with its borders.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <returns>The larger image, which records the stage.</returns>
    /// <exception cref="InvalidSettingException">A border is negative, there is none, or the image would be too large.</exception>
    public DiffusionImage Expand(DiffusionImage image)
    {
        (int width, int height) = Check(image);
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                ColorAt(image, x - Left, y - Top, pixels.AsSpan(((y * width) + x) * DiffusionImage.Channels, DiffusionImage.Channels));
        }

        if (Fill == ExpandFill.Blur)
            pixels = MaskedContent.Fill(new DiffusionImage(width, height, pixels), new MaskImage(width, height, Mask(image, feather: 0))).Pixels;
        return new DiffusionImage(width, height, pixels, new GenerationInfo { Stages = image.Then(StageOperation.Expand, pixels, [.. Borders(), (nameof(Fill), Fill.ToString())]) });
    }

    /// <summary>The mask of the borders as an image: white in the borders, fading to black in the image. Source: ComfyUI's ImagePadForOutpaint.</summary>
    /// <param name="image">The image without borders.</param>
    /// <returns>A gray image of the size of the larger one, which records the stage.</returns>
    /// <inheritdoc cref="Expand"/>
    public DiffusionImage MaskOf(DiffusionImage image)
    {
        (int width, int height) = Check(image);
        byte[] pixels = [.. Mask(image, FeatherOf(image)).SelectMany(static gray => Enumerable.Repeat(gray, DiffusionImage.Channels))];
        return new DiffusionImage(width, height, pixels, new GenerationInfo { Stages = image.Then(StageOperation.ExpandMask, pixels, [.. Borders(), (nameof(Feather), (long)FeatherOf(image))]) });
    }

    private (int Width, int Height) Check(DiffusionImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        foreach ((string name, int size) in ((string, int)[])[(nameof(Left), Left), (nameof(Top), Top), (nameof(Right), Right), (nameof(Bottom), Bottom), (nameof(Feather), Feather ?? 0)])
        {
            if (size < 0)
                throw new InvalidSettingException(name, $"{name} is {size}, but must be 0 or more.");
        }

        (long width, long height) = ((long)image.Width + Left + Right, (long)image.Height + Top + Bottom);
        if (width == image.Width && height == image.Height)
            throw new InvalidSettingException(nameof(Left), "No border was given. Set Left, Top, Right or Bottom to a number of pixels.");
        return width <= ImageLibrary.MaxSide && height <= ImageLibrary.MaxSide && width * height <= ImageLibrary.MaxPixels
            ? ((int)width, (int)height)
            : throw new InvalidSettingException(width > height ? nameof(Left) : nameof(Top), $"With these borders the image would have {width}x{height} pixels, more than {ImageLibrary.MaxPixels / (1024 * 1024)} megapixels or {ImageLibrary.MaxSide} on a side. Give smaller ones.");
    }

    private int FeatherOf(DiffusionImage image) => Feather ?? Math.Min(DefaultFeather, Math.Min(image.Width, image.Height) / 4);

    private IEnumerable<(string Name, object Value)> Borders()
    {
        (string Name, int Size)[] borders = [(nameof(Left), Left), (nameof(Top), Top), (nameof(Right), Right), (nameof(Bottom), Bottom)];
        return borders.Where(static border => border.Size > 0).Select(static border => (border.Name, (object)(long)border.Size));
    }

    private void ColorAt(DiffusionImage image, int x, int y, Span<byte> color)
    {
        bool isInside = x >= 0 && x < image.Width && y >= 0 && y < image.Height;
        if (!isInside && Fill != ExpandFill.Mirror)
            color.Fill(MiddleGray);
        else
            image.Pixels.AsSpan(((Mirror(y, image.Height) * image.Width) + Mirror(x, image.Width)) * DiffusionImage.Channels, DiffusionImage.Channels).CopyTo(color);
    }

    // The pixel at the edge is repeated once.
    private static int Mirror(int index, int length)
    {
        int place = ((index % (2 * length)) + (2 * length)) % (2 * length);
        return place < length ? place : (2 * length) - 1 - place;
    }

    private byte[] Mask(DiffusionImage image, int feather)
    {
        int width = image.Width + Left + Right, height = image.Height + Top + Bottom;
        byte[] grays = new byte[width * height];
        grays.AsSpan().Fill(byte.MaxValue);
        bool fades = feather > 0 && feather * 2L < image.Width && feather * 2L < image.Height;
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
            {
                int near = Math.Min(
                    Math.Min(Top > 0 ? y : image.Height, Bottom > 0 ? image.Height - y : image.Height),
                    Math.Min(Left > 0 ? x : image.Width, Right > 0 ? image.Width - x : image.Width));
                double part = fades && near < feather ? (double)(feather - near) / feather : 0;
                grays[((y + Top) * width) + x + Left] = (byte)Math.Round(part * part * byte.MaxValue);
            }
        }

        return grays;
    }
}
