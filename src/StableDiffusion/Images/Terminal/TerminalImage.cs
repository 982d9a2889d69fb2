namespace StableDiffusion.Images.Terminal;

/// <summary>Images as the text that makes a terminal show them.</summary>
internal static class TerminalImage
{
    // A terminal shows the pixels of SIXEL as they are, in characters of about this width.
    private const int SixelColumn = 8;

    // More pixels than this a column has on no screen.
    private const int FinestColumn = 16;

    private static readonly ImageWriteOptions s_plain = new() { Metadata = false };

    /// <summary>Encodes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="protocol">The protocol; not <see cref="TerminalProtocol.Auto"/>.</param>
    /// <param name="area">The columns and rows that it takes.</param>
    /// <param name="number">A number above 0 for an image that takes the place of the last one of that number; null for one that stays.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The text, which ends with a line feed; empty for <see cref="TerminalProtocol.None"/>.</returns>
    public static string Encode(DiffusionImage image, TerminalProtocol protocol, TerminalArea area, int? number = null, CancellationToken cancellationToken = default)
    {
        switch (protocol)
        {
            case TerminalProtocol.HalfBlock:
                (byte[] blocks, int blockWidth, int blockHeight) = area.Resize(image, 1);
                return HalfBlocks.Encode(blocks, blockWidth, blockHeight);
            case TerminalProtocol.Ascii:
                (byte[] shades, int shadeWidth, int shadeHeight) = area.Resize(image, 1);
                return AsciiImage.Encode(shades, shadeWidth, shadeHeight);
            case TerminalProtocol.Sixel when number is not null && area.SizeOf(image, SixelColumn).Width > image.Width:
                // One of many is to be quick: its colors are found before it is enlarged.
                (int largeWidth, int largeHeight) = area.SizeOf(image, SixelColumn);
                SixelPalette palette = SixelPalette.Of(image.Pixels, image.Width, image.Height).Enlarge(image.Width, image.Height, largeWidth, largeHeight);
                return Sixel.Encode(palette, largeWidth, largeHeight) + "\n";
            case TerminalProtocol.Sixel:
                (byte[] pixels, int width, int height) = area.Resize(image, SixelColumn);
                return Sixel.Encode(pixels, width, height) + "\n";
            case TerminalProtocol.Kitty:
                return KittyGraphics.Encode(ToPng(image, area, cancellationToken), area, number) + "\n";
            case TerminalProtocol.ITerm2:
                return ITerm2Image.Encode(ToPng(image, area, cancellationToken), area) + "\n";
            default:
                return string.Empty;
        }
    }

    /// <remarks>The terminal enlarges it, and knows the size of its characters.</remarks>
    private static byte[] ToPng(DiffusionImage image, TerminalArea area, CancellationToken cancellationToken)
    {
        if (image.Width > area.Columns * FinestColumn)
        {
            (byte[] pixels, int width, int height) = area.Resize(image, FinestColumn);
            image = new DiffusionImage(width, height, pixels);
        }

        return ImageEncoder.Encode(image, ImageFormat.Png, s_plain, ImageTexts.None, cancellationToken);
    }
}
