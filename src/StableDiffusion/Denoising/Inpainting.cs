using StableDiffusion.Denoising.Masks;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// Inpainting in the latent space: in every call, the part of the image to keep is blended into the sample or into the clean
/// prediction, by one of the rules of <see cref="InpaintMode"/>.
/// </summary>
internal sealed class Inpainting
{
    private readonly Tensor _original;
    private readonly Tensor _noise;
    private readonly Tensor _mask;
    private readonly GenerationSettings _settings;
    private readonly InpaintMode _mode;
    private readonly SoftInpainting _soft;

    // The image with the noise of a level; the clean prediction; the mask of a call; the sample that the U-Net sees.
    private readonly float[] _kept;
    private readonly float[] _clean;
    private readonly float[] _shares;
    private float[]? _seen;

    /// <summary>Initializes the inpainting for one denoising.</summary>
    /// <param name="original">The clean latent of the given image, [1, channels, height, width].</param>
    /// <param name="noise">The initial noise of the denoising, of the same shape.</param>
    /// <param name="mask">1 where the image is repainted and 0 where it is kept, [1, 1, height, width]; values between them mean what the mode says.</param>
    /// <param name="settings">The settings, with the rule of the blending.</param>
    public Inpainting(Tensor original, Tensor noise, Tensor mask, GenerationSettings settings)
    {
        (_original, _noise, _mask, _settings) = (original, noise, mask, settings);
        _mode = EnumSetting.Parse(nameof(settings.InpaintMode), settings.InpaintMode, InpaintMode.Diffusers);
        _soft = SoftInpainting.From(settings);
        _kept = new float[original.Length];
        _clean = _mode == InpaintMode.Diffusers ? [] : new float[original.Length];
        _shares = _mode == InpaintMode.Diffusers ? [] : new float[mask.Length];
    }

    /// <summary>What soft inpainting finds the mask with by which the image is pasted back; null in the other modes.</summary>
    public AdaptiveMask? Overlay => _mode == InpaintMode.Soft ? new AdaptiveMask(_original, _mask, _soft) : null;

    private bool BlendsInput(Scheduler scheduler) => _mode == InpaintMode.A1111 && scheduler.BlendsInput;

    // In ComfyUI's rules the U-Net sees the kept part with the noise of the call.
    private bool RenewsNoise => _mode is InpaintMode.ComfyUI or InpaintMode.Differential;

    /// <summary>The sample that the U-Net sees in a call.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="scheduler">The scheduler.</param>
    /// <param name="call">The call.</param>
    /// <param name="firstCall">The call that the denoising started with.</param>
    /// <returns>The sample itself; by ComfyUI's rules, one in which the part that is still kept has the noise of the call; or for A1111's DDIM, one in which it has none.</returns>
    public ReadOnlySpan<float> Begin(ReadOnlySpan<float> sample, Scheduler scheduler, int call, int firstCall)
    {
        if (BlendsInput(scheduler))
        {
            _seen ??= new float[sample.Length];
            sample.CopyTo(_seen);
            Mix(_original.Span, _seen, _mask.Span);
            return _seen;
        }

        if (!RenewsNoise)
            return sample;

        _seen ??= new float[sample.Length];
        if (_mode == InpaintMode.ComfyUI)
            _mask.Span.CopyTo(_shares);
        else
            Threshold(scheduler, call, firstCall);
        scheduler.AddNoise(_original.Span, _noise.Span, call, _kept);
        sample.CopyTo(_seen);
        Mix(_kept, _seen, _shares);
        return _seen;
    }

    /// <summary>The shares of differential diffusion: those whose gray value has been reached are repainted.</summary>
    private void Threshold(Scheduler scheduler, int call, int firstCall)
    {
        // The threshold falls from 1 at the first timestep to 0 at the last one.
        (float first, float last) = (scheduler.Timesteps[firstCall], scheduler.Timesteps[^1]);
        float threshold = first == last ? 0 : (scheduler.Timesteps[call] - last) / (first - last);
        float strength = (float)(_settings.DifferentialStrength ?? 1);
        for (int i = 0; i < _shares.Length; i++)
            _shares[i] = (_mask.Values[i] >= threshold ? strength : 0) + ((1 - strength) * _mask.Values[i]);
    }

    /// <summary>Blends the clean prediction with the image.</summary>
    /// <param name="prediction">The prediction of a call, after guidance.</param>
    /// <param name="sample">The sample before the call.</param>
    /// <param name="scheduler">The scheduler, which has not made the call's step yet.</param>
    /// <param name="call">The call.</param>
    /// <returns>The prediction from which the scheduler computes the blended clean sample.</returns>
    public ReadOnlySpan<float> Blend(ReadOnlySpan<float> prediction, ReadOnlySpan<float> sample, Scheduler scheduler, int call)
    {
        if (_mode == InpaintMode.Diffusers || BlendsInput(scheduler))
            return prediction;

        CallLevel level = scheduler.LevelAt(call);
        VectorMath.Combine(_clean, RenewsNoise ? _seen! : sample, level.Clean.Sample, prediction, level.Clean.Output);
        if (_mode == InpaintMode.Soft)
        {
            _soft.Modify(_mask.Span, level.Sigma, _shares);
            _soft.Blend(_original.Span, _clean, _shares);
        }
        else
        {
            Mix(_original.Span, _clean, _mode == InpaintMode.A1111 ? _mask.Span : _shares);
        }

        VectorMath.Combine(_clean, 1 / level.Clean.Output, sample, -level.Clean.Sample / level.Clean.Output);
        return _clean;
    }

    /// <summary>Restores the part to keep after a step: in diffusers' rule after each, in A1111's after the last one.</summary>
    /// <param name="sample">The sample after a call.</param>
    /// <param name="scheduler">The scheduler that made the call.</param>
    /// <param name="nextCall">The next call, or the number of calls after the last one.</param>
    public void Restore(Span<float> sample, Scheduler scheduler, int nextCall)
    {
        bool isLast = nextCall >= scheduler.Timesteps.Count;
        if (_mode != InpaintMode.Diffusers && !(isLast && _mode == InpaintMode.A1111))
            return;

        if (isLast)
            _original.Span.CopyTo(_kept);
        else
            scheduler.AddNoise(_original.Span, _noise.Span, nextCall, _kept);
        Mix(_kept, sample, _mask.Span);
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
    /// <param name="settings">The settings of the image.</param>
    /// <exception cref="ModelInvalidException">A tensor is missing, or does not fit the sample.</exception>
    public static Inpainting Read(StateReader reader, Tensor sample, GenerationSettings settings) => new(
        reader.Tensor("original", [.. sample.Shape]),
        reader.Tensor("noise", [.. sample.Shape]),
        reader.Tensor("mask", 1, 1, sample.Shape[2], sample.Shape[3]),
        settings);

    /// <summary>Returns a copy with its own working memory, for another run.</summary>
    public Inpainting Copy() => new(_original, _noise, _mask, _settings);

    /// <summary>Sets the values to those of the image where the mask is 0, channel by channel.</summary>
    private static void Mix(ReadOnlySpan<float> kept, Span<float> values, ReadOnlySpan<float> mask)
    {
        for (int start = 0; start < values.Length; start += mask.Length)
        {
            Span<float> channel = values.Slice(start, mask.Length);
            TensorPrimitives.Lerp(kept.Slice(start, mask.Length), channel, mask, channel);
        }
    }
}
