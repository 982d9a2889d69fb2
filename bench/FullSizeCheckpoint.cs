using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using StableDiffusion.Tensors;

namespace StableDiffusion.Benchmarks;

/// <summary>Writes single files with the names and shapes of a published model and random weights of half precision.</summary>
/// <remarks>Right for time, memory and disk. What such a model draws is noise.</remarks>
internal static class FullSizeCheckpoint
{
    private const int Chunk = 1 << 20;

    /// <summary>Writes a file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="shapes">The names and shapes.</param>
    public static void Write(string path, ITensorFile shapes)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, Chunk);
        byte[] header = Header(shapes.Tensors.Values);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        file.Write(length);
        file.Write(header);

        Half[] values = new Half[Chunk];
        Random random = new(1);
        float[] drawn = new float[2 * Chunk];
        for (int i = 0; i < drawn.Length; i++)
            drawn[i] = (2 * random.NextSingle()) - 1;

        foreach (StoredTensor tensor in shapes.Tensors.Values)
        {
            for (long done = 0; done < tensor.Count; done += Chunk)
            {
                Span<Half> part = values.AsSpan(0, (int)Math.Min(Chunk, tensor.Count - done));
                Fill(part, tensor, drawn.AsSpan(random.Next(Chunk)));
                file.Write(MemoryMarshal.AsBytes(part));
            }
        }
    }

    // Scaled so that a layer keeps the size of what it is given; norms begin as they are trained from. Drawing billions of numbers
    // would take a minute, so each part is a stretch of some millions, from a random place on.
    private static void Fill(Span<Half> values, StoredTensor tensor, Span<float> drawn)
    {
        if (tensor.Shape.Count < 2)
        {
            values.Fill(tensor.Name.EndsWith(".weight", StringComparison.Ordinal) ? (Half)1 : (Half)0);
            return;
        }

        long inputs = tensor.Count / tensor.Shape[0];
        float scale = MathF.Sqrt(3f / inputs);
        float[] scaled = new float[values.Length];
        TensorPrimitives.Multiply(drawn[..values.Length], scale, scaled);
        TensorPrimitives.ConvertToHalf(scaled, values);
    }

    private static byte[] Header(IEnumerable<StoredTensor> tensors)
    {
        using MemoryStream json = new();
        using (Utf8JsonWriter writer = new(json))
        {
            long offset = 0;
            writer.WriteStartObject();
            foreach (StoredTensor tensor in tensors)
            {
                writer.WriteStartObject(tensor.Name);
                writer.WriteString("dtype", "F16");
                writer.WriteStartArray("shape");
                foreach (long axis in tensor.Shape)
                    writer.WriteNumberValue(axis);
                writer.WriteEndArray();
                writer.WriteStartArray("data_offsets");
                writer.WriteNumberValue(offset);
                writer.WriteNumberValue(offset += tensor.ByteLength);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return json.ToArray();
    }
}
