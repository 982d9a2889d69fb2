using System.Globalization;

namespace StableDiffusion.Storage;

/// <summary>Formats sizes in bytes for display.</summary>
internal static class ByteSize
{
    private static readonly string[] s_units = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>Formats a number of bytes with a suitable unit. Units are powers of 1000, as used by hubs and disk manufacturers.</summary>
    /// <param name="bytes">The number of bytes, not negative.</param>
    /// <returns>The text, such as <c>512 B</c> or <c>3.44 GB</c>.</returns>
    public static string Format(double bytes)
    {
        int unit = 0;
        for (; bytes >= 999.5 && unit < s_units.Length - 1; unit++)
            bytes /= 1000;
        string format = unit == 0 || bytes >= 99.95 ? "0" : bytes >= 9.995 ? "0.0" : "0.00";
        return string.Create(CultureInfo.CurrentCulture, $"{bytes.ToString(format, CultureInfo.CurrentCulture)} {s_units[unit]}");
    }
}
