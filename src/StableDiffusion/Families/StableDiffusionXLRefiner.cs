using StableDiffusion.Settings;

namespace StableDiffusion.Families;

/// <summary>The refiner of Stable Diffusion XL: one text encoder, OpenCLIP ViT-bigG.</summary>
internal sealed class StableDiffusionXLRefiner : StableDiffusionXLFamily
{
    public override string Name => nameof(StableDiffusionXLRefiner);

    public override string Title => "the refiner of Stable Diffusion XL";

    public override int TextWidth => 1280;

    public override IReadOnlyList<ClipEncoderSpec> Encoders { get; } = [new("conditioner.embedders.0.model.", IsOpenClip: true) { Suffix = "_2" }];

    public override int TimeIdCount => 5;

    protected override bool TakesAestheticScore => true;

    protected override bool ForcesZeros => false;

    public override bool Takes(string setting) => base.Takes(setting) || setting is nameof(MicroConditioning.AestheticScore) or nameof(MicroConditioning.NegativeAestheticScore);

    /// <returns>Original height and width, top and left of the crop, aesthetic score.</returns>
    /// <remarks>diffusers has separate settings for the crop of the negative prompt, which are 0 by default.</remarks>
    /// <inheritdoc/>
    public override float[] TimeIds(MicroConditioning given, int width, int height, bool isNegative)
    {
        float originalHeight = given.OriginalHeight ?? height;
        float originalWidth = given.OriginalWidth ?? width;
        return isNegative
            ? [originalHeight, originalWidth, 0, 0, (float)(given.NegativeAestheticScore ?? MicroConditioning.DefaultNegativeAestheticScore)]
            : [originalHeight, originalWidth, given.CropTop ?? 0, given.CropLeft ?? 0, (float)(given.AestheticScore ?? MicroConditioning.DefaultAestheticScore)];
    }

    // diffusers refines with its image-to-image pipeline.
    protected override string PipelineKind(ModelVariant variant) => variant == ModelVariant.TextToImage ? "Img2Img" : base.PipelineKind(variant);
}
