using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Autoencoding;

/// <summary>
/// The encoder of the autoencoder, which converts an image to a latent of an eighth of its width and height.
/// Source: Rombach et al., arXiv 2112.10752, section 3.1.
/// </summary>
internal sealed class VaeEncoder : IDisposable
{
    private const string Parameters = "latent_parameters";
    private const string Sampled = "latent_sample";

    private const string Overflowed = "The VAE encoder overflowed in half precision; encoded in full precision.";

    private readonly OnnxSession _session;
    private readonly FullPrecisionGraph? _full;
    private readonly LatentScaling _scaling;
    private readonly OnnxValueInfo _sample;
    private readonly OnnxValueInfo _output;

    /// <summary>What its graph must have as an input: an image.</summary>
    public static GraphInput RequiredInput { get; } = new("sample", 4);

    internal VaeEncoder(OnnxSession session, LatentScaling scaling, FullPrecisionGraph? full = null)
    {
        _session = session;
        _full = full;
        _scaling = scaling;
        _sample = session.Input(RequiredInput);
        _output = session.Output(Parameters, Sampled);
    }

    /// <summary>
    /// Whether it returns the distribution of the latent. Graphs of older exporters draw a sample from it themselves, which is
    /// different each time, whatever the seed.
    /// </summary>
    public bool GivesDistribution => _output.Name == Parameters;

    /// <summary>Encodes an image.</summary>
    /// <param name="pixels">The image, [1, 3, height, width] in -1..1; height and width are multiples of 8.</param>
    /// <param name="noise">The source of noise to sample with; null uses the mean, which is always the same.</param>
    /// <param name="tiles">The tiles to encode it in; null for the whole at once.</param>
    /// <param name="warning">Receives a warning if half precision overflows and the image is encoded again in full precision; may be null.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>
    /// The latent, scaled for the U-Net, [1, channels, height / 8, width / 8], and the mean of its distribution, unscaled.
    /// </returns>
    /// <exception cref="ModelInvalidException">The graph did not return a latent.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public (Tensor Latent, Tensor Mean) Encode(Tensor pixels, INoiseSource? noise, VaeTiles? tiles = null, Action<string>? warning = null, CancellationToken cancellationToken = default)
    {
        bool hasOverflowed = false;
        Tensor output = tiles?.Encode(pixels, Run) ?? Run(pixels);
        if (hasOverflowed)
            warning?.Invoke(Overflowed);

        LatentDistribution? distribution = GivesDistribution ? LatentDistribution.FromParameters(output) : null;
        Tensor mean = distribution?.Mean ?? output;
        Tensor latent = noise is null || distribution is null ? mean.Clone() : distribution.Sample(noise);
        _scaling.Apply(latent.Span);
        return (latent, mean);

        Tensor Run(Tensor part)
        {
            using OnnxBuffer buffer = new(part, _sample.ElementType);
            Tensor encoded = _session.Run(_output, cancellationToken, (_sample, buffer));
            if (_full is not null && !encoded.IsFinite())
            {
                encoded = _full.Session.Run(_output, cancellationToken, (_sample, buffer));
                hasOverflowed = true;
            }

            _session.CheckShape(encoded, _output, 1, -1, -1, -1);
            int factor = tiles?.Factor ?? Math.Max(1, part.Shape[2] / Math.Max(1, encoded.Shape[2]));
            int channels = GivesDistribution ? encoded.Shape[1] / 2 * 2 : encoded.Shape[1];
            return _session.CheckShape(encoded, _output, 1, channels, part.Shape[2] / factor, part.Shape[3] / factor);
        }
    }

    /// <summary>Gives back the memory of earlier runs, such as one that failed since it took too much.</summary>
    /// <param name="factor">The number of pixels per latent value along each side.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    public void ReleaseMemory(int factor, CancellationToken cancellationToken)
    {
        using OnnxBuffer buffer = new(_sample.ElementType, 1, DiffusionImage.Channels, factor, factor);
        _session.ReleaseMemory(_output, cancellationToken, (_sample, buffer));
    }

    /// <summary>Releases the graph.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _full?.Dispose();
    }
}
