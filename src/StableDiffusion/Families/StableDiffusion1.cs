namespace StableDiffusion.Families;

/// <summary>Stable Diffusion 1.x: one text encoder, CLIP ViT-L.</summary>
internal sealed class StableDiffusion1 : UNetFamily
{
    public override string Name => nameof(StableDiffusion1);

    public override string Title => "Stable Diffusion 1";

    public override int TextWidth => 768;

    public override IReadOnlyList<ClipEncoderSpec> Encoders { get; } = [new("cond_stage_model.transformer.", IsOpenClip: false)];

    public override int? AttentionHeads => 8;

    public override bool HasLinearProjections => false;
}
