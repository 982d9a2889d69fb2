using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// Inpainting with a U-Net that was not trained for it: after each step, the part to keep is restored, with the noise of the
/// next step's level. Source: diffusers' StableDiffusionInpaintPipeline for U-Nets of four channels.
/// </summary>
internal sealed class Inpainting
{
    private readonly Tensor _original;
    private readonly Tensor _noise;
    private readonly Tensor _mask;
    private readonly float[] _kept;

    /// <summary>Initializes the inpainting for one denoising.</summary>
    /// <param name="original">The clean latent of the given image, [1, channels, height, width].</param>
    /// <param name="noise">The initial noise of the denoising, of the same shape.</param>
    /// <param name="mask">1 where the image is repainted and 0 where it is kept, [1, 1, height, width].</param>
    public Inpainting(Tensor original, Tensor noise, Tensor mask)
    {
        _original = original;
        _noise = noise;
        _mask = mask;
        _kept = new float[original.Length];
    }

    /// <summary>Restores the part to keep.</summary>
    /// <param name="sample">The sample after a call.</param>
    /// <param name="scheduler">The scheduler that made the call.</param>
    /// <param name="nextCall">The next call, or the number of calls after the last one.</param>
    public void Restore(Span<float> sample, Scheduler scheduler, int nextCall)
    {
        if (nextCall < scheduler.Timesteps.Count)
            scheduler.AddNoise(_original.Span, _noise.Span, nextCall, _kept);
        else
            _original.Span.CopyTo(_kept);

        for (int start = 0; start < sample.Length; start += _mask.Length)
        {
            Span<float> channel = sample.Slice(start, _mask.Length);
            TensorPrimitives.Lerp(_kept.AsSpan(start, _mask.Length), channel, _mask.Span, channel);
        }
    }

    /// <summary>Writes it.</summary>
    /// <param name="writer">Receives its tensors.</param>
    public void Write(StateWriter writer)
    {
        writer.Add("original", _original);
        writer.Add("noise", _noise);
        writer.Add("mask", _mask);
    }

    /// <summary>Reads one back.</summary>
    /// <param name="reader">Has what <see cref="Write"/> wrote.</param>
    /// <param name="sample">The sample of the denoising.</param>
    /// <exception cref="ModelInvalidException">A tensor is missing, or does not fit the sample.</exception>
    public static Inpainting Read(StateReader reader, Tensor sample) => new(
        reader.Tensor("original", [.. sample.Shape]),
        reader.Tensor("noise", [.. sample.Shape]),
        reader.Tensor("mask", 1, 1, sample.Shape[2], sample.Shape[3]));

    /// <summary>Returns a copy with its own working memory, for another run.</summary>
    public Inpainting Copy() => new(_original, _noise, _mask);
}
