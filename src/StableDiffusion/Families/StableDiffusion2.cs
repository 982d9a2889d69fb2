using StableDiffusion.Families.Checkpoints;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Families;

/// <summary>Stable Diffusion 2.x: one text encoder, OpenCLIP ViT-H.</summary>
internal sealed class StableDiffusion2 : UNetFamily
{
    // PyTorch's files contain the number of training steps; this is that of the base model for 512 pixels.
    private const string StepsKey = "global_step";
    private const string StepsOfBase = "875000";

    public override string Name => nameof(StableDiffusion2);

    public override string Title => "Stable Diffusion 2";

    public override int TextWidth => 1024;

    public override IReadOnlyList<ClipEncoderSpec> Encoders { get; } = [new("cond_stage_model.model.", IsOpenClip: true) { EndsAtPenultimate = true }];

    protected override bool HasSeveralPredictionTypes => true;

    // The velocity models were trained on 96 x 8 = 768 pixels.
    protected override int SampleSize(PredictionType prediction) => prediction == PredictionType.Velocity ? 96 : base.SampleSize(prediction);

    /// <remarks>
    /// The inpainting model and those for 512 pixels predict the noise, those for 768 pixels the velocity. Like diffusers,
    /// this assumes the latter without evidence, unless the file's name indicates the former.
    /// </remarks>
    protected override PredictionFinding AssumePrediction(ITensorFile file, ModelVariant variant)
    {
        if (variant == ModelVariant.Inpainting)
            return new PredictionFinding(PredictionType.Epsilon, "as the published inpainting model", Assumed: true);
        if (file.Metadata.GetValueOrDefault(StepsKey) == StepsOfBase)
            return new PredictionFinding(PredictionType.Epsilon, $"the file says '{StepsKey}' {StepsOfBase}, as the published base model does", Assumed: true);

        string? sign = FileWords.In(file.Path).FirstOrDefault(static word => word is "512" or "base" or "turbo");
        return sign is null
            ? new PredictionFinding(PredictionType.Velocity, "the file does not say, and the models for 768 pixels do", Assumed: true)
            : new PredictionFinding(PredictionType.Epsilon, $"the file does not say, and the '{sign}' in its name indicates models that do", Assumed: true);
    }
}
