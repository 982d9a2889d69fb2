using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>The settings of inpainting, as values.</summary>
internal readonly struct InpaintSettings
{
    private readonly GenerationSettings _settings;

    /// <summary>Reads them from the settings of an image.</summary>
    /// <param name="settings">The settings.</param>
    /// <exception cref="InvalidSettingException">A word is none of its setting's.</exception>
    public InpaintSettings(GenerationSettings settings)
    {
        _settings = settings;
        Mode = EnumSetting.Parse(nameof(settings.InpaintMode), settings.InpaintMode, InpaintMode.Diffusers);
        Fill = EnumSetting.Parse(nameof(settings.MaskFill), settings.MaskFill, MaskFill.Original);
        StrengthRule = EnumSetting.ParseOrNull<StrengthRule>(nameof(settings.StrengthRule), settings.StrengthRule);
    }

    /// <summary>How the kept part is blended in.</summary>
    public InpaintMode Mode { get; }

    /// <summary>What is in the repainted part before noise is added.</summary>
    public MaskFill Fill { get; }

    /// <summary>How many steps a strength stands for; null for the scheduler's own rule.</summary>
    public StrengthRule? StrengthRule { get; }

    /// <summary>Whether only the region around the mask is made.</summary>
    public bool IsMaskedOnly => _settings.MaskedOnly == true;

    /// <summary>The padding of that region in pixels; null if the whole image is made.</summary>
    public int? Padding => IsMaskedOnly ? _settings.MaskPadding ?? MaskRegion.DefaultPadding : null;

    /// <summary>Whether the kept part is pasted back.</summary>
    public bool PastesBack => _settings.NoPasteBack != true;

    /// <summary>Whether A1111's mask of the latent has only 0 and 1.</summary>
    public bool RoundsMask => _settings.NoMaskRounding != true;

    /// <summary>Whether the mask counts twice where the kept part is pasted back: in A1111's mode, so that a blurred edge hides no part of what was repainted.</summary>
    public bool DoublesMask => Mode == InpaintMode.A1111 && !IsMaskedOnly;

    /// <summary>Whether the kept part is pasted back where the denoising changed little, and not by the mask.</summary>
    public bool AdaptsMask => Mode == InpaintMode.Soft;

    /// <summary>The mask inverted and blurred.</summary>
    /// <param name="mask">The mask as it is given; null for none.</param>
    /// <exception cref="ImageInvalidException">It marks nothing to repaint.</exception>
    public MaskImage? Prepare(MaskImage? mask)
    {
        mask = mask?.Prepare(_settings.MaskInvert == true, _settings.MaskBlur ?? 0);
        bool rounds = Mode == InpaintMode.Diffusers || (Mode == InpaintMode.A1111 && RoundsMask);
        int least = rounds && !IsMaskedOnly ? InpaintMask.HalfBrightness : 1;
        if (mask?.Pixels.AsSpan().IndexOfAnyInRange((byte)least, byte.MaxValue) < 0)
            throw new ImageInvalidException($"The mask is {(least == 1 ? "black" : "darker than half")} everywhere, so that there is nothing to repaint. Paint white what is to be repainted, or invert the mask.");
        return mask;
    }

    /// <summary>An image to encode, with the masked part filled if that was asked for.</summary>
    /// <param name="image">The image.</param>
    /// <param name="mask">The prepared mask, of the same size; null for none.</param>
    public DiffusionImage FillImage(DiffusionImage image, MaskImage? mask) =>
        mask is null || Fill == MaskFill.Original || mask.Width != image.Width || mask.Height != image.Height ? image : MaskedContent.Fill(image, mask);

    /// <summary>The latent to start from, with noise or zeros in the masked part if that was asked for.</summary>
    /// <param name="latent">The latent of the image.</param>
    /// <param name="noise">The initial noise of the denoising.</param>
    /// <param name="mask">The mask of the latent.</param>
    public Tensor FillLatent(Tensor latent, Tensor noise, Tensor mask)
    {
        if (Fill is not (MaskFill.Noise or MaskFill.Nothing))
            return latent;

        Tensor filled = latent.Clone();
        for (int i = 0; i < filled.Length; i++)
        {
            float share = mask.Values[i % mask.Length];
            filled.Values[i] = (filled.Values[i] * (1 - share)) + (Fill == MaskFill.Noise ? noise.Values[i] * share : 0);
        }

        return filled;
    }

    /// <summary>The settings of a denoising without those that have no effect if there is no mask.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="hasMask">Whether there is a mask.</param>
    public static GenerationInfo Record(GenerationInfo info, bool hasMask)
    {
        info = hasMask
            ? info with { MaskPadding = info.MaskedOnly == true ? info.MaskPadding ?? MaskRegion.DefaultPadding : null }
            : info with { InpaintMode = null, MaskBlur = null, MaskInvert = null, MaskFill = null, MaskedOnly = null, MaskPadding = null, NoPasteBack = null };
        return SettingTable.Only(info, (row, _) => ModeOf(row.Name) is not InpaintMode mode || info.InpaintMode == mode.ToString());
    }

    /// <summary>The only mode that a setting has an effect in; null if it is none of one mode alone.</summary>
    /// <param name="setting">The name of the setting.</param>
    public static InpaintMode? ModeOf(string setting) => setting switch
    {
        nameof(GenerationSettings.SoftScheduleBias) or nameof(GenerationSettings.SoftPreservationStrength) or nameof(GenerationSettings.SoftContrastBoost)
            or nameof(GenerationSettings.SoftMaskInfluence) or nameof(GenerationSettings.SoftDifferenceThreshold) or nameof(GenerationSettings.SoftDifferenceContrast) => InpaintMode.Soft,
        nameof(GenerationSettings.DifferentialStrength) => InpaintMode.Differential,
        nameof(GenerationSettings.NoMaskRounding) => InpaintMode.A1111,
        _ => null,
    };

    /// <summary>The settings with words as they are written in the enumerations, whatever their case was.</summary>
    /// <param name="info">The settings.</param>
    public GenerationInfo Spell(GenerationInfo info) => info with
    {
        InpaintMode = info.InpaintMode is null ? null : Mode.ToString(),
        MaskFill = info.MaskFill is null ? null : Fill.ToString(),
        StrengthRule = StrengthRule?.ToString(),
    };
}
