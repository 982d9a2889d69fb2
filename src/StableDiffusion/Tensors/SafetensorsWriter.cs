using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace StableDiffusion.Tensors;

/// <summary>Writes tensors to a safetensors file (https://github.com/huggingface/safetensors) as F32.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes a file, replacing an existing one. It appears under its name only when it is complete.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Texts to store in the file.</param>
    /// <exception cref="OutputWriteException">The file cannot be written. No partial file is left behind.</exception>
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
    /// <param name="stream">The stream; it is left open.</param>
    /// <param name="tensors">The tensors by name.</param>
    /// <param name="metadata">Texts to store in the file.</param>
    /// <exception cref="ArgumentException">A tensor has the name that the format reserves for its metadata.</exception>
    public static void Write(
        Stream stream, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        // Sorted by name, so that the same tensors always make the same file.
        KeyValuePair<string, Tensor>[] inOrder = [.. tensors];
        Array.Sort(inOrder, static (a, b) => string.CompareOrdinal(a.Key, b.Key));

        byte[] header = Header(inOrder, metadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach ((_, Tensor tensor) in inOrder)
        {
            // The length of a span is limited to 2^31 bytes, fewer than an array of floats may have.
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

        // Spaces after the JSON align the values to a multiple of their size.
        while (json.Length % 8 != 0)
            json.WriteByte((byte)' ');
        return json.ToArray();
    }
}
