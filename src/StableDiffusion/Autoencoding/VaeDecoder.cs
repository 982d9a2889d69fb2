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
    private readonly OnnxValueInfo _latent;
    private readonly OnnxValueInfo _sample;

    /// <summary>What its graph must have as an input: a latent.</summary>
    public static GraphInput RequiredInput { get; } = new("latent_sample", 4);

    internal VaeDecoder(OnnxSession session, LatentScaling scaling, FullPrecisionGraph? full = null)
    {
        _session = session;
        _full = full;
        _scaling = scaling;
        _latent = session.Input(RequiredInput);
        _sample = session.Output("sample");
    }

    /// <summary>Decodes a latent.</summary>
    /// <param name="latent">The latent, scaled for the U-Net, [1, channels, height, width].</param>
    /// <param name="cancellationToken">Cancels the run.</param>
    /// <param name="warning">Receives a warning if half precision overflows and the latent is decoded again in full precision; may be null.</param>
    /// <returns>The image, [1, 3, height * 8, width * 8], about -1..1.</returns>
    /// <exception cref="ShapeMismatchException">The latent does not have the number of channels that the decoder needs.</exception>
    /// <exception cref="ModelInvalidException">The graph did not return an image.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the image has values that are not finite.</exception>
    public Tensor Decode(Tensor latent, CancellationToken cancellationToken = default, Action<string>? warning = null)
    {
        int channels = _latent.Dimensions[1];
        if (!latent.HasShape(1, channels, -1, -1))
            throw new ShapeMismatchException($"The decoder needs a latent of the shape [1, {channels}, height, width], not {latent}. Make the latent with the same model.") { Remedy = Remedy.MakeLatent };

        Tensor unscaled = new([.. latent.Shape]);
        _scaling.Remove(latent.Span, unscaled.Span);
        using OnnxBuffer buffer = new(unscaled, _latent.ElementType);
        Tensor pixels = _session.Run(_sample, cancellationToken, (_latent, buffer));
        if (_full is not null && !pixels.IsFinite())
        {
            pixels = _full.Session.Run(_sample, cancellationToken, (_latent, buffer));
            warning?.Invoke(Overflowed);
        }

        _session.CheckShape(pixels, _sample, 1, DiffusionImage.Channels, -1, -1);
        int factor = Math.Max(1, pixels.Shape[2] / latent.Shape[2]);
        _session.CheckShape(pixels, _sample, 1, DiffusionImage.Channels, latent.Shape[2] * factor, latent.Shape[3] * factor);
        if (!pixels.IsFinite())
            throw new InferenceException("The decoder returned values that are not finite. Its weights are damaged, or too large for half precision.");
        return pixels;
    }

    /// <summary>Releases the graph.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _full?.Dispose();
    }
}
