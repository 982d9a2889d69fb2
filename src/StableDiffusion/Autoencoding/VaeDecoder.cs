using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Checks;
using StableDiffusion.Tensors;

namespace StableDiffusion.Autoencoding;

/// <summary>
/// The decoder of the autoencoder, which converts a latent to an image. Source: Rombach et al., arXiv 2112.10752, section 3.1.
/// </summary>
internal sealed class VaeDecoder : IDisposable
{
    private const string Overflowed = "The VAE decoder overflowed in half precision; decoded in full precision.";

    private readonly OnnxSession _session;
    private readonly FullPrecisionGraph? _full;
    private readonly LatentScaling _scaling;
    private readonly int _factor;
    private readonly OnnxValueInfo _latent;
    private readonly OnnxValueInfo _sample;

    /// <summary>What its graph must have as an input: a latent.</summary>
    public static GraphInput RequiredInput { get; } = new("latent_sample", 4);

    /// <summary>Finds what it needs in a graph.</summary>
    /// <param name="session">The graph.</param>
    /// <param name="scaling">How latents are scaled for the U-Net.</param>
    /// <param name="factor">The number of image pixels for each cell, along a side.</param>
    /// <param name="full">The graph in full precision, for latents with which the other one overflows; null if it is in full precision itself.</param>
    internal VaeDecoder(OnnxSession session, LatentScaling scaling, int factor, FullPrecisionGraph? full = null)
    {
        _factor = factor;
        _session = session;
        _full = full;
        _scaling = scaling;
        _latent = session.Input(RequiredInput);
        _sample = session.Output("sample");
    }

    /// <summary>Decodes a latent.</summary>
    /// <param name="latent">The latent, scaled for the U-Net, [1, channels, height, width].</param>
    /// <param name="tiles">The tiles to decode it in; null for the whole at once.</param>
    /// <param name="warning">Receives a warning if half precision overflows and the latent is decoded again in full precision; may be null.</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <returns>The image, [1, 3, height * 8, width * 8], about -1..1.</returns>
    /// <exception cref="ShapeMismatchException">The latent does not have the number of channels that the decoder needs.</exception>
    /// <exception cref="ModelInvalidException">The graph did not return an image.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the image has values that are not finite.</exception>
    public Tensor Decode(Tensor latent, VaeTiles? tiles = null, Action<string>? warning = null, CancellationToken cancellationToken = default)
    {
        int channels = _latent.Dimensions[1];
        if (!latent.HasShape(1, channels, -1, -1))
            throw new ShapeMismatchException($"The decoder needs a latent of the shape [1, {channels}, height, width], not {latent}. Make the latent with the same model.") { Remedy = Remedy.MakeLatent };

        Tensor unscaled = new([.. latent.Shape]);
        _scaling.Remove(latent.Span, unscaled.Span);
        bool hasOverflowed = false;
        Tensor pixels = tiles?.Decode(unscaled, Run) ?? Run(unscaled);
        if (hasOverflowed)
            warning?.Invoke(Overflowed);
        if (!pixels.IsFinite())
            throw new InferenceException("The decoder returned values that are not finite. Its weights are damaged, or too large for half precision.");
        return pixels;

        Tensor Run(Tensor part)
        {
            using OnnxBuffer buffer = new(part, _latent.ElementType);
            Tensor decoded = _session.Run(_sample, cancellationToken, (_latent, buffer));
            if (_full is not null && !decoded.IsFinite())
            {
                decoded = _full.Session.Run(_sample, cancellationToken, (_latent, buffer));
                hasOverflowed = true;
            }

            return _session.CheckShape(decoded, _sample, 1, DiffusionImage.Channels, part.Shape[2] * _factor, part.Shape[3] * _factor);
        }
    }

    /// <summary>Gives back the memory of earlier runs, such as one that failed since it took too much.</summary>
    /// <param name="cancellationToken">Cancels it.</param>
    public void ReleaseMemory(CancellationToken cancellationToken)
    {
        using OnnxBuffer buffer = new(_latent.ElementType, 1, _latent.Dimensions[1], 1, 1);
        _session.ReleaseMemory(_sample, cancellationToken, (_latent, buffer));
    }

    /// <summary>Releases the graph.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _full?.Dispose();
    }
}
