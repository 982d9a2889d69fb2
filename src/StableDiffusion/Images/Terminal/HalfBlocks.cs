using System.Globalization;
using System.Text;

namespace StableDiffusion.Images.Terminal;

/// <summary>
/// Images as half blocks (U+2580), whose upper half has the color of the foreground and whose lower half that of the background,
/// by the sequences of ISO/IEC 8613-6 for direct colors.
/// </summary>
internal static class HalfBlocks
{
    private const char UpperHalf = '\u2580';

    /// <summary>Encodes pixels.</summary>
    /// <param name="pixels">Red, green and blue of each pixel, row by row.</param>
    /// <param name="width">The width in pixels, which is that in columns.</param>
    /// <param name="height">The height in pixels; the last row of an odd number has no lower half.</param>
    /// <returns>The text, each line of which ends with the colors as they were before, and a line feed.</returns>
    public static string Encode(ReadOnlySpan<byte> pixels, int width, int height)
    {
        StringBuilder text = new();
        int stride = width * DiffusionImage.Channels;
        for (int y = 0; y < height; y += 2)
        {
            ReadOnlySpan<byte> upper = pixels.Slice(y * stride, stride), lower = y + 1 < height ? pixels.Slice((y + 1) * stride, stride) : default;
            for (int x = 0; x < stride; x += DiffusionImage.Channels)
            {
                AppendColor(text, 38, upper, x);
                AppendColor(text, 48, lower, x);
                text.Append(UpperHalf);
            }

            text.Append("\e[0m\n");
        }

        return text.ToString();
    }

    // Only where it differs from that of the pixel before.
    private static void AppendColor(StringBuilder text, int place, ReadOnlySpan<byte> row, int x)
    {
        if (row.IsEmpty || (x > 0 && row.Slice(x, DiffusionImage.Channels).SequenceEqual(row.Slice(x - DiffusionImage.Channels, DiffusionImage.Channels))))
            return;
        text.Append(CultureInfo.InvariantCulture, $"\e[{place};2;{row[x]};{row[x + 1]};{row[x + 2]}m");
    }
}
