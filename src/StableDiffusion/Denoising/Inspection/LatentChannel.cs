using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Denoising.Inspection;

/// <summary>One channel of a latent, as numbers and as an image in levels of gray.</summary>
public sealed class LatentChannel
{
    private const int MostScale = 64;
    private const long MostPixels = 64L << 20;

    private readonly float[] _values;

    private LatentChannel(Latent latent, int channel, double? black, double? white, int scale)
    {
        int length = latent.Tensor.Shape[2] * latent.Tensor.Shape[3];
        (Latent, Channel, _values) = (latent, channel, latent.Tensor.Span.Slice(channel * length, length).ToArray());
        (Minimum, Maximum) = (TensorPrimitives.Min<float>(_values), TensorPrimitives.Max<float>(_values));
        Mean = _values.Average(static value => (double)value);
        StandardDeviation = Math.Sqrt(_values.Average(value => (value - Mean) * (value - Mean)));
        (Black, White) = ((float)(black ?? Minimum), (float)(white ?? Maximum));
        Image = GrayImage.Of(_values, Columns, Black, White, scale);
    }

    /// <summary>The latent that it is a channel of.</summary>
    public Latent Latent { get; }

    /// <summary>The index of the channel, from 0.</summary>
    public int Channel { get; }

    /// <summary>The number of rows.</summary>
    public int Rows => Latent.Tensor.Shape[2];

    /// <summary>The number of columns.</summary>
    public int Columns => Latent.Tensor.Shape[3];

    /// <summary>The values, row by row; a copy.</summary>
    public IReadOnlyList<float> Values => _values;

    /// <summary>The mean of the values.</summary>
    public double Mean { get; }

    /// <summary>The standard deviation of the values, over their number.</summary>
    public double StandardDeviation { get; }

    /// <summary>The lowest value.</summary>
    public float Minimum { get; }

    /// <summary>The highest value.</summary>
    public float Maximum { get; }

    /// <summary>The value that is black in the image; lower ones are black as well.</summary>
    public float Black { get; }

    /// <summary>The value that is white in the image; higher ones are white as well.</summary>
    public float White { get; }

    /// <summary>The channel in levels of gray, each value a square of pixels. It has no prompt and no settings: it is not what the model made.</summary>
    public DiffusionImage Image { get; }

    /// <summary>Splits a latent into its channels.</summary>
    /// <param name="latent">The latent.</param>
    /// <param name="black">The value that is black; null for the lowest one of each channel.</param>
    /// <param name="white">The value that is white; null for the highest one of each channel.</param>
    /// <param name="scale">The side of the square of pixels for each value, 1 to 64.</param>
    /// <returns>The channels.</returns>
    /// <exception cref="InvalidSettingException">The scale is out of range, or white is not above black.</exception>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    public static IReadOnlyList<LatentChannel> Split(Latent latent, double? black = null, double? white = null, int scale = 8)
    {
        ArgumentNullException.ThrowIfNull(latent);
        Setting.CheckRange("Scale", scale, 1, MostScale);
        foreach ((string name, double? value) in new[] { ("Minimum", black), ("Maximum", white) })
        {
            if (value is not null)
                Setting.CheckRange(name, value, -Tensors.Tensor.LargestValue, Tensors.Tensor.LargestValue);
        }

        if (black >= white)
            throw new InvalidSettingException("Maximum", $"The value for white, {white}, must be above {black}, that for black.");
        latent.CheckFinite();
        (long width, long height) = ((long)latent.Tensor.Shape[3] * scale, (long)latent.Tensor.Shape[2] * scale);
        if (width * height > MostPixels)
            throw new InvalidSettingException("Scale", $"With a scale of {scale}, the image of a channel would have {width}x{height} pixels, more than {MostPixels >> 20} megapixels. Give a lower one.");
        return [.. Enumerable.Range(0, latent.Tensor.Shape[1]).Select(channel => new LatentChannel(latent, channel, black, white, scale))];
    }

    /// <summary>The channel as text.</summary>
    /// <returns>Its number and its statistics.</returns>
    public override string ToString() => $"channel {Channel}: {Mean:F2} ± {StandardDeviation:F2}, {Minimum:F2} to {Maximum:F2}";
}
