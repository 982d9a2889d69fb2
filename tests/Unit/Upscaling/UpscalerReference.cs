using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Onnx;
using StableDiffusion.Tensors;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Tests.Upscaling;

/// <summary>What BasicSR, spandrel, A1111 and ComfyUI computed with small upscalers: <c>tests/data/upscalers</c>.</summary>
internal static class UpscalerReference
{
    private static readonly Lazy<JsonElement> s_root = new(static () => JsonDocument.Parse(System.IO.File.ReadAllText(Repository.Data("upscalers", "upscalers.json"))).RootElement);

    private static readonly Lazy<SafetensorsFile> s_tensors = new(static () => SafetensorsFile.Open(Repository.Data("upscalers", "upscalers.safetensors")));

    /// <summary>The names of the cases of one kind.</summary>
    public static TheoryData<string> Ids(string kind, string prefix = "") =>
        [.. s_root.Value.GetProperty("cases").EnumerateArray().Where(item => item.GetProperty("kind").GetString() == kind).Select(item => item.GetProperty("id").GetString()!).Where(id => id.StartsWith(prefix, StringComparison.Ordinal))];

    /// <summary>The number of all cases.</summary>
    public static int Count => s_root.Value.GetProperty("cases").GetArrayLength();

    /// <summary>A case.</summary>
    public static JsonElement Case(string id) => s_root.Value.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("id").GetString() == id);

    /// <summary>A tensor of a case.</summary>
    public static Tensor Read(string id, string name) => s_tensors.Value.Read($"{id}.{name}");

    /// <summary>An image of a case.</summary>
    public static DiffusionImage Image(string id, string name)
    {
        Tensor tensor = Read(id, name);
        return new DiffusionImage(tensor.Shape[1], tensor.Shape[0], [.. tensor.Values.Select(static value => (byte)value)]);
    }

    /// <summary>The path of an upscaler, from the name in the cases.</summary>
    public static string File(string name) => Repository.Data("upscalers", Path.GetFileName(name));

    /// <summary>The files of a case, which have the same weights.</summary>
    public static IEnumerable<string> Files(string id)
    {
        JsonElement item = Case(id);
        IEnumerable<string> others = item.TryGetProperty("same_weights", out JsonElement same) ? same.EnumerateArray().Select(static file => file.GetString()!) : [];
        return others.Prepend(item.GetProperty("file").GetString()!).Select(File);
    }

    /// <summary>Opens an upscaler.</summary>
    public static Upscaler Open(string path, string cache) => Upscaler.Open(Path.GetFileName(path), path, cache, Device.Cpu, progress: null, TestContext.Current.CancellationToken);
}
