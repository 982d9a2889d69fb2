using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace StableDiffusion.Tensors;

/// <summary>Writes tensors as a safetensors file (https://github.com/huggingface/safetensors) of type F32.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes a file. It appears under its name only when it is whole, and replaces one that was there.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Texts to keep with them.</param>
    /// <exception cref="OutputWriteException">The file cannot be written; nothing of it is left behind.</exception>
    public static void Write(
        string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        string fullPath = Path.GetFullPath(path);
        string temporary = $"{fullPath}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write))
                Write(stream, tensors, metadata);
            File.Move(temporary, fullPath, overwrite: true);
        }
        catch (Exception error)
        {
            if (File.Exists(temporary))
                File.Delete(temporary);
            if (error is IOException or UnauthorizedAccessException)
                throw new OutputWriteException($"The file '{fullPath}' cannot be written: {error.Message}", error);
            throw;
        }
    }

    /// <summary>Writes to a stream.</summary>
    /// <param name="stream">Where to write; it is left open.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Texts to keep with them.</param>
    /// <exception cref="ArgumentException">A tensor has the name that the format keeps for its metadata.</exception>
    public static void Write(
        Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        // In the order of their names, so that the same tensors always make the same file.
        KeyValuePair<string, Tensor>[] inOrder = [.. tensors];
        Array.Sort(inOrder, static (a, b) => string.CompareOrdinal(a.Key, b.Key));

        byte[] header = Header(inOrder, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach ((_, Tensor tensor) in inOrder)
        {
            // A span of bytes holds fewer floats than an array does.
            const int Chunk = 1 << 24;
            for (int done = 0; done < tensor.Length; done += Chunk)
                stream.Write(MemoryMarshal.AsBytes(tensor.Span.Slice(done, Math.Min(Chunk, tensor.Length - done))));
        }
    }

    private static byte[] Header(KeyValuePair<string, Tensor>[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json))
        {
            writer.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                writer.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach ((string key, string value) in metadata)
                    writer.WriteString(key, value);
                writer.WriteEndObject();
            }

            long offset = 0;
            foreach ((string name, Tensor tensor) in tensors)
            {
                if (name == SafetensorsHeader.MetadataKey)
                    throw new ArgumentException($"No tensor can be named '{name}' in a safetensors file.", nameof(tensors));

                long end = offset + 4L * tensor.Length;
                writer.WriteStartObject(name);
                writer.WriteString("dtype", "F32");
                writer.WriteStartArray("shape");
                foreach (int axis in tensor.Shape)
                    writer.WriteNumberValue(axis);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                writer.WriteNumberValue(end);
                writer.WriteEndArray();
                writer.WriteEndObject();
                offset = end;
            }

            writer.WriteEndObject();
        }

        // Spaces after the JSON let the values start at a multiple of their size.
        while (json.Length % 8 != 0)
            json.WriteByte((byte)' ');
        return json.ToArray();
    }
}
