using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Running;
using StableDiffusion.Settings;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>Records the stages of a pipeline.</summary>
internal static class StageRecord
{
    // What belongs to the embeddings and to the start image is recorded with these.
    private static readonly HashSet<string> s_ofInputs = new(StringComparer.Ordinal)
    {
        nameof(GenerationInfo.Prompt), nameof(GenerationInfo.NegativePrompt), nameof(GenerationInfo.PromptSyntax), nameof(GenerationInfo.Emphasis),
        nameof(GenerationInfo.ClipSkip), nameof(GenerationInfo.TextualInversion), nameof(GenerationInfo.ResizeMode), nameof(GenerationInfo.Background), nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash),
        nameof(GenerationInfo.Refiner), nameof(GenerationInfo.RefinerSwitchAt), nameof(GenerationInfo.RefinerSwitchBySteps), nameof(GenerationInfo.RefinerMode),
    };

    private static readonly string[] s_ofBeginning =
    [
        nameof(GenerationInfo.Strength), nameof(GenerationInfo.StrengthRule), nameof(GenerationInfo.InpaintMode), nameof(GenerationInfo.MaskBlur), nameof(GenerationInfo.MaskInvert),
        nameof(GenerationInfo.MaskFill), nameof(GenerationInfo.MaskedOnly), nameof(GenerationInfo.MaskPadding), nameof(GenerationInfo.NoPasteBack),
        .. SettingTable.Rows.Select(static row => row.Name).Where(static name => InpaintSettings.ModeOf(name) is not null),
    ];

    /// <summary>The stages of an encoded prompt.</summary>
    public static StageList OfPrompt(DiffusionModel model, TextEmbedding embedding)
    {
        GenerationInfo info = AdapterRecord.Add(OfEmbedding(embedding), model.Adapters, embedding, negative: null);
        return new StageList().Append(new GenerationStage
        {
            Operation = StageOperation.EncodePrompt,
            Settings = SettingsOf(model, SettingTable.WithoutDefaults(info), static _ => true),
            Output = StageList.Hash(embedding.Values),
            Made = StageMaker.Of(model.Device),
        });
    }

    /// <summary>The settings of an embedding.</summary>
    public static GenerationInfo OfEmbedding(TextEmbedding embedding) => new()
    {
        Prompt = embedding.Prompt,
        PromptSyntax = embedding.PromptSyntax.ToString(),
        Emphasis = embedding.PromptSyntax == Prompts.PromptSyntax.A1111 ? embedding.Emphasis.ToString() : null,
        ClipSkip = embedding.ClipSkip,
    };

    /// <summary>The stages of an encoded image.</summary>
    public static StageList OfImage(DiffusionModel model, DiffusionImage image, GenerationInfo info, Tensors.Tensor latent) => image.Origin().Append(new GenerationStage
    {
        Operation = StageOperation.EncodeImage,
        Settings = SettingsOf(model, info, static row => row.Name is nameof(GenerationInfo.Seed) or nameof(GenerationInfo.RandomSource) or nameof(GenerationInfo.ResizeMode) || IsOfVae(row)),
        Output = StageList.Hash<float>(latent.Span),
        Made = StageMaker.Of(model.Device),
    });

    /// <summary>The stage of a denoising, without the hash of its result and the step where it stopped.</summary>
    /// <param name="model">The model.</param>
    /// <param name="info">The settings of the result.</param>
    /// <param name="options">The options that were given.</param>
    /// <param name="start">The latent to start from; null for noise.</param>
    /// <param name="embedding">The embedding of the prompt.</param>
    /// <param name="negative">The embedding of the negative prompt; null if none was used, or zeros.</param>
    public static GenerationStage OfDenoising(DiffusionModel model, GenerationInfo info, DenoiseOptions options, Latent? start, TextEmbedding embedding, TextEmbedding? negative)
    {
        bool goesOn = start?.State is not null && options.DenoisingStart is null;
        OrderedDictionary<string, object> settings = SettingsOf(model, info, row => !s_ofInputs.Contains(row.Name) && !(goesOn && row.IsOfStart) && !(start is not null && row.Name is nameof(GenerationInfo.Width) or nameof(GenerationInfo.Height)));
        if (!goesOn && start is not null && options.StartStep is int startStep)
            settings.Insert(0, nameof(options.StartStep), (long)startStep);
        if (options.DenoisingStart is double denoisingStart)
        {
            // These belong to the stage that it goes on with.
            foreach (string name in s_ofBeginning)
                settings.Remove(name);
            settings.Insert(0, nameof(options.DenoisingStart), denoisingStart);
        }

        if (info.ControlNets is { Count: > 0 } nets)
        {
            settings["ControlNet"] = nets.Select(static net => net.Name).ToArray();
            settings["ControlHash"] = nets.Select(static net => net.Hash ?? string.Empty).ToArray();
            settings["ControlPreprocessor"] = nets.Select(static net => net.Preprocessor).ToArray();
            settings["ControlScale"] = nets.Select(static net => net.Scale).ToArray();
            settings["ControlStart"] = nets.Select(static net => net.Start).ToArray();
            settings["ControlEnd"] = nets.Select(static net => net.End).ToArray();
        }

        OrderedDictionary<string, IReadOnlyList<StageList>> inputs = new(StringComparer.Ordinal) { ["Embedding"] = [embedding.Origin()] };
        if (negative is not null)
            inputs["NegativeEmbedding"] = [negative.Origin()];
        if (options.Mask is not null)
            inputs["MaskImage"] = [options.Mask.Origin()];
        if (options.Controls.Count > 0)
            inputs["ControlImage"] = [.. options.Controls.Select(static control => control.Image.Origin())];
        return new GenerationStage { Operation = StageOperation.Denoise, Settings = settings, Inputs = inputs, Made = StageMaker.Of(model.Device) };
    }

    /// <summary>Completes the stage of a denoising.</summary>
    /// <param name="stages">The stages before it.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="made">What it ran on.</param>
    /// <param name="latent">The result.</param>
    /// <param name="stopStep">The step where it stopped; null at the end.</param>
    public static StageList Complete(StageList stages, GenerationStage stage, StageMaker? made, Tensors.Tensor latent, int? stopStep)
    {
        OrderedDictionary<string, object> settings = new(stage.Settings, StringComparer.Ordinal);
        if (stopStep is int step)
            settings[nameof(DenoiseOptions.StopStep)] = (long)step;
        return stages.Append(new GenerationStage { Operation = stage.Operation, Settings = settings, Inputs = stage.Inputs, Output = StageList.Hash<float>(latent.Span), Made = made });
    }

    /// <summary>The stages of a decoded latent.</summary>
    public static StageList OfDecoding(DiffusionModel model, GenerationInfo info, StageList latent, byte[] pixels, ByteRounding rounding)
    {
        OrderedDictionary<string, object> settings = SettingsOf(model, info, IsOfVae);
        if (rounding != ByteRounding.Nearest)
            settings["Rounding"] = rounding.ToString();
        return latent.Append(new GenerationStage { Operation = StageOperation.Decode, Settings = settings, Output = StageList.Hash<byte>(pixels), Made = StageMaker.Of(model.Device) });
    }

    private static bool IsOfVae(Setting row) => row.Name is nameof(GenerationInfo.Vae) or nameof(GenerationInfo.VaeHash) or nameof(GenerationInfo.VaeTiling) or nameof(GenerationInfo.VaeTileSize) or nameof(GenerationInfo.Tiling);

    /// <summary>The settings of a stage: those of a record that a rule chooses, and the model that the stage used.</summary>
    private static OrderedDictionary<string, object> SettingsOf(DiffusionModel model, GenerationInfo info, Func<Setting, bool> isOfStage)
    {
        OrderedDictionary<string, object> settings = new(StringComparer.Ordinal);
        foreach (Setting row in SettingTable.Rows.Where(isOfStage))
        {
            if (row.Get(info) is object value)
                settings[row.Name] = value is int number ? (long)number : value;
        }

        Add(nameof(info.LoraHashes), settings.ContainsKey(nameof(info.Lora)) ? info.LoraHashes : null);
        Add(nameof(info.TextualInversionHashes), settings.ContainsKey(nameof(info.TextualInversion)) ? info.TextualInversionHashes : null);
        Add(nameof(info.Model), model.Info.Name);
        Add(nameof(info.ModelHash), model.Info.Hash);
        return settings;

        void Add(string name, string? value)
        {
            if (value is not null)
                settings[name] = value;
        }
    }
}
