using System.Text.Json.Nodes;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Families;

/// <summary>
/// A whole model in a single file in the layout of the latent diffusion code (Stable Diffusion 1.x and 2.x) or of
/// Stability AI's <c>generative-models</c> (XL), as a diffusers folder would hold it. Nothing is copied: the weights
/// are read from the file when they are asked for.
/// </summary>
internal sealed class Checkpoint
{
    private const string ClipPrefix = "cond_stage_model.transformer.";
    private const string OpenClipPrefix = "cond_stage_model.model.";
    private const string FirstClipPrefix = "conditioner.embedders.0.transformer.";
    private const string FirstOpenClipPrefix = "conditioner.embedders.0.model.";
    private const string SecondOpenClipPrefix = "conditioner.embedders.1.model.";

    // An empty tensor of this name marks models that were trained down to a signal of zero.
    private const string ZeroSnrMark = "ztsnr";

    private Checkpoint(ITensorFile file, CheckpointReader reader, bool preferEma, string? predictionType)
    {
        Family = FindFamily(file, reader) ?? throw OtherFiles.NoModel(file);
        MappedWeights unet = reader.ReadUNet(preferEma) ?? throw OtherFiles.NoModel(file);
        Variant = FindVariant(unet);
        PredictionType = PredictionType.Conclude(file, Family, Variant, predictionType);
        int sampleSize = GetSampleSize();

        (MappedWeights? first, MappedWeights? second) = ReadTextEncoders(reader);
        TextEncoder = first is null ? null : new CheckpointPart(first, ClipForm.Describe(first, openClip: Family == ModelFamily.StableDiffusion2));
        TextEncoder2 = second is null ? null : new CheckpointPart(second, ClipForm.Describe(second, openClip: true));

        int pooledWidth = TextEncoder2?.Config["projection_dim"]?.GetValue<int>() ?? 0;
        UNet = new CheckpointPart(unet, UNetForm.Describe(unet, Family, pooledWidth, sampleSize));
        CheckConditioning(file, unet);

        Vae = reader.ReadVae() is { } vae ? new CheckpointPart(vae, VaeForm.Describe(vae, Family, sampleSize)) : null;
        SchedulerConfig = PipelineForm.DescribeScheduler(Family, PredictionType.Name, zeroSnr: PredictionType.Name == PredictionType.Velocity && reader.Has(ZeroSnrMark));
        ModelIndex = PipelineForm.DescribeIndex(Family, Variant);

        NoteModel(file, reader);
        reader.NoteRest();
        Findings = reader.Findings;
    }

    /// <summary>The family of the model.</summary>
    public ModelFamily Family { get; }

    /// <summary>What the model takes beside the noise.</summary>
    public ModelVariant Variant { get; }

    /// <summary>What its U-Net predicts, and how that is known.</summary>
    public PredictionType PredictionType { get; }

    /// <summary>The U-Net.</summary>
    public CheckpointPart UNet { get; }

    /// <summary>The text encoder, XL's first; null for XL's refiner, which has only the second.</summary>
    public CheckpointPart? TextEncoder { get; }

    /// <summary>The second text encoder of XL, the one with a projection; null for other families.</summary>
    public CheckpointPart? TextEncoder2 { get; }

    /// <summary>The autoencoder; null if the file holds none.</summary>
    public CheckpointPart? Vae { get; }

    /// <summary>The model's <c>scheduler/scheduler_config.json</c>.</summary>
    public JsonObject SchedulerConfig { get; }

    /// <summary>The model's <c>model_index.json</c>.</summary>
    public JsonObject ModelIndex { get; }

    /// <summary>What is worth telling of the file.</summary>
    public IReadOnlyList<CheckpointFinding> Findings { get; }

    /// <summary>Recognises the model in a file by what the file holds.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <param name="preferEma">Whether averaged (EMA) weights of the U-Net are taken where its own are there as well.</param>
    /// <param name="predictionType">What the U-Net predicts, <c>epsilon</c> or <c>v_prediction</c>; null to conclude it.</param>
    /// <returns>The model.</returns>
    /// <exception cref="ModelInvalidException">The file holds no whole model of a family that can be built; the message says what it is.</exception>
    /// <exception cref="InvalidSettingException">There is no such prediction type.</exception>
    public static Checkpoint Open(ITensorFile file, bool preferEma = false, string? predictionType = null)
    {
        OtherFiles.Refuse(file);
        return new Checkpoint(file, new CheckpointReader(file), preferEma, predictionType);
    }

    /// <summary>Says why an intact file is no model by itself: it is an adapter, a part, or a model of another kind.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The error that its import would end in; null for a model with all of its parts.</returns>
    /// <exception cref="ModelInvalidException">It is a model that is damaged or incomplete.</exception>
    public static ModelInvalidException? FindOther(ITensorFile file)
    {
        if (OtherFiles.Recognise(file) is { } other)
            return other;

        CheckpointReader reader = new(file);
        if (FindFamily(file, reader) is null || reader.ReadUNet(preferEma: false) is null)
            return OtherFiles.NoModel(file);
        return reader.ReadVae() is null ? NoVae(file) : null;
    }

    /// <summary>The error for a model that lacks its autoencoder.</summary>
    /// <param name="file">The file.</param>
    public static ModelInvalidException NoVae(ITensorFile file) =>
        new($"'{file.Path}' holds no autoencoder (VAE). Get the model with one, or import it and name the file of one with Vae.");

    /// <summary>Reads the autoencoder alone: from a file of its own in any layout, or from a whole model.</summary>
    /// <param name="file">The file; it stays open as long as the weights are read.</param>
    /// <param name="family">The family of the model that shall use it, which says how its latents are scaled.</param>
    /// <returns>The autoencoder.</returns>
    /// <exception cref="ModelInvalidException">The file holds none.</exception>
    public static CheckpointPart OpenVae(ITensorFile file, ModelFamily family)
    {
        MappedWeights weights = new CheckpointReader(file).ReadVae(alone: true)
            ?? throw new ModelInvalidException($"'{file.Path}' holds no autoencoder (VAE). {TensorGroups.Describe(file.Tensors.Keys)}");
        return new CheckpointPart(weights, VaeForm.Describe(weights, family, GetSampleSize(family, PredictionType.Epsilon)));
    }

    private static ModelFamily? FindFamily(ITensorFile file, CheckpointReader reader)
    {
        bool first = reader.Has($"{FirstClipPrefix}{ClipKeys.Root}{ClipKeys.Marker}");
        bool second = reader.Has(SecondOpenClipPrefix + OpenClipKeys.Marker);
        if (first && second)
            return ModelFamily.StableDiffusionXL;
        if (first || second)
            throw new ModelInvalidException($"'{file.Path}' holds a model of Stable Diffusion XL without its {(first ? "second" : "first")} text encoder. Get the whole model.");
        if (reader.Has(FirstOpenClipPrefix + OpenClipKeys.Marker))
            return ModelFamily.StableDiffusionXLRefiner;
        if (reader.Has(OpenClipPrefix + OpenClipKeys.Marker))
            return ModelFamily.StableDiffusion2;
        if (reader.Has($"{ClipPrefix}{ClipKeys.Root}{ClipKeys.Marker}") || reader.Has(ClipPrefix + ClipKeys.Marker))
            return ModelFamily.StableDiffusion1;
        return null;
    }

    private static ModelVariant FindVariant(MappedWeights unet)
    {
        int channels = new WeightShapes(unet, "U-Net").Axis("conv_in.weight", 1);
        return channels switch
        {
            4 => ModelVariant.TextToImage,
            8 => ModelVariant.InstructPix2Pix,
            9 => ModelVariant.Inpainting,
            _ => throw new ModelInvalidException(
                $"The U-Net in '{unet.Source}' takes {channels} channels. Models for 4 (text), 8 (instructions) and 9 (inpainting) can be used, those for depth maps (5) and for upscaling (7) cannot."),
        };
    }

    private (MappedWeights? First, MappedWeights? Second) ReadTextEncoders(CheckpointReader reader) => Family switch
    {
        ModelFamily.StableDiffusion1 => (reader.ReadClip(ClipPrefix), null),
        ModelFamily.StableDiffusion2 => (reader.ReadOpenClip(OpenClipPrefix, penultimate: true), null),
        ModelFamily.StableDiffusionXL => (reader.ReadClip(FirstClipPrefix), reader.ReadOpenClip(SecondOpenClipPrefix, penultimate: false)),
        _ => (null, reader.ReadOpenClip(FirstOpenClipPrefix, penultimate: false)),
    };

    // The shapes of the models that were published; 96 x 8 = 768 pixels go with Stable Diffusion 2 for velocity.
    private static int GetSampleSize(ModelFamily family, string predictionType) => family switch
    {
        ModelFamily.StableDiffusion1 => 64,
        ModelFamily.StableDiffusion2 => predictionType == PredictionType.Velocity ? 96 : 64,
        _ => 128,
    };

    private int GetSampleSize() => GetSampleSize(Family, PredictionType.Name);

    private void CheckConditioning(ITensorFile file, MappedWeights unet)
    {
        bool large = Family is ModelFamily.StableDiffusionXL or ModelFamily.StableDiffusionXLRefiner;
        bool conditioned = unet.FindShape("add_embedding.linear_1.weight") is not null;
        if (large != conditioned)
        {
            throw new ModelInvalidException(large
                ? $"The U-Net in '{file.Path}' does not take the sizes that the text encoders of Stable Diffusion XL come with. The parts belong to different models."
                : $"The U-Net in '{file.Path}' takes more than a text (a label or an embedding of a picture), which is not supported.");
        }
    }

    private void NoteModel(ITensorFile file, CheckpointReader reader)
    {
        if (Vae is null)
            reader.Findings.Add(new CheckpointFinding(CheckpointFindingKind.VaeMissing, "The file holds no autoencoder (VAE). One of another file is needed."));

        if (Family == ModelFamily.StableDiffusion2 || PredictionType.Name != PredictionType.Epsilon)
        {
            reader.Findings.Add(new CheckpointFinding(
                CheckpointFindingKind.PredictionType,
                $"The U-Net is {(PredictionType.Assumed ? "assumed" : "known")} to predict {PredictionType.Name}: {PredictionType.Reason}."));
        }

        string? sign = FileWords.In(file.Path).FirstOrDefault(static word => word is "turbo" or "lightning" or "hyper" or "lcm" or "dmd2");
        if (sign is not null)
        {
            reader.Findings.Add(new CheckpointFinding(
                CheckpointFindingKind.Distilled,
                $"The '{sign}' in the file's name stands for models that need few steps and no guidance. The weights do not show it, so the settings are those of the family."));
        }
    }
}
