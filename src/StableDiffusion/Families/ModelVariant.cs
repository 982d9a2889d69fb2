namespace StableDiffusion.Families;

/// <summary>The variant of a model by the extra inputs of its backbone.</summary>
internal enum ModelVariant
{
    /// <summary>No extra inputs.</summary>
    TextToImage,

    /// <summary>A mask and the latent of the masked image.</summary>
    Inpainting,

    /// <summary>The latent of the image to edit.</summary>
    InstructPix2Pix,
}

/// <summary>Finds a model's variant.</summary>
internal static class ModelVariants
{
    /// <summary>Finds the variant from the input channels of a backbone.</summary>
    /// <param name="inputChannels">The number of its input channels.</param>
    /// <param name="latentChannels">The number of channels of the noised latent.</param>
    /// <returns>The variant; null if the meaning of the other channels is not known.</returns>
    public static ModelVariant? Find(int inputChannels, int latentChannels) => (inputChannels - latentChannels) switch
    {
        0 => ModelVariant.TextToImage,
        int added when added == latentChannels => ModelVariant.InstructPix2Pix,
        int added when added == latentChannels + 1 => ModelVariant.Inpainting,
        _ => null,
    };
}
