namespace StableDiffusion.Images.Masks;

/// <summary>The region of an image around the white part of a mask, with the rules of A1111 (<c>modules/masking.py</c>), which diffusers has too.</summary>
/// <param name="Left">The first column.</param>
/// <param name="Top">The first row.</param>
/// <param name="Right">The column after the last one.</param>
/// <param name="Bottom">The row after the last one.</param>
internal readonly record struct MaskRegion(int Left, int Top, int Right, int Bottom)
{
    /// <summary>The padding if none is given, in pixels.</summary>
    public const int DefaultPadding = 32;

    /// <summary>The width in pixels.</summary>
    public int Width => Right - Left;

    /// <summary>The height in pixels.</summary>
    public int Height => Bottom - Top;

    /// <summary>Finds the region that is made: the box of all pixels that are not black, with padding, widened to the aspect ratio that it is made at.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="padding">The padding in pixels, 0 or more.</param>
    /// <param name="width">The width that the region is made at.</param>
    /// <param name="height">The height that the region is made at.</param>
    /// <returns>The region, inside the mask.</returns>
    /// <exception cref="ImageInvalidException">The mask is black everywhere.</exception>
    /// <exception cref="InvalidSettingException">The padding is negative.</exception>
    public static MaskRegion Of(MaskImage mask, int padding, int width, int height) => padding < 0
        ? throw new InvalidSettingException("MaskPadding", $"MaskPadding is {padding}, but must be 0 or more.")
        : Find(mask)?.Pad(padding, mask.Width, mask.Height).Expand(width, height, mask.Width, mask.Height)
        ?? throw new ImageInvalidException("The mask is black everywhere, so that there is no region to repaint. Paint white what is to be repainted, or invert the mask.");

    /// <summary>The box of all pixels that are not black; null if all are.</summary>
    /// <param name="mask">The mask.</param>
    public static MaskRegion? Find(MaskImage mask)
    {
        (int left, int top, int right, int bottom) = (mask.Width, -1, 0, 0);
        for (int y = 0; y < mask.Height; y++)
        {
            ReadOnlySpan<byte> row = mask.Pixels.AsSpan(y * mask.Width, mask.Width);
            if (row.IndexOfAnyExcept((byte)0) is not (>= 0 and int first))
                continue;
            left = Math.Min(left, first);
            right = Math.Max(right, row.LastIndexOfAnyExcept((byte)0) + 1);
            top = top < 0 ? y : top;
            bottom = y + 1;
        }

        return top < 0 ? null : new MaskRegion(left, top, right, bottom);
    }

    /// <summary>The region with padding on all sides, inside an image.</summary>
    /// <param name="padding">The padding in pixels.</param>
    /// <param name="imageWidth">The width of the image.</param>
    /// <param name="imageHeight">The height of the image.</param>
    public MaskRegion Pad(int padding, int imageWidth, int imageHeight) =>
        new(Math.Max(Left - padding, 0), Math.Max(Top - padding, 0), (int)Math.Min((long)Right + padding, imageWidth), (int)Math.Min((long)Bottom + padding, imageHeight));

    /// <summary>The region widened or heightened to an aspect ratio, as far as the image allows.</summary>
    /// <param name="width">The width of the aspect ratio.</param>
    /// <param name="height">The height of the aspect ratio.</param>
    /// <param name="imageWidth">The width of the image.</param>
    /// <param name="imageHeight">The height of the image.</param>
    public MaskRegion Expand(int width, int height, int imageWidth, int imageHeight)
    {
        double ratio = (double)width / height;
        if ((double)Width / Height > ratio)
        {
            (int top, int bottom) = Stretch(Top, Bottom, Width / ratio, imageHeight);
            return this with { Top = top, Bottom = bottom };
        }

        (int left, int right) = Stretch(Left, Right, Height * ratio, imageWidth);
        return this with { Left = left, Right = right };
    }

    private static (int From, int To) Stretch(int from, int to, double wanted, int limit)
    {
        int added = (int)(wanted - (to - from));
        from -= added / 2;
        to += added - (added / 2);
        if (to >= limit)
            (from, to) = (from - (to - limit), limit);
        if (from < 0)
            (from, to) = (0, to - from);
        return (from, Math.Min(to, limit));
    }
}
