using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>Draws numbers in levels of gray.</summary>
internal static class GrayImage
{
    /// <summary>Draws numbers, each as a square of pixels.</summary>
    /// <param name="values">The numbers, row by row.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="black">The number that is black; lower ones are black as well.</param>
    /// <param name="white">The number that is white; higher ones are white as well. If it is not above black, all is a middle gray.</param>
    /// <param name="scale">The side of the square, in pixels.</param>
    /// <returns>The image, whose record claims nothing.</returns>
    public static DiffusionImage Of(float[] values, int columns, double black, double white, int scale)
    {
        (int width, int height) = (columns * scale, values.Length / columns * scale);
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        for (int pixel = 0; pixel < width * height; pixel++)
        {
            double value = values[(pixel / width / scale * columns) + (pixel % width / scale)];
            double level = white > black ? (value - black) / (white - black) : 0.5;
            pixels.AsSpan(pixel * DiffusionImage.Channels, DiffusionImage.Channels).Fill((byte)Math.Round(Math.Clamp(level, 0, 1) * byte.MaxValue));
        }

        return new DiffusionImage(width, height, pixels, new GenerationInfo());
    }
}
