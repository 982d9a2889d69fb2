namespace StableDiffusion.Families;

/// <summary>What a model takes beside the noise, as the channels of its U-Net show.</summary>
internal enum ModelVariant
{
    /// <summary>Nothing: 4 channels.</summary>
    TextToImage,

    /// <summary>A mask and the latent of the masked picture: 9 channels.</summary>
    Inpainting,

    /// <summary>The latent of the picture to edit: 8 channels.</summary>
    InstructPix2Pix,
}
