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

/// <summary>The stages in words.</summary>
internal static class StageNames
{
    /// <summary>The name of a stage, as people know it.</summary>
    /// <param name="stage">The stage.</param>
    public static string InWords(this Stage stage) => stage switch
    {
        Stage.TextEncoder => "Text encoder",
        Stage.VaeEncoder => "VAE encoder",
        Stage.VaeDecoder => "VAE decoder",
        _ => "Denoising",
    };
}
