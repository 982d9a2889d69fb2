namespace StableDiffusion.Families;

/// <summary>What a model's backbone takes besides the noised latent.</summary>
internal enum ModelVariant
{
    /// <summary>Nothing else.</summary>
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
    /// <param name="inputChannels">How many channels it takes.</param>
    /// <param name="latentChannels">How many of them are the noised latent.</param>
    /// <returns>The variant; null if the meaning of the other channels is not known.</returns>
    public static ModelVariant? Find(int inputChannels, int latentChannels) => (inputChannels - latentChannels) switch
    {
        0 => ModelVariant.TextToImage,
        int added when added == latentChannels => ModelVariant.InstructPix2Pix,
        int added when added == latentChannels + 1 => ModelVariant.Inpainting,
        _ => null,
    };
}
