namespace StableDiffusion.Networks;

/// <summary>The names of the parts of a model in the layout of diffusers and Optimum.</summary>
internal static class ModelParts
{
    public const string TextEncoder = "text_encoder";
    public const string TextEncoder2 = TextEncoder + "_2";
    public const string Tokenizer = "tokenizer";
    public const string Tokenizer2 = Tokenizer + "_2";
    public const string UNet = "unet";
    public const string ControlNet = "controlnet";
    public const string Vae = "vae";
    public const string VaeEncoder = "vae_encoder";
    public const string VaeDecoder = "vae_decoder";

    /// <summary>The name of the configuration in a part's folder.</summary>
    public const string Config = "config.json";

    /// <summary>The name of the graph in a part's folder.</summary>
    public const string Graph = "model.onnx";

    /// <summary>The name of the graph that computes in 32-bit floats with the 16-bit weights of <see cref="Graph"/>, if that computes in 16 bits.</summary>
    public const string FullGraph = "model_full.onnx";

    /// <summary>The name of the U-Net's second graph, with inputs for the residuals of ControlNets; its weights are those of the first.</summary>
    public const string ControlGraph = "model_control.onnx";
}
