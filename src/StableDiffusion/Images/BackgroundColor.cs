using System.Globalization;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace StableDiffusion.Images;

/// <summary>The color behind the pixels of an image that are not opaque.</summary>
/// <param name="R">Red.</param>
/// <param name="G">Green.</param>
/// <param name="B">Blue.</param>
internal readonly record struct BackgroundColor(byte R, byte G, byte B)
{
    private const int LongestName = 32;

    /// <summary>White, the default.</summary>
    public static BackgroundColor White { get; } = new(byte.MaxValue, byte.MaxValue, byte.MaxValue);

    /// <summary>Black, as it is behind a mask.</summary>
    public static BackgroundColor Black { get; }

    /// <summary>Reads a color.</summary>
    /// <param name="text">A name of CSS such as <c>White</c>, or the digits of red, green and blue, <c>#ffffff</c>; null for white.</param>
    /// <exception cref="InvalidSettingException">It is no color.</exception>
    public static BackgroundColor Parse(string? text)
    {
        if (text is null)
            return White;
        if (text.Length > LongestName || !Color.TryParse(text.Trim(), out Color color) || color.ToPixel<Rgba32>() is not { A: byte.MaxValue } pixel)
            throw new InvalidSettingException("Background", $"Background is '{PrintableText.Of(text.Length > LongestName ? text[..LongestName] : text)}', which is no color. Give a name such as White, Black or Gray, or the digits of red, green and blue, such as #ffffff.");
        return new BackgroundColor(pixel.R, pixel.G, pixel.B);
    }

    /// <summary>The color as a record has it.</summary>
    /// <returns>The digits of red, green and blue.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"#{R:x2}{G:x2}{B:x2}");
}
