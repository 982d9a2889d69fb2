using System.Text.Json.Nodes;
using StableDiffusion.Families.Configs;
using StableDiffusion.Networks;
using StableDiffusion.Networks.Configs;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Families;

/// <summary>
/// The common base of Stable Diffusion XL and its refiner: a U-Net that takes a pooled text and sizes in pixels
/// (Podell et al., arXiv 2307.01952, section 2.2), and OpenCLIP ViT-bigG as the last text encoder.
/// </summary>
internal abstract class StableDiffusionXLFamily : UNetFamily
{
    private const string Prefix = "StableDiffusionXL";

    private const string InpaintPipeline = Prefix + "InpaintPipeline";

    public override IReadOnlyList<string> PipelineClasses { get; } = [Prefix + "Pipeline", Prefix + "Img2ImgPipeline", InpaintPipeline];

    public override int PooledWidth => 1280;

    public override bool TakesPenultimateLayer => true;

    public override double LatentScale => 0.13025;

    protected override string PipelinePrefix => Prefix;

    protected override string SchedulerClass => "EulerDiscreteScheduler";

    /// <summary>Whether the last value is an aesthetic score instead of the target size.</summary>
    protected abstract bool TakesAestheticScore { get; }

    /// <summary>Whether the index of published models specifies that zeros replace a missing negative prompt.</summary>
    protected abstract bool ForcesZeros { get; }

    public override bool IsDescribedBy(PipelineConfig index, Func<string, ConfigFile?> findConfig) =>
        index.ClassName.StartsWith(Prefix, StringComparison.Ordinal) && index.RequiresAestheticsScore == TakesAestheticScore;

    public override double DefaultGuidanceScale(PipelineConfig index) => index.ClassName == InpaintPipeline ? base.DefaultGuidanceScale(index) : 5.0;

    /// <remarks>
    /// diffusers uses zeros if no negative prompt is given, unless the index specifies otherwise, and encodes an empty one;
    /// A1111 uses zeros for both.
    /// </remarks>
    public override bool ZerosNegativePrompt(PipelineConfig index, string? negativePrompt, bool isA1111) =>
        isA1111 ? string.IsNullOrEmpty(negativePrompt) : negativePrompt is null && (index.ForcesZeros ?? true);

    public override bool Takes(string setting) => setting
        is nameof(MicroConditioning.OriginalWidth) or nameof(MicroConditioning.OriginalHeight)
        or nameof(MicroConditioning.CropTop) or nameof(MicroConditioning.CropLeft);

    protected override int SampleSize(PredictionType prediction) => 128;

    protected override void CompleteScheduler(JsonObject config)
    {
        config["interpolation_type"] = "linear";
        config["use_karras_sigmas"] = false;
    }

    protected override void CompleteIndex(JsonObject index)
    {
        index["force_zeros_for_empty_prompt"] = ForcesZeros;
        index[ModelParts.TextEncoder2] = DiffusersConfigs.Part("transformers", "CLIPTextModelWithProjection");
        index[ModelParts.Tokenizer2] = DiffusersConfigs.Part("transformers", "CLIPTokenizer");
        if (TakesAestheticScore)
            index["requires_aesthetics_score"] = true;
    }
}
