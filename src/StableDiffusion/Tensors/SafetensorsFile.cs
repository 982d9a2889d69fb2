using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace StableDiffusion.Tensors;

/// <summary>
/// A safetensors file (https://github.com/huggingface/safetensors), open for reading. Only
/// what is read is loaded. The whole header is checked when the file is opened. Several threads may read at the same time;
/// disposing is not thread-safe.
/// </summary>
internal sealed class SafetensorsFile : ITensorFile
{
    private readonly RandomAccessFile _file;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(RandomAccessFile file, SafetensorsHeader header)
    {
        _file = file;
        _header = header;
    }

    /// <summary>The file's full path.</summary>
    public string Path => _file.Path;

    /// <summary>The descriptions of the tensors in the file, by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _header.Tensors;

    /// <summary>The texts that the writer of the file stored in it, such as <c>format</c>; often empty.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <param name="path">The path of the file.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged or not a safetensors file, or cannot be opened.</exception>
    public static SafetensorsFile Open(string path) => Open(RandomAccessFile.Open(path));

    /// <summary>Opens a file, and takes ownership of it: it is closed if it is not a safetensors file.</summary>
    internal static SafetensorsFile Open(RandomAccessFile file)
    {
        try
        {
            return new SafetensorsFile(file, SafetensorsHeader.Read(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes tensors as 32-bit floats.</summary>
    /// <param name="stream">Receives the file.</param>
    /// <param name="tensors">The tensors by name, in the order to write them in.</param>
    /// <param name="metadata">The texts to store with them; may be empty.</param>
    public static void Write(Stream stream, IReadOnlyCollection<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using MemoryStream header = new();
        using (Utf8JsonWriter json = new(header))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WritePropertyName(SafetensorsHeader.MetadataKey);
                JsonSerializer.Serialize(json, metadata);
            }

            long start = 0;
            foreach ((string name, Tensor tensor) in tensors)
            {
                long end = start + ((long)sizeof(float) * tensor.Length);
                json.WritePropertyName(name);
                JsonSerializer.Serialize(json, new { dtype = nameof(StoredElementType.F32), shape = tensor.Shape, data_offsets = (long[])[start, end] });
                start = end;
            }

            json.WriteEndObject();
        }

        // Spaces after the JSON let the values start at a multiple of their size.
        while (header.Length % sizeof(long) != 0)
            header.WriteByte((byte)' ');
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);

        // The bytes of a large tensor are more than a span can have.
        const int Part = 1 << 20;
        foreach ((_, Tensor tensor) in tensors)
        {
            for (int done = 0; done < tensor.Length; done += Part)
                stream.Write(MemoryMarshal.AsBytes(tensor.Span.Slice(done, Math.Min(Part, tensor.Length - done))));
        }
    }

    /// <summary>Reads a tensor, or a part of it, as 32-bit floats into existing memory.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    /// <param name="start">The index of the first value to read, in row-major order.</param>
    /// <exception cref="ModelInvalidException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has fewer values from there on.</exception>
    public void Read(string name, Span<float> destination, long start = 0)
    {
        StoredTensor tensor = this.Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, tensor.Count - destination.Length);
        _file.ReadValues(
            tensor.ElementType, _header.DataStart + tensor.Offset + start * StoredTensor.SizeOf(tensor.ElementType), destination);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
