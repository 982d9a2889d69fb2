using System.Globalization;

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
    public const string Upscaler = "upscaler";

    /// <summary>The name of the configuration in a part's folder.</summary>
    public const string Config = "config.json";

    /// <summary>The name of the graph in a part's folder.</summary>
    public const string Graph = "model.onnx";

    /// <summary>The name of the U-Net's second graph, with inputs for the residuals of ControlNets; its weights are those of the first.</summary>
    public const string ControlGraph = "model_control.onnx";

    private const string GraphEnding = ".onnx";

    /// <summary>The name of the graph of the U-Net's outer layers down to a branch; its weights are those of the first.</summary>
    /// <param name="branch">The branch, from 0.</param>
    public static string OuterGraph(int branch) => $"model_outer_{branch.ToString(CultureInfo.InvariantCulture)}{GraphEnding}";

    /// <summary>The name of the graph that computes in 32-bit floats with the 16-bit weights of another one.</summary>
    /// <param name="graph">The name of the other graph.</param>
    public static string FullOf(string graph) => $"{graph[..^GraphEnding.Length]}_full{GraphEnding}";
}
