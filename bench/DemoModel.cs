using System.Reflection;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Building;
using StableDiffusion.Storage;

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

    /// <summary>The assembly of the PowerShell that the build restored.</summary>
    public static string PowerShell { get; } = Metadata("PowerShellPath");

    /// <summary>The model's folder in the module.</summary>
    public static string Path { get; } = System.IO.Path.Combine(Module, "model");

    private static Lazy<string> Graphs { get; } = new(() => ModelBuilder.Build(DiffusersFolder.Find(Path), StorageFolders.FromEnvironment().Cache));

    /// <summary>The text encoder in a session of the engine's.</summary>
    public static BareGraph TextEncoder(InferenceSession session) =>
        new(session, ownsSession: false, ("last_hidden_state", [1, Tokens, EmbeddingWidth]), ("input_ids", [1, Tokens]));

    /// <summary>The VAE encoder in a session of the engine's, on pictures of a side in pixels.</summary>
    public static BareGraph VaeEncoder(InferenceSession session, int side) =>
        new(session, ownsSession: false, ("latent_parameters", [1, 2 * LatentChannels, side / Factor, side / Factor]), ("sample", [1, 3, side, side]));

    /// <summary>The U-Net in a session of the engine's, on pictures of a side in pixels.</summary>
    public static BareGraph UNet(InferenceSession session, int side) => UNet(session, ownsSession: false, side);

    /// <summary>The U-Net in a session of its own, on pictures of a side in pixels.</summary>
    public static BareGraph UNet(SessionOptions options, int side) => UNet(Open("unet", options), ownsSession: true, side);

    /// <summary>The VAE decoder in a session of the engine's, on pictures of a side in pixels.</summary>
    public static BareGraph VaeDecoder(InferenceSession session, int side) => VaeDecoder(session, ownsSession: false, side);

    /// <summary>The VAE decoder in a session of its own, on pictures of a side in pixels.</summary>
    public static BareGraph VaeDecoder(SessionOptions options, int side) => VaeDecoder(Open("vae_decoder", options), ownsSession: true, side);

    private static BareGraph UNet(InferenceSession session, bool ownsSession, int side)
    {
        int[] latent = [1, LatentChannels, side / Factor, side / Factor];
        return new BareGraph(
            session, ownsSession, ("out_sample", latent), ("sample", latent), ("timestep", [1]), ("encoder_hidden_states", [1, Tokens, EmbeddingWidth]));
    }

    private static BareGraph VaeDecoder(InferenceSession session, bool ownsSession, int side) =>
        new(session, ownsSession, ("sample", [1, 3, side, side]), ("latent_sample", [1, LatentChannels, side / Factor, side / Factor]));

    private static InferenceSession Open(string part, SessionOptions options) =>
        new(System.IO.Path.Combine(Graphs.Value, part, "model.onnx"), options);

    private static string Metadata(string key) => System.IO.Path.TrimEndingDirectorySeparator(typeof(DemoModel).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!);
}
