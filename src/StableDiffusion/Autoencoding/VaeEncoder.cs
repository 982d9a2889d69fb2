using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Tensors;

namespace StableDiffusion.Autoencoding;

/// <summary>
/// The way in of the autoencoder: compresses a picture into a latent of an eighth of its width and height.
/// Source: Rombach et al., arXiv 2112.10752, section 3.1.
/// </summary>
public sealed class VaeEncoder : IDisposable
{
    private readonly OnnxSession _session;
    private readonly LatentScaling _scaling;
    private readonly OnnxValueInfo _sample;
    private readonly OnnxValueInfo _parameters;

    internal VaeEncoder(OnnxSession session, LatentScaling scaling)
    {
        _session = session;
        _scaling = scaling;
        _sample = session.Input("sample");
        _parameters = session.Output("latent_parameters");
    }

    /// <summary>Encodes a picture.</summary>
    /// <param name="pixels">The picture, [1, 3, height, width] in -1..1; height and width are multiples of 8.</param>
    /// <param name="noise">Where to sample from; null takes the mean, which is the same at every time.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <returns>The latent in the U-Net's space, [1, channels, height / 8, width / 8].</returns>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public Tensor Encode(Tensor pixels, INoiseSource? noise, CancellationToken cancellationToken = default)
    {
        LatentDistribution distribution = Describe(pixels, cancellationToken);
        Tensor latent = noise is null ? distribution.Mean : distribution.Sample(noise);
        _scaling.Apply(latent.Span);
        return latent;
    }

    /// <summary>Frees the graph.</summary>
    public void Dispose() => _session.Dispose();

    internal LatentDistribution Describe(Tensor pixels, CancellationToken cancellationToken)
    {
        using OnnxBuffer buffer = new(pixels, _sample.ElementType);
        return LatentDistribution.FromParameters(_session.Run(_parameters, cancellationToken, (_sample, buffer)));
    }
}
