using System.Text;

namespace StableDiffusion.Images.Terminal;

/// <summary>Images as characters that differ in how much of their place they fill, for terminals without colors: light pixels have the fuller ones, as on a dark background.</summary>
internal static class AsciiImage
{
    private const string Shades = " .:-=+*#%@";

    /// <summary>Encodes pixels.</summary>
    /// <param name="pixels">Red, green and blue of each pixel, row by row.</param>
    /// <param name="width">The width in pixels, which is that in columns.</param>
    /// <param name="height">The height in pixels; a character stands for two of them, one above the other.</param>
    /// <returns>The text, each line of which ends with a line feed.</returns>
    public static string Encode(ReadOnlySpan<byte> pixels, int width, int height)
    {
        StringBuilder text = new();
        for (int y = 0; y < height; y += 2)
        {
            int lower = Math.Min(y + 1, height - 1);
            for (int x = 0; x < width; x++)
            {
                double luma = (DiffusionImage.LumaOf(pixels, (y * width) + x) + DiffusionImage.LumaOf(pixels, (lower * width) + x)) / 2;
                text.Append(Shades[(int)Math.Round(luma / byte.MaxValue * (Shades.Length - 1))]);
            }

            text.Append('\n');
        }

        return text.ToString();
    }
}
