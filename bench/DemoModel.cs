using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Models;

namespace StableDiffusion.Benchmarks;

/// <summary>The model that ships with the module, and its graphs for bare ONNX Runtime.</summary>
internal static class DemoModel
{
    public const string Prompt = "a red house on the grass in daylight with the sun on the left";
    public const string NegativePrompt = "a blue car at night";
    public const long Seed = 42;

    private const int Tokens = 77;
    private const int EmbeddingWidth = 128;
    private const int LatentChannels = 4;
    private const int Factor = 8;

    /// <summary>The module folder that the build assembled.</summary>
    public static string Module { get; } = Metadata("ModuleFolder");

    /// <summary>The host of the module.</summary>
    public static string Shell { get; } = Metadata("ShellPath");

    /// <summary>The model's folder in the module.</summary>
    public static string Path { get; } = System.IO.Path.Combine(Module, "model");

    private static Lazy<string> Graphs { get; } = new(() => ModelBuilder.Build(Path, StorageFolders.Cache));

    public static BareGraph TextEncoder(SessionOptions options) =>
        new(Graph("text_encoder"), options, ("last_hidden_state", [1, Tokens, EmbeddingWidth]), ("input_ids", [1, Tokens]));

    /// <summary>The U-Net on pictures of a side in pixels.</summary>
    public static BareGraph UNet(SessionOptions options, int side)
    {
        int[] latent = [1, LatentChannels, side / Factor, side / Factor];
        return new BareGraph(
            Graph("unet"), options, ("out_sample", latent), ("sample", latent), ("timestep", [1]), ("encoder_hidden_states", [1, Tokens, EmbeddingWidth]));
    }

    /// <summary>The VAE encoder on pictures of a side in pixels.</summary>
    public static BareGraph VaeEncoder(SessionOptions options, int side) =>
        new(Graph("vae_encoder"), options, ("latent_parameters", [1, 2 * LatentChannels, side / Factor, side / Factor]), ("sample", [1, 3, side, side]));

    /// <summary>The VAE decoder on pictures of a side in pixels.</summary>
    public static BareGraph VaeDecoder(SessionOptions options, int side) =>
        new(Graph("vae_decoder"), options, ("sample", [1, 3, side, side]), ("latent_sample", [1, LatentChannels, side / Factor, side / Factor]));

    private static string Graph(string part) => System.IO.Path.Combine(Graphs.Value, part, "model.onnx");

    private static string Metadata(string key) => System.IO.Path.TrimEndingDirectorySeparator(typeof(DemoModel).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!);
}
