namespace StableDiffusion.Pipelines;

/// <summary>A stage of the making of an image.</summary>
public enum Stage
{
    /// <summary>The prompts become embeddings.</summary>
    TextEncoder,

    /// <summary>The image to start from becomes a latent.</summary>
    VaeEncoder,

    /// <summary>The noise is removed step by step.</summary>
    Denoising,

    /// <summary>The latent becomes an image.</summary>
    VaeDecoder,
}
