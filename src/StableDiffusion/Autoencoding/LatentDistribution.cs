using StableDiffusion.Noise;
using StableDiffusion.Tensors;

namespace StableDiffusion.Autoencoding;

/// <summary>The encoder's output for an image: a mean and a log variance for each latent value, unscaled.</summary>
/// <param name="Mean">The means, [1, channels, height, width].</param>
/// <param name="LogVariance">The natural logarithms of the variances, in the same shape.</param>
/// <remarks>Kingma and Welling, arXiv 1312.6114; the bounds are those of diffusers' DiagonalGaussianDistribution.</remarks>
internal sealed record LatentDistribution(Tensor Mean, Tensor LogVariance)
{
    private const float LowestLogVariance = -30;
    private const float HighestLogVariance = 20;

    /// <summary>Splits the encoder's output.</summary>
    /// <param name="parameters">Means and log variances on the channel axis, [1, 2 * channels, height, width].</param>
    public static LatentDistribution FromParameters(Tensor parameters)
    {
        int channels = parameters.Shape[1] / 2;
        int length = parameters.Length / 2;
        Tensor mean = new(parameters.Values[..length], 1, channels, parameters.Shape[2], parameters.Shape[3]);
        Tensor logVariance = new(parameters.Values[length..], 1, channels, parameters.Shape[2], parameters.Shape[3]);
        TensorPrimitives.Clamp(logVariance.Span, LowestLogVariance, HighestLogVariance, logVariance.Span);
        return new LatentDistribution(mean, logVariance);
    }

    /// <summary>Draws a latent: mean + exp(log variance / 2) * noise.</summary>
    public Tensor Sample(INoiseSource noise)
    {
        Tensor sample = new([.. Mean.Shape]);
        noise.Fill(sample.Span, 0, 0);
        float[] deviation = new float[sample.Length];
        TensorPrimitives.Multiply(LogVariance.Span, 0.5f, deviation);
        TensorPrimitives.Exp<float>(deviation, deviation);
        TensorPrimitives.MultiplyAdd(sample.Span, deviation, Mean.Span, sample.Span);
        return sample;
    }
}
