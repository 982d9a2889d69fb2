namespace StableDiffusion.Families;

/// <summary>The families of models whose single files can be read.</summary>
internal enum ModelFamily
{
    /// <summary>Stable Diffusion 1.x: one CLIP ViT-L text encoder.</summary>
    StableDiffusion1,

    /// <summary>Stable Diffusion 2.x: one OpenCLIP ViT-H text encoder.</summary>
    StableDiffusion2,

    /// <summary>Stable Diffusion XL: CLIP ViT-L and OpenCLIP ViT-bigG.</summary>
    StableDiffusionXL,

    /// <summary>The refiner of Stable Diffusion XL: OpenCLIP ViT-bigG alone.</summary>
    StableDiffusionXLRefiner,
}
