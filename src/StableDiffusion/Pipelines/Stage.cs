namespace StableDiffusion.Pipelines;

/// <summary>A stage of making an image.</summary>
public enum Stage
{
    /// <summary>Encodes the prompts into embeddings.</summary>
    TextEncoder,

    /// <summary>Encodes the image to start from into a latent.</summary>
    VaeEncoder,

    /// <summary>Denoises the latent step by step.</summary>
    Denoising,

    /// <summary>Decodes the latent into an image.</summary>
    VaeDecoder,
}
