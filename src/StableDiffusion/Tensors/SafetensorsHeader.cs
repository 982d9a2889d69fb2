using System.Buffers.Binary;
using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Tensors;

/// <summary>
/// The header of a safetensors file, read and checked as a whole: an 8-byte length, then JSON with the type, shape and
/// offsets of each tensor. The format is described at https://github.com/huggingface/safetensors. Like the reference
/// implementation, this reader refuses files whose tensors leave gaps, overlap or end before the file does.
/// </summary>
internal sealed class SafetensorsHeader
{
    public const string MetadataKey = "__metadata__";

    private const int LengthBytes = 8;
    private const long MaxHeaderLength = 100_000_000;

    private readonly string _path;
    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);
    private Dictionary<string, string>? _metadata;

    private SafetensorsHeader(string path) => _path = path;

    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata ??= [];

    /// <summary>The position of the first tensor's values in the file.</summary>
    public long DataStart { get; private init; }

    /// <summary>Whether a file with these first bytes is a safetensors file, possibly a damaged one.</summary>
    public static bool Recognises(ReadOnlySpan<byte> head) =>
        // A header of a permitted length has zeros in the upper bytes of that length; a text file has letters there.
        head.Length > LengthBytes && head[LengthBytes] == '{' && head[LengthBytes - 1] == 0;

    /// <summary>Reads the header.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="ModelInvalidException">The header is damaged or contradicts itself or the file's length.</exception>
    public static SafetensorsHeader Read(RandomAccessFile file)
    {
        string path = file.Path;
        if (file.Length < LengthBytes)
            throw Invalid(path, $"it has {file.Length} bytes, which is too short for a header");

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Head(LengthBytes));

        // The number is not shown: of a file that is something else, it is its first letters.
        if (length > (ulong)(file.Length - LengthBytes))
            throw Invalid(path, $"its header claims more than the {file.Length - LengthBytes} bytes that follow");
        if (length > MaxHeaderLength)
            throw Invalid(path, $"its header claims {length} bytes, and the limit is {MaxHeaderLength}");

        SafetensorsHeader header = new(path) { DataStart = LengthBytes + (long)length };
        try
        {
            header.ReadEntries(file.Read(LengthBytes, (int)length));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // The reader throws InvalidOperationException for text that is not valid UTF-16 or UTF-8.
            throw Invalid(path, $"its header is not valid JSON{(error is JsonException json ? $" ({ModelJson.Fault(json)})" : "")}", error);
        }

        header.CheckLayout(file.Length - header.DataStart);
        return header;
    }

    private static ModelInvalidException Invalid(string path, string fault, Exception? inner = null) =>
        new($"'{path}' is not a complete safetensors file: {fault}. Download or copy it again.", inner);

    private ModelInvalidException Invalid(string fault) => Invalid(_path, fault);

    private void ReadEntries(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 8 });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw Invalid("its header is not a JSON object");

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (name == MetadataKey)
                ReadMetadata(ref reader);
            else if (!_tensors.TryAdd(name, ReadTensor(ref reader, name)))
                throw Invalid($"its header names the tensor '{name}' twice");
        }

        // Only white space may follow the object; Read throws if there is more.
        reader.Read();
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (_metadata is not null)
            throw Invalid($"its header holds '{MetadataKey}' twice");
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Invalid($"'{MetadataKey}' is not a JSON object");

        _metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Invalid($"a value of '{MetadataKey}' is not a string");
            if (!_metadata.TryAdd(key, reader.GetString()!))
                throw Invalid($"'{MetadataKey}' holds a key twice");
        }
    }

    private StoredTensor ReadTensor(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Invalid($"the entry of tensor '{name}' is not a JSON object");

        StoredElementType? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            bool repeated = false;
            switch (key)
            {
                case "dtype":
                    repeated = type is not null;
                    type = ReadElementType(ref reader, name);
                    break;
                case "shape":
                    repeated = shape is not null;
                    shape = ReadNumbers(ref reader, name, key);
                    break;
                case "data_offsets":
                    repeated = offsets is not null;
                    offsets = ReadNumbers(ref reader, name, key);
                    break;
                default:
                    reader.Skip();
                    break;
            }

            if (repeated)
                throw Invalid($"tensor '{name}' gives '{key}' twice");
        }

        if (type is null || shape is null || offsets is null)
            throw Invalid($"tensor '{name}' has no '{(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")}'");
        if (offsets.Length != 2 || offsets[1] < offsets[0])
            throw Invalid($"tensor '{name}' has the data_offsets [{string.Join(',', offsets)}], which are not a start and an end");

        StoredTensor tensor = new(name, type.Value, shape, offsets[1] - offsets[0]) { Offset = offsets[0] };
        if (ByteLength(shape, type.Value) is not long needed || needed != tensor.ByteLength)
        {
            throw Invalid(
                $"tensor '{name}' has {tensor.ByteLength} bytes, which contradicts its shape {tensor.ShapeText} of {type}");
        }

        return tensor;
    }

    private StoredElementType ReadElementType(ref Utf8JsonReader reader, string name)
    {
        string? text = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
        return text switch
        {
            "F64" => StoredElementType.F64,
            "F32" => StoredElementType.F32,
            "F16" => StoredElementType.F16,
            "BF16" => StoredElementType.BF16,
            "F8_E4M3" => StoredElementType.F8E4M3,
            "F8_E5M2" => StoredElementType.F8E5M2,
            "I64" => StoredElementType.I64,
            "I32" => StoredElementType.I32,
            "I16" => StoredElementType.I16,
            "I8" => StoredElementType.I8,
            "U8" => StoredElementType.U8,
            "BOOL" => StoredElementType.Bool,
            _ => throw new ModelInvalidException(
                $"Tensor '{name}' in '{_path}' has the dtype '{text ?? reader.TokenType.ToString()}', which is not supported. " +
                "Convert the file to F32, F16 or BF16."),
        };
    }

    private long[] ReadNumbers(ref Utf8JsonReader reader, string name, string key)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Invalid($"the '{key}' of tensor '{name}' is not a list");

        List<long> numbers = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
                throw Invalid($"the '{key}' of tensor '{name}' contains a value that is not a length");
            numbers.Add(number);
        }

        return [.. numbers];
    }

    private static long? ByteLength(long[] shape, StoredElementType type)
    {
        Int128 bytes = StoredTensor.SizeOf(type);
        foreach (long length in shape)
        {
            bytes *= length;
            if (bytes > long.MaxValue)
                return null;
        }

        return (long)bytes;
    }

    private void CheckLayout(long dataLength)
    {
        StoredTensor[] inOrder = [.. _tensors.Values];
        Array.Sort(inOrder, static (a, b) =>
            a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset) : a.ByteLength.CompareTo(b.ByteLength));

        long end = 0;
        foreach (StoredTensor tensor in inOrder)
        {
            if (tensor.Offset != end)
            {
                throw Invalid(
                    $"tensor '{tensor.Name}' starts at byte {tensor.Offset}, and the one before it ends at {end}");
            }

            end = tensor.Offset + tensor.ByteLength;
            if (end > dataLength)
                throw Invalid($"tensor '{tensor.Name}' ends at byte {end} of {dataLength}");
        }

        if (end != dataLength)
            throw Invalid($"its tensors end at byte {end} of {dataLength}");
    }
}
