using StableDiffusion.Tensors;

namespace StableDiffusion.Tests;

/// <summary>Writes tensors as safetensors files.</summary>
internal static class SafetensorsWriter
{
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using FileStream stream = File.Create(path);
        Write(stream, tensors, metadata);
    }

    public static void Write(Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        // In the order of their names, so that the same tensors always make the same file.
        SafetensorsFile.Write(stream, [.. tensors.OrderBy(static item => item.Key, StringComparer.Ordinal)], metadata ?? new Dictionary<string, string>());
    }

    /// <summary>Changes tensors of a file.</summary>
    public static void Change(string path, Action<Dictionary<string, Tensor>> change)
    {
        Dictionary<string, Tensor> tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            tensors = file.Tensors.Keys.ToDictionary(static name => name, file.Read);
        change(tensors);
        Write(path, tensors);
    }
}
