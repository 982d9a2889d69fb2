using StableDiffusion.Images;

namespace StableDiffusion.Comparison;

/// <summary>Shows as an image where two images differ, and how much.</summary>
internal static class HeatMap
{
    // From dark to light, equally far apart; values of the color map "inferno" of matplotlib (CC0).
    private static readonly (byte Red, byte Green, byte Blue)[] s_colors = [(87, 16, 110), (147, 38, 103), (203, 65, 73), (240, 112, 32), (252, 181, 25), (252, 255, 164)];

    /// <summary>Draws the differences of two images of the same size.</summary>
    /// <param name="a">The first image.</param>
    /// <param name="b">The second image.</param>
    /// <param name="largest">The largest difference of a color, which gets the lightest color of the map.</param>
    /// <returns>An image of that size: black where the pixels are equal, otherwise from purple over red to light yellow, the more the larger the difference.</returns>
    public static DiffusionImage Draw(DiffusionImage a, DiffusionImage b, int largest)
    {
        byte[] pixels = new byte[a.Pixels.Length];
        int i = 0;
        for (int y = 0; y < a.Height; y++)
        {
            ReadOnlySpan<byte> rowA = PixelDifference.Row(a, y);
            ReadOnlySpan<byte> rowB = PixelDifference.Row(b, y);
            for (int x = 0; x < a.Width; x++)
            {
                int level = PixelDifference.Level(rowA, rowB, x);
                (pixels[i++], pixels[i++], pixels[i++]) = level == 0 ? default : ColorOf((double)level / largest);
            }
        }

        return new DiffusionImage(a.Width, a.Height, pixels);
    }

    /// <summary>The color of a value.</summary>
    /// <param name="part">The value, 0 to 1.</param>
    internal static (byte Red, byte Green, byte Blue) ColorOf(double part)
    {
        double place = part * (s_colors.Length - 1);
        int index = Math.Min((int)place, s_colors.Length - 2);
        (byte Red, byte Green, byte Blue) from = s_colors[index];
        (byte Red, byte Green, byte Blue) to = s_colors[index + 1];
        return (Blend(from.Red, to.Red), Blend(from.Green, to.Green), Blend(from.Blue, to.Blue));

        byte Blend(byte low, byte high) => (byte)Math.Round(low + ((place - index) * (high - low)));
    }
}
