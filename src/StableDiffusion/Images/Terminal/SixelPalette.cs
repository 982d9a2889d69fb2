using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using SixLabors.ImageSharp.Processing.Processors.Quantization;
using StableDiffusion.Settings;

namespace StableDiffusion.Images.Terminal;

/// <summary>The colors of an image for SIXEL, whose levels are percents, and the color of each pixel.</summary>
/// <param name="Colors">The colors in percent, 256 at most.</param>
/// <param name="Indices">The index of the color of each pixel, row by row.</param>
internal sealed record SixelPalette(IReadOnlyList<(int Red, int Green, int Blue)> Colors, byte[] Indices)
{
    private const int MostColors = 256;

    /// <summary>The palette of an image: its own colors, or the best 256, with the error of each pixel spread over the next ones (Wu's quantization; Floyd and Steinberg).</summary>
    /// <param name="pixels">Red, green and blue of each pixel, row by row.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    public static SixelPalette Of(ReadOnlySpan<byte> pixels, int width, int height)
    {
        if (OfOwnColors(pixels) is SixelPalette own)
            return own;

        using Image<Rgb24> image = Image.LoadPixelData<Rgb24>(ImageLibrary.Configuration, pixels, width, height);
        WuQuantizer quantizer = new(new QuantizerOptions { MaxColors = MostColors, Dither = KnownDitherings.FloydSteinberg });
        using IQuantizer<Rgb24> quantization = quantizer.CreatePixelSpecificQuantizer<Rgb24>(ImageLibrary.Configuration);
        using IndexedImageFrame<Rgb24> indexed = quantization.BuildPaletteAndQuantizeFrame(image.Frames.RootFrame, image.Bounds());
        byte[] indices = new byte[width * height];
        for (int y = 0; y < height; y++)
            indexed.DangerousGetRowSpan(y).CopyTo(indices.AsSpan(y * width));
        return new SixelPalette([.. indexed.Palette.ToArray().Select(static color => (Percent(color.R), Percent(color.G), Percent(color.B)))], indices);
    }

    /// <summary>The palette of the enlarged image, in which each pixel is a rectangle.</summary>
    /// <param name="fromWidth">The width in pixels.</param>
    /// <param name="fromHeight">The height in pixels.</param>
    /// <param name="width">The new width in pixels.</param>
    /// <param name="height">The new height in pixels.</param>
    public SixelPalette Enlarge(int fromWidth, int fromHeight, int width, int height) =>
        this with { Indices = Resampler.Resize(Indices, fromWidth, fromHeight, width, height, ResampleFilter.Nearest, channels: 1) };

    private static SixelPalette? OfOwnColors(ReadOnlySpan<byte> pixels)
    {
        Dictionary<(int Red, int Green, int Blue), byte> numbers = [];
        byte[] indices = new byte[pixels.Length / DiffusionImage.Channels];
        for (int i = 0; i < indices.Length; i++)
        {
            ReadOnlySpan<byte> pixel = pixels.Slice(i * DiffusionImage.Channels, DiffusionImage.Channels);
            (int Red, int Green, int Blue) color = (Percent(pixel[0]), Percent(pixel[1]), Percent(pixel[2]));
            if (!numbers.TryGetValue(color, out byte number))
            {
                if (numbers.Count == MostColors)
                    return null;
                numbers.Add(color, number = (byte)numbers.Count);
            }

            indices[i] = number;
        }

        return new SixelPalette([.. numbers.OrderBy(static entry => entry.Value).Select(static entry => entry.Key)], indices);
    }

    private static int Percent(byte level) => ((level * 100) + (byte.MaxValue / 2)) / byte.MaxValue;
}
