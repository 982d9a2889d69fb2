using System.Globalization;
using System.Text;

namespace StableDiffusion.Images.Terminal;

/// <summary>Images in the graphics protocol of kitty, as PNG files in pieces. Source: kitty's documentation, "Terminal graphics protocol".</summary>
internal static class KittyGraphics
{
    // The most characters of Base64 in a piece; a multiple of four.
    private const int LongestPiece = 4096;

    /// <summary>Encodes an image, which the terminal scales to the columns of its area.</summary>
    /// <param name="png">The bytes of a PNG file.</param>
    /// <param name="area">The columns that it takes.</param>
    /// <param name="number">The number by which the terminal knows it, above 0: an earlier image of that number disappears. Null for one that stays.</param>
    /// <returns>The sequences, without a line feed. The terminal does not answer them.</returns>
    public static string Encode(byte[] png, TerminalArea area, int? number = null)
    {
        string data = Convert.ToBase64String(png);
        StringBuilder text = new();
        for (int start = 0; start < data.Length; start += LongestPiece)
        {
            int length = Math.Min(LongestPiece, data.Length - start), isMore = start + length < data.Length ? 1 : 0;
            text.Append("\e_G");
            if (start == 0)
                text.Append(CultureInfo.InvariantCulture, $"a=T,f=100,q=2,c={area.Columns},{(number is null ? string.Empty : $"i={number},")}");
            text.Append(CultureInfo.InvariantCulture, $"m={isMore};").Append(data, start, length).Append("\e\\");
        }

        return text.ToString();
    }
}
