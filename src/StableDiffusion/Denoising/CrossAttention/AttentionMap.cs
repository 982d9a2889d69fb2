using System.Globalization;
using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising.CrossAttention;

/// <summary>
/// How much each part of an image looked at a word of the prompt: the mean of the probabilities over tokens, steps, layers and
/// heads. Source: Tang et al., arXiv 2210.04885, section 3, who add them up.
/// </summary>
public sealed class AttentionMap
{
    /// <summary>How much a map covers of the image below it, if nothing else is said.</summary>
    public const double DefaultOpacity = 0.6;

    internal AttentionMap(int width, int height, float[] values)
    {
        Width = width;
        Height = height;
        Values = values;
        Mean = TensorPrimitives.Sum<float>(values) / values.Length;
        Maximum = TensorPrimitives.Max<float>(values);
        (CenterX, CenterY) = CenterOf(values, width, height);
    }

    /// <summary>The word, or the words that follow each other.</summary>
    public required string Token { get; init; }

    /// <summary>The indices of its tokens among the vectors of the prompt's embedding, of which 0 is the start.</summary>
    public required IReadOnlyList<int> Positions { get; init; }

    /// <summary>The step, from 1; null for the mean of several.</summary>
    public int? Step => Steps.Count == 1 ? Steps[0] : null;

    /// <summary>The steps that it is the mean of.</summary>
    public required IReadOnlyList<int> Steps { get; init; }

    /// <summary>The name of the layer; null for the mean of several.</summary>
    public string? Layer => Layers.Count == 1 ? Layers[0] : null;

    /// <summary>The names of the layers that it is the mean of.</summary>
    public required IReadOnlyList<string> Layers { get; init; }

    /// <summary>The head, from 0; null for the mean of several.</summary>
    public int? Head { get; init; }

    /// <summary>The width of the map: that of the largest of its layers.</summary>
    public int Width { get; }

    /// <summary>The height of the map.</summary>
    public int Height { get; }

    /// <summary>The probabilities, 0 to 1, row by row from the top left. Layers of fewer pixels were enlarged between their centers (bilinear).</summary>
    public float[] Values { get; }

    /// <summary>The mean of the values.</summary>
    public double Mean { get; }

    /// <summary>The largest of the values.</summary>
    public double Maximum { get; }

    /// <summary>The center of mass from the left: 0 is the left edge, 1 the right one.</summary>
    public double CenterX { get; }

    /// <summary>The center of mass from the top: 0 is the upper edge, 1 the lower one.</summary>
    public double CenterY { get; }

    /// <summary>The width of the image in pixels.</summary>
    public required int ImageWidth { get; init; }

    /// <summary>The height of the image in pixels.</summary>
    public required int ImageHeight { get; init; }

    /// <summary>Draws the map as an image: from dark purple, where the value is the lowest of the map, over red to light yellow. Between the values it is enlarged bicubically.</summary>
    /// <param name="under">The image that the map is laid over, whose size it gets; null for the map alone, in the size of its image.</param>
    /// <param name="opacity">How much the map covers of that image, 0 to 1.</param>
    /// <returns>An image without a record: it is a view of a stage, and none itself.</returns>
    /// <exception cref="InvalidSettingException">The opacity is out of range.</exception>
    public DiffusionImage ToImage(DiffusionImage? under = null, double opacity = DefaultOpacity)
    {
        if (opacity is not (>= 0 and <= 1))
            throw new InvalidSettingException("Opacity", string.Create(CultureInfo.InvariantCulture, $"Opacity is {opacity}, but must be from 0 to 1."));

        int width = under?.Width ?? ImageWidth, height = under?.Height ?? ImageHeight;
        float[] values = LatentResize.Resize(new Tensor(Values, 1, 1, Height, Width), height, width, LatentResizeMode.Bicubic, antialias: false).Values;
        double lowest = TensorPrimitives.Min<float>(Values), range = Maximum - lowest;
        double part = under is null ? 1 : opacity;
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        for (int i = 0; i < values.Length; i++)
        {
            (byte red, byte green, byte blue) = HeatMap.ColorOf(range > 0 ? Math.Clamp((values[i] - lowest) / range, 0, 1) : 0);
            pixels[i * 3] = Blend(red, i * 3);
            pixels[(i * 3) + 1] = Blend(green, (i * 3) + 1);
            pixels[(i * 3) + 2] = Blend(blue, (i * 3) + 2);
        }

        return new DiffusionImage(width, height, pixels);

        byte Blend(byte color, int index) => under is null ? color : (byte)Math.Round((color * part) + (under.Pixels[index] * (1 - part)));
    }

    /// <summary>The map as text.</summary>
    /// <returns>The word and the size.</returns>
    public override string ToString() => PrintableText.Of(string.Create(CultureInfo.InvariantCulture, $"{Token} {Width}x{Height}"));

    private static (double X, double Y) CenterOf(float[] values, int width, int height)
    {
        double sum = 0, x = 0, y = 0;
        for (int i = 0; i < values.Length; i++)
        {
            sum += values[i];
            x += values[i] * ((i % width) + 0.5);
            y += values[i] * ((i / width) + 0.5);
        }

        return sum > 0 ? (x / sum / width, y / sum / height) : (0.5, 0.5);
    }
}
