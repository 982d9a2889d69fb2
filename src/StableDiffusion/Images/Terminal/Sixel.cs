using System.Globalization;
using System.Text;

namespace StableDiffusion.Images.Terminal;

/// <summary>
/// Images as SIXEL: bands of six rows, in which each color is drawn over the others, a character for six pixels. Source: DEC,
/// "VT330/VT340 Programmer Reference Manual, Volume 2: Graphics Programming" (EK-VT3XX-GP-001), chapter 14.
/// </summary>
internal static class Sixel
{
    private const int BandHeight = 6;
    private const char NoPixels = '?';

    // A run is three characters long, or more.
    private const int ShortestRun = 4;

    /// <summary>Encodes pixels.</summary>
    /// <param name="pixels">Red, green and blue of each pixel, row by row. With more than 256 colors, or with colors that differ by less than a percent, they are changed.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <returns>The sequence, without a line feed.</returns>
    public static string Encode(ReadOnlySpan<byte> pixels, int width, int height) => Encode(SixelPalette.Of(pixels, width, height), width, height);

    /// <summary>Encodes pixels whose colors were found.</summary>
    /// <param name="palette">The colors, and that of each pixel.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <returns>The sequence, without a line feed.</returns>
    public static string Encode(SixelPalette palette, int width, int height)
    {
        // The pixels that are not drawn keep their background; their shape is square.
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"\eP0;1;0q\"1;1;{width};{height}");
        for (int color = 0; color < palette.Colors.Count; color++)
            text.Append(CultureInfo.InvariantCulture, $"#{color};2;{palette.Colors[color].Red};{palette.Colors[color].Green};{palette.Colors[color].Blue}");

        byte[] bits = new byte[palette.Colors.Count * width];
        bool[] isUsed = new bool[palette.Colors.Count];
        for (int top = 0; top < height; top += BandHeight)
        {
            for (int y = top; y < Math.Min(top + BandHeight, height); y++)
            {
                ReadOnlySpan<byte> row = palette.Indices.AsSpan(y * width, width);
                byte bit = (byte)(1 << (y - top));
                for (int x = 0; x < width; x++)
                {
                    bits[(row[x] * width) + x] |= bit;
                    isUsed[row[x]] = true;
                }
            }

            bool isFirst = true;
            for (int color = 0; color < isUsed.Length; color++)
            {
                if (!isUsed[color])
                    continue;
                text.Append(CultureInfo.InvariantCulture, $"{(isFirst ? string.Empty : "$")}#{color}");
                AppendRow(text, bits.AsSpan(color * width, width));
                isFirst = false;
            }

            if (top + BandHeight < height)
                text.Append('-');
            Array.Clear(bits);
            Array.Clear(isUsed);
        }

        return text.Append("\e\\").ToString();
    }

    private static void AppendRow(StringBuilder text, ReadOnlySpan<byte> bits)
    {
        bits = bits.TrimEnd((byte)0);
        while (!bits.IsEmpty)
        {
            int length = bits.IndexOfAnyExcept(bits[0]);
            length = length < 0 ? bits.Length : length;
            char pixels = (char)(NoPixels + bits[0]);
            if (length < ShortestRun)
                text.Append(pixels, length);
            else
                text.Append(CultureInfo.InvariantCulture, $"!{length}{pixels}");
            bits = bits[length..];
        }
    }
}
