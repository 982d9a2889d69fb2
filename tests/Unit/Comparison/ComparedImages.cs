using StableDiffusion.Images;

namespace StableDiffusion.Tests.Comparison;

/// <summary>Images of 97x141 pixels that are given by formulas, so that another program can draw them too.</summary>
internal static class ComparedImages
{
    private const int Width = 97;
    private const int Height = 141;

    /// <summary>Stripes and arcs.</summary>
    public static DiffusionImage Reference { get; } = Draw(Value);

    /// <summary>The reference with up to 5 more or less in a rectangle, a column to the right, or with half the contrast.</summary>
    public static DiffusionImage Changed(string change) => change switch
    {
        "noise" => Draw(static (x, y, color) => x is >= 10 and < 90 && y is >= 20 and < 130 ? Value(x, y, color) + (((x * 3) + (y * 5) + (color * 7)) % 11) - 5 : Value(x, y, color)),
        "shift" => Draw(static (x, y, color) => Value((x + Width - 1) % Width, y, color)),
        _ => Draw(static (x, y, color) => (Value(x, y, color) / 2) + 40),
    };

    private static int Value(int x, int y, int color) => ((x * 2) + y + (color * 40) + (x * y / 64)) % 256;

    private static DiffusionImage Draw(Func<int, int, int, int> value)
    {
        byte[] pixels = new byte[Width * Height * DiffusionImage.Channels];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)Math.Clamp(value(i / DiffusionImage.Channels % Width, i / DiffusionImage.Channels / Width, i % DiffusionImage.Channels), 0, 255);
        return new DiffusionImage(Width, Height, pixels);
    }
}
