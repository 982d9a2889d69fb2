using System.Runtime.CompilerServices;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Autoencoding;
using StableDiffusion.Denoising;
using StableDiffusion.Onnx;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>
/// ONNX Runtime's sessions behind the engine's stages. A second session of the same graph runs up to some percent
/// faster or slower, by where its weights happen to lie in memory; that is more than what is to be measured.
/// </summary>
internal static class EngineSessions
{
    public static InferenceSession Of(TextEncoder stage) => Native(Session(Encoders(stage)[0]));

    public static InferenceSession Of(UNet stage) => Native(Session(stage));

    /// <summary>The path of the graph, as it was written.</summary>
    public static string PathOf(UNet stage) => Session(stage).Path;

    public static InferenceSession Of(VaeEncoder stage) => Native(Session(stage));

    public static InferenceSession Of(VaeDecoder stage) => Native(Session(stage));

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_session")]
    private static extern ref InferenceSession Native(OnnxSession session);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_encoders")]
    private static extern ref IReadOnlyList<ClipEncoder> Encoders(TextEncoder stage);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_session")]
    private static extern ref OnnxSession Session(ClipEncoder stage);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_session")]
    private static extern ref OnnxSession Session(UNet stage);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_session")]
    private static extern ref OnnxSession Session(VaeEncoder stage);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_session")]
    private static extern ref OnnxSession Session(VaeDecoder stage);
}
