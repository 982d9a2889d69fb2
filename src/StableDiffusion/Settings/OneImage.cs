namespace StableDiffusion.Settings;

/// <summary>The last stages of an image where they are those of one request: a prompt or an image, one denoising from its start to its end, and the decoder, all with one model.</summary>
public sealed class OneImage
{
    private static readonly string[] s_shared =
    [
        nameof(GenerationInfo.PromptSyntax), nameof(GenerationInfo.Emphasis), nameof(GenerationInfo.ClipSkip), nameof(GenerationInfo.Lora),
        nameof(GenerationInfo.TextualInversion), nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash),
    ];

    private static readonly string[] s_tiling = [nameof(GenerationInfo.VaeTiling), nameof(GenerationInfo.VaeTileSize)];

    private static readonly string[] s_vae = [nameof(GenerationInfo.Vae), nameof(GenerationInfo.VaeHash), nameof(GenerationInfo.Tiling)];

    /// <summary>The stages before these, which made the image to start from; empty if it started from noise.</summary>
    public required StageList Start { get; init; }

    /// <summary>How the image to start from was resized, or cropped to the region around the mask; null if neither was done.</summary>
    public GenerationStage? Resize { get; private init; }

    /// <summary>The encoded prompt.</summary>
    public required GenerationStage Prompt { get; init; }

    /// <summary>Whether the prompt has a text, as that of a request must.</summary>
    public bool HasText => !string.IsNullOrWhiteSpace(Prompt.Text(nameof(GenerationInfo.Prompt)));

    /// <summary>The encoded negative prompt; null if there was none, or the one that is used if none is given.</summary>
    public GenerationStage? NegativePrompt { get; private init; }

    /// <summary>The denoising.</summary>
    public required GenerationStage Denoising { get; init; }

    /// <summary>The decoding.</summary>
    public required GenerationStage Decoding { get; init; }

    /// <summary>The stages of the mask, before it was resized with the image; null if there was none.</summary>
    public StageList? Mask { get; private init; }

    /// <summary>Finds such stages.</summary>
    /// <param name="stages">The stages of an image.</param>
    /// <returns>The last ones; null if the image was made in another way.</returns>
    public static OneImage? Match(StageList stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        GenerationStage? paste = stages is [.., { Operation: StageOperation.PasteBack }] ? stages[^1] : null;
        if (paste is not null)
            stages = new StageList(stages.SkipLast(1));
        if (stages is not [.., { Operation: StageOperation.Denoise } denoising, { Operation: StageOperation.Decode } decoding]
            || decoding.Settings.ContainsKey("Rounding") || denoising.Settings.ContainsKey("StopStep") || denoising.Settings.ContainsKey("StartStep") || denoising.Settings.ContainsKey("DenoisingStart")
            || denoising.Input("Embedding") is not [{ Operation: StageOperation.EncodePrompt } prompt]
            || !Same(denoising, decoding, nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash))
            || !Same(denoising, decoding, s_vae)
            || (denoising.Settings.ContainsKey(nameof(GenerationInfo.VaeTiling)) && !Same(denoising, decoding, s_tiling))
            || !Same(denoising, prompt, nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash), nameof(GenerationInfo.Lora)))
            return null;

        GenerationStage? negative = null;
        if (NegativeOf(denoising) is StageList list)
        {
            if (list is not [{ Operation: StageOperation.EncodePrompt } encoded] || !Same(prompt, encoded, s_shared))
                return null;
            negative = encoded;
        }

        GenerationStage[] before = [.. stages.SkipLast(2)];
        if (before.Length == 0)
            return denoising.Input("MaskImage") is null && paste is null ? new OneImage { Start = new StageList(), Prompt = prompt, NegativePrompt = negative, Denoising = denoising, Decoding = decoding } : null;
        if (before[^1] is not { Operation: StageOperation.EncodeImage } encoding || !denoising.Settings.ContainsKey(nameof(GenerationInfo.Strength)) && !denoising.Settings.ContainsKey(nameof(GenerationInfo.ImageGuidanceScale))
            || !Same(denoising, encoding, nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash), nameof(GenerationInfo.Seed), nameof(GenerationInfo.RandomSource))
            || !Same(encoding, decoding, s_tiling) || !Same(encoding, decoding, s_vae))
            return null;

        StageList image = new(before[..^1]);
        StageList? mask = denoising.Input("MaskImage");
        GenerationStage? crop = image.LastOrDefault(static stage => stage.Operation == StageOperation.CropToMask);
        if (InpaintStages.Strip(denoising, paste, ref image, ref mask) is not bool isWhole)
            return null;

        if (isWhole && image is [.., { Operation: StageOperation.Resize }] && encoding.Text(nameof(ResizeMode)) is null)
            return null;
        GenerationStage? resize = isWhole && image is [.., { Operation: StageOperation.Resize } resized] && encoding.Text(nameof(ResizeMode)) is not null ? resized : null;
        if (mask is [.., { Operation: StageOperation.Resize } last] && resize is not null && last.ToString() == resize.ToString())
            mask = new StageList(mask.SkipLast(1));
        mask = InpaintStages.Unprepared(denoising, mask);
        return mask is null or [.., { Operation: StageOperation.ToMask }]
            ? new OneImage { Start = resize is null ? image : new StageList(image.SkipLast(1)), Resize = isWhole ? resize : crop, Prompt = prompt, NegativePrompt = negative, Denoising = denoising, Decoding = decoding, Mask = mask }
            : null;
    }

    /// <summary>Finds a setting of the image that its stages contradict. Both are written at once, so that somebody changed one of them.</summary>
    /// <param name="info">The settings of the image.</param>
    /// <returns>The name of the setting; null if there is none.</returns>
    internal string? FindContradiction(GenerationInfo info)
    {
        if (info.Hires is not null)
            return nameof(GenerationInfo.Hires);
        if (Prompt.Text(nameof(GenerationInfo.Prompt)) != (info.Prompt ?? string.Empty))
            return nameof(GenerationInfo.Prompt);
        if ((NegativePrompt?.Text(nameof(GenerationInfo.Prompt)) ?? string.Empty) != (info.NegativePrompt ?? string.Empty))
            return nameof(GenerationInfo.NegativePrompt);

        GenerationInfo denoised = Denoising.To<GenerationInfo>();
        return SettingTable.Rows.FirstOrDefault(row => row.Get(denoised) is object said && row.Get(info) is object given && !said.Equals(given))?.Name;
    }

    /// <summary>The stages of the negative prompt of a denoising.</summary>
    /// <param name="denoising">The denoising.</param>
    /// <returns>The stages; null if there was none, or the one that is used if none is given: the empty one, encoded as the prompt is.</returns>
    public static StageList? NegativeOf(GenerationStage denoising)
    {
        ArgumentNullException.ThrowIfNull(denoising);
        StageList? negative = denoising.Input("NegativeEmbedding");
        return negative is [{ Operation: StageOperation.EncodePrompt } encoded] && encoded.Text(nameof(GenerationInfo.Prompt)) is ""
            && denoising.Input("Embedding") is [GenerationStage prompt] && Same(prompt, encoded, s_shared)
            ? null
            : negative;
    }

    private static bool Same(GenerationStage left, GenerationStage right, params ReadOnlySpan<string> settings)
    {
        foreach (string setting in settings)
        {
            if (!Equals(left.Settings.GetValueOrDefault(setting), right.Settings.GetValueOrDefault(setting)))
                return false;
        }

        return true;
    }
}
