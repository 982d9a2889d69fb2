namespace StableDiffusion.Settings;

/// <summary>The stages of inpainting around a denoising, where they are those that its settings stand for.</summary>
internal static class InpaintStages
{
    private const string MaskInput = "MaskImage";

    /// <summary>Removes the stages that crop and fill the image before it is encoded, and crop the mask.</summary>
    /// <param name="denoising">The denoising.</param>
    /// <param name="paste">The stage that pastes the kept part back; null if there is none.</param>
    /// <param name="image">The stages of the encoded image; receives those without these.</param>
    /// <param name="mask">The stages of the mask; receives those without these.</param>
    /// <returns>Whether the whole image was made, and not the region around the mask; null if the stages are not those of the settings.</returns>
    public static bool? Strip(GenerationStage denoising, GenerationStage? paste, ref StageList image, ref StageList? mask)
    {
        bool isWhole = !Is(denoising, nameof(GenerationSettings.MaskedOnly));
        bool fills = denoising.Text(nameof(GenerationSettings.MaskFill)) is not null;
        StageList? used = mask;
        if (fills != image is [.., { Operation: StageOperation.FillMask }] || (fills && !Same(image[^1].Input(MaskInput), used)))
            return null;
        if (fills)
            image = Before(image);
        if (!isWhole)
        {
            if (image is not [.., { Operation: StageOperation.CropToMask } crop] || mask is not [.., { Operation: StageOperation.CropToMask }]
                || crop.Number<int>("Padding") != denoising.Number<int>(nameof(GenerationSettings.MaskPadding)))
                return null;
            (image, mask) = (Before(image), Before(mask));
        }

        bool pastes = mask is not null && !Is(denoising, nameof(GenerationSettings.NoPasteBack));
        if (paste is not null && Is(paste, "AdaptsMask") != (denoising.Text(nameof(GenerationSettings.InpaintMode)) == nameof(InpaintMode.Soft)))
            return null;
        if (pastes != paste is not null || (paste is not null && !(Same(paste.Input("Image"), image) && Same(paste.Input(MaskInput), mask))))
            return null;
        return isWhole;
    }

    /// <summary>The stages of the mask before it was inverted and blurred as the settings of a denoising say.</summary>
    /// <param name="denoising">The denoising.</param>
    /// <param name="mask">The stages of the mask; null for none.</param>
    /// <returns>The stages without these, or all of them if they are not those of the settings.</returns>
    public static StageList? Unprepared(GenerationStage denoising, StageList? mask)
    {
        StageList? left = mask;
        if (denoising.Number<int>(nameof(GenerationSettings.MaskBlur)) is int blur)
        {
            if (left is not [.., { Operation: StageOperation.BlurMask } last] || last.Number<int>("Sigma") != blur)
                return mask;
            left = Before(left);
        }

        if (!Is(denoising, nameof(GenerationSettings.MaskInvert)))
            return left;
        return left is [.., { Operation: StageOperation.InvertMask }] ? Before(left) : mask;
    }

    private static bool Is(GenerationStage stage, string setting) => stage.Settings.GetValueOrDefault(setting) is true;

    private static bool Same(StageList? left, StageList? right) => left?.Output is string output && output == right?.Output;

    private static StageList Before(StageList stages) => new(stages.SkipLast(1));
}
