using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// Inpainting with a U-Net that knows nothing of masks: after each step, what is to be kept is put back, noised to
/// the level of the next step. Source: diffusers' StableDiffusionInpaintPipeline for U-Nets of four channels.
/// </summary>
internal sealed class Inpainting
{
    private readonly Tensor _original;
    private readonly Tensor _noise;
    private readonly Tensor _mask;
    private readonly float[] _kept;

    /// <summary>Makes it for one denoising.</summary>
    /// <param name="original">The given picture's clean latent, [1, channels, height, width].</param>
    /// <param name="noise">The noise that the denoising began with, in the same shape.</param>
    /// <param name="mask">1 where the picture is painted anew and 0 where it is kept, [1, 1, height, width].</param>
    public Inpainting(Tensor original, Tensor noise, Tensor mask)
    {
        _original = original;
        _noise = noise;
        _mask = mask;
        _kept = new float[original.Length];
    }

    /// <summary>Puts back what is to be kept.</summary>
    /// <param name="sample">The sample after a call.</param>
    /// <param name="scheduler">The scheduler that made the call.</param>
    /// <param name="nextCall">The call that comes next; the count of calls after the last one.</param>
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

    /// <summary>The same over working memory of its own, for another run.</summary>
    public Inpainting Copy() => new(_original, _noise, _mask);
}
