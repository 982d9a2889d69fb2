namespace StableDiffusion.Models;

/// <summary>The names that the parts of a model have in the layout of diffusers and optimum.</summary>
internal static class ModelParts
{
    public const string TextEncoder = "text_encoder";
    public const string Tokenizer = "tokenizer";
    public const string UNet = "unet";
    public const string Vae = "vae";
    public const string VaeEncoder = "vae_encoder";
    public const string VaeDecoder = "vae_decoder";

    /// <summary>The name of the config in a part's folder.</summary>
    public const string Config = "config.json";

    /// <summary>The name of the graph in a part's folder.</summary>
    public const string Graph = "model.onnx";

    /// <summary>What follows the names of text encoders and tokenizers: SDXL has two of each, its refiner only the second.</summary>
    public static readonly string[] EncoderSuffixes = ["", "_2"];
}
