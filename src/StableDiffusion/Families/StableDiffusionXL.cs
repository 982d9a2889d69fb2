using StableDiffusion.Settings;

namespace StableDiffusion.Families;

/// <summary>Stable Diffusion XL: two text encoders, CLIP ViT-L and OpenCLIP ViT-bigG.</summary>
internal sealed class StableDiffusionXL : StableDiffusionXLFamily
{
    public override string Name => nameof(StableDiffusionXL);

    public override string Title => "Stable Diffusion XL";

    public override int TextWidth => 2048;

    public override IReadOnlyList<ClipEncoderSpec> Encoders { get; } =
        [new("conditioner.embedders.0.transformer.", IsOpenClip: false), new("conditioner.embedders.1.model.", IsOpenClip: true) { Suffix = "_2" }];

    public override int TimeIdCount => 6;

    protected override bool TakesAestheticScore => false;

    protected override bool ForcesZeros => true;

    public override bool Takes(string setting) => base.Takes(setting) || setting is nameof(MicroConditioning.TargetWidth) or nameof(MicroConditioning.TargetHeight);

    /// <returns>Original height and width, top and left of the crop, target height and width.</returns>
    /// <inheritdoc/>
    public override float[] TimeIds(MicroConditioning given, int width, int height, bool isNegative) =>
    [
        given.OriginalHeight ?? height, given.OriginalWidth ?? width, given.CropTop ?? 0, given.CropLeft ?? 0, given.TargetHeight ?? height, given.TargetWidth ?? width,
    ];
}
