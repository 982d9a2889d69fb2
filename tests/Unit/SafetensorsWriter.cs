using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests;

/// <summary>Writes tensors as a safetensors file (https://github.com/huggingface/safetensors) of type F32.</summary>
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
        KeyValuePair<string, Tensor>[] inOrder = [.. tensors.OrderBy(static item => item.Key, StringComparer.Ordinal)];
        byte[] header = Header(inOrder, metadata);
        stream.Write(BitConverter.GetBytes((long)header.Length));
        stream.Write(header);
        foreach ((_, Tensor tensor) in inOrder)
            stream.Write(MemoryMarshal.AsBytes(tensor.Span));
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

    private static byte[] Header(IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        JsonObject header = [];
        if (metadata is not null)
            header.Add("__metadata__", JsonSerializer.SerializeToNode(metadata));

        long start = 0;
        foreach ((string name, Tensor tensor) in tensors)
        {
            long end = start + (sizeof(float) * (long)tensor.Length);
            header.Add(name, new JsonObject { ["dtype"] = "F32", ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape), ["data_offsets"] = new JsonArray(start, end) });
            start = end;
        }

        // Spaces after the JSON let the values start at a multiple of their size.
        string json = header.ToJsonString();
        return Encoding.UTF8.GetBytes(json.PadRight((json.Length + 7) / 8 * 8));
    }
}
