using System.Text.Json.Nodes;
using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Families.Configs;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Onnx;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;
using StableDiffusion.Text;
using StableDiffusion.Weights;

namespace StableDiffusion.Families;

/// <summary>
/// The families with a U-Net as the backbone and CLIP text encoders. The default implementations are those of Stable
/// Diffusion 1 and 2. Single files have the layout of the latent diffusion code, or of Stability AI's <c>generative-models</c>.
/// </summary>
internal abstract class UNetFamily : ModelFamily
{
    private const string LcmPrefix = "LatentConsistencyModel";

    // An empty tensor of this name marks models that were trained with a zero terminal SNR.
    private const string ZeroSnrMark = "ztsnr";

    /// <summary>The text encoders, in the order in which the U-Net takes their embeddings.</summary>
    public abstract IReadOnlyList<ClipEncoderSpec> Encoders { get; }

    /// <summary>The number of heads of every attention of the U-Net; null for heads of 64 channels. The shapes of the weights do not show it.</summary>
    public virtual int? AttentionHeads => null;

    /// <summary>Whether the transformers of the U-Net begin with a linear layer rather than a convolution.</summary>
    public virtual bool HasLinearProjections => true;

    /// <summary>The number of values of <see cref="ModelFamily.TimeIds"/>.</summary>
    public virtual int TimeIdCount => 0;

    /// <summary>The width of the pooled text that the published U-Nets take; 0 if they take none.</summary>
    public virtual int PooledWidth => 0;

    /// <summary>Whether the U-Net takes a pooled text and <see cref="ModelFamily.TimeIds"/>.</summary>
    public bool TakesPooledText => TimeIdCount > 0;

    /// <summary>Whether the U-Net takes the penultimate layer of the text encoders, without the final normalization.</summary>
    public virtual bool TakesPenultimateLayer => false;

    /// <summary>The factor by which latents are multiplied for the U-Net.</summary>
    public virtual double LatentScale => 0.18215;

    public override string Backbone => ModelParts.UNet;

    public override IReadOnlyList<string> EncoderSuffixes => [.. Encoders.Select(static encoder => encoder.Suffix)];

    public override int LatentChannels => 4;

    public override IReadOnlyList<string> PipelineClasses { get; } =
        ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionInstructPix2PixPipeline", LcmPrefix + "Pipeline", LcmPrefix + "Img2ImgPipeline"];

    /// <summary>Whether the published models of the family differ in what they predict.</summary>
    protected virtual bool HasSeveralPredictionTypes => false;

    /// <summary>The class of the scheduler that diffusers uses for models from single files, which do not specify a scheduler.</summary>
    protected virtual string SchedulerClass => "DDIMScheduler";

    /// <summary>The prefix of the names of the family's pipelines in diffusers.</summary>
    protected virtual string PipelinePrefix => "StableDiffusion";

    /// <summary>The family of a ControlNet's U-Net.</summary>
    /// <param name="takesPooledText">Whether it takes a pooled text.</param>
    /// <param name="hasLinearProjections">Whether its transformers begin with a linear layer.</param>
    public static UNetFamily OfControlNet(bool takesPooledText, bool hasLinearProjections) => All.OfType<UNetFamily>()
        .First(family => family.TakesPooledText == takesPooledText && (takesPooledText || family.HasLinearProjections == hasLinearProjections));

    public override bool IsIn(ITensorFile file)
    {
        ClipEncoderSpec? missing = Encoders.FirstOrDefault(encoder => !encoder.IsIn(file));
        if (missing is null)
            return true;
        if (!Encoders.Any(encoder => encoder.IsIn(file)))
            return false;
        throw new ModelInvalidException($"'{file.Path}' holds a model of {Title} without its {(missing == Encoders[0] ? "first" : "second")} text encoder. Get the complete model.");
    }

    public override Checkpoint Read(ITensorFile file, bool preferEma, string? predictionType)
    {
        CheckpointReader reader = new(file);
        MappedWeights unet = reader.ReadUNet(preferEma) ?? throw UnsupportedFiles.NoModel(file);
        ModelVariant variant = FindVariant(unet);
        PredictionFinding prediction = PredictionFinding.Conclude(file, predictionType) ?? AssumePrediction(file, variant);
        int sampleSize = SampleSize(prediction.Type);

        List<CheckpointPart> networks = [];
        foreach (ClipEncoderSpec encoder in Encoders)
        {
            MappedWeights weights = encoder.Read(reader);
            networks.Add(new CheckpointPart(ModelParts.TextEncoder + encoder.Suffix, weights, ClipConfigInference.Infer(weights, encoder.IsOpenClip)));
        }

        int pooledWidth = TakesPooledText ? networks[^1].Config["projection_dim"]?.GetValue<int>() ?? 0 : 0;
        networks.Add(new CheckpointPart(ModelParts.UNet, unet, UNetConfigInference.Infer(unet, this, pooledWidth, sampleSize)));
        CheckConditioning(file, unet);
        if (reader.ReadVae() is { } vae)
            networks.Add(DescribeVae(vae, sampleSize));

        JsonObject scheduler = DiffusersConfigs.Scheduler(SchedulerClass, prediction.Type, isZeroSnr: prediction.Type == PredictionType.Velocity && file.Tensors.ContainsKey(ZeroSnrMark));
        CompleteScheduler(scheduler);
        JsonObject index = DiffusersConfigs.Index($"{PipelinePrefix}{PipelineKind(variant)}Pipeline", SchedulerClass, hasTextEncoder: Encoders[0].Suffix.Length == 0);
        CompleteIndex(index);
        reader.NoteModel(hasVae: networks[^1].Name == ModelParts.Vae, HasSeveralPredictionTypes || prediction.Type != PredictionType.Epsilon ? prediction : null);
        return new Checkpoint
        {
            Family = this,
            Variant = variant,
            PredictionType = prediction,
            Networks = networks,
            SchedulerConfig = scheduler,
            ModelIndex = index,
            TokenizerFiles = [.. Encoders.SelectMany(static encoder => PublicTokenizer.Files(ModelParts.Tokenizer + encoder.Suffix, encoder.PaddingToken))],
            Findings = reader.Findings,
        };
    }

    public override ModelInvalidException? FindMissing(ITensorFile file)
    {
        CheckpointReader reader = new(file);
        if (reader.ReadUNet(preferEma: false) is null)
            return UnsupportedFiles.NoModel(file);
        return reader.ReadVae() is null ? Checkpoint.NoVae(file) : null;
    }

    public override CheckpointPart DescribeVae(MappedWeights weights) => DescribeVae(weights, SampleSize(PredictionType.Epsilon));

    public override IReadOnlyList<NetworkGraph> MakeGraphs(IReadOnlyList<ModelNetwork> networks, PipelineConfig index, string path) =>
        new UNetModelGraphs(this).Make(networks, index, path);

    public override TextEncoder OpenTextEncoder(string folder, Func<string, OnnxSession> openGraph, string model)
    {
        List<ClipEncoder> encoders = [];
        try
        {
            foreach (string suffix in EncoderSuffixes)
            {
                string part = ModelParts.TextEncoder + suffix;
                if (!Directory.Exists(Path.Combine(folder, part)))
                    continue;

                ClipTextConfig? config = ReadTextConfig(Path.Combine(folder, part, ModelParts.Config));
                ClipTokenizer tokenizer = ClipTokenizer.Load(Path.Combine(folder, ModelParts.Tokenizer + suffix), config?.Input);
                OnnxSession session = openGraph(part);
                encoders.Add(new ClipEncoder(tokenizer, session, config?.Layers ?? 1, config?.VocabSize ?? 0, isSecond: suffix.Length > 0, TakesPenultimateLayer, model));
            }

            return encoders.Count > 0
                ? new TextEncoder(encoders, model)
                : throw new ModelNotFoundException($"The model in '{folder}' lacks the folder '{ModelParts.TextEncoder}'. Download the model again, or use another one.");
        }
        catch
        {
            encoders.ForEach(encoder => encoder.Dispose());
            throw;
        }
    }

    public override bool IsDescribedBy(PipelineConfig index, Func<string, ConfigFile?> findConfig)
    {
        // Older exporters used arbitrary pipeline names. The exact activation distinguishes OpenCLIP's encoder from CLIP's.
        const string QuickGelu = "quick_gelu";
        return Encoders[0].IsOpenClip == (findConfig(ModelParts.TextEncoder)?.Text("hidden_act", QuickGelu) is not (null or QuickGelu));
    }

    public override double DefaultGuidanceScale(PipelineConfig index) => IsLcm(index) ? 8.5 : 7.5;

    public override int DefaultSteps(PipelineConfig index) => IsLcm(index) ? 4 : base.DefaultSteps(index);

    // Latent consistency models (Luo et al., arXiv 2310.04378), with the defaults of diffusers.
    private static bool IsLcm(PipelineConfig index) => index.ClassName.StartsWith(LcmPrefix, StringComparison.Ordinal);

    public override bool ZerosNegativePrompt(PipelineConfig index, string? negativePrompt, bool isA1111) =>
        !isA1111 && negativePrompt is null && index.ForcesZeros == true;

    /// <summary>The side of the latents that the published models were trained on.</summary>
    /// <param name="prediction">What the model predicts.</param>
    protected virtual int SampleSize(PredictionType prediction) => 64;

    /// <summary>The assumed prediction type of a model whose file does not specify it.</summary>
    protected virtual PredictionFinding AssumePrediction(ITensorFile file, ModelVariant variant) =>
        new(PredictionType.Epsilon, "as nearly all models of the family", Assumed: false);

    /// <summary>Adds the settings to a scheduler's config that only <see cref="SchedulerClass"/> has.</summary>
    protected virtual void CompleteScheduler(JsonObject config)
    {
        config["clip_sample"] = false;
        config["set_alpha_to_one"] = false;
        config["thresholding"] = false;
    }

    /// <summary>Adds the entries to a model's index that only the family's pipelines have.</summary>
    protected virtual void CompleteIndex(JsonObject index)
    {
        index["requires_safety_checker"] = false;
        index["safety_checker"] = DiffusersConfigs.Part();
    }

    /// <summary>The name of the family's pipeline in diffusers for a variant, without prefix and "Pipeline".</summary>
    protected virtual string PipelineKind(ModelVariant variant) => variant switch
    {
        ModelVariant.Inpainting => "Inpaint",
        ModelVariant.InstructPix2Pix => "InstructPix2Pix",
        _ => string.Empty,
    };

    // Folders of older exporters have no config there, and output only the last layer.
    private ClipTextConfig? ReadTextConfig(string path) => File.Exists(path) || TakesPenultimateLayer ? ClipTextConfig.Read(path) : null;

    private ModelVariant FindVariant(MappedWeights unet)
    {
        int channels = new WeightShapes(unet, "U-Net").Axis("conv_in.weight", 1);
        return ModelVariants.Find(channels, LatentChannels) ?? throw new ModelInvalidException(
            $"The U-Net in '{unet.Source}' takes {channels} channels. Models for 4 (text), 8 (instructions) and 9 (inpainting) can be used, those for depth maps (5) and for upscaling (7) cannot.");
    }

    private void CheckConditioning(ITensorFile file, MappedWeights unet)
    {
        bool takesMore = unet.FindShape(UNetConfigInference.AddedConditioning) is not null;
        if (TakesPooledText && !takesMore)
            throw new ModelInvalidException($"The U-Net in '{file.Path}' does not take the sizes that belong to the text encoders of Stable Diffusion XL. The parts belong to different models.");
        if (takesMore && !TakesPooledText)
            throw new ModelInvalidException($"The U-Net in '{file.Path}' takes more than a text (a label or an embedding of an image), which is not supported.");
    }

    private CheckpointPart DescribeVae(MappedWeights weights, int sampleSize) =>
        new(ModelParts.Vae, weights, VaeConfigInference.Infer(weights, LatentScale, sampleSize));
}
