using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes of safetensors files and PyTorch's archives that get past lengths and checksums.</summary>
internal static class TensorFileMutations
{
    private const uint LocalHeader = 0x04034b50;
    private const uint CentralHeader = 0x02014b50;
    private const uint EndOfDirectory = 0x06054b50;
    private const uint LargeEndOfDirectory = 0x06064b50;

    private static readonly byte[] s_opcodes =
        [.. "(.01JKMNQRTUXBCGabcehijqrstuoldpgIFLSV])}"u8, 0x80, 0x81, 0x82, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98];

    /// <summary>Changes the JSON of a safetensors file; its length is right afterwards.</summary>
    public static byte[] Header(byte[] data, Random random)
    {
        if (data.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(data) is var length && length > (ulong)(data.Length - 8))
            return data;

        byte[] header = data[8..(8 + (int)length)];
        byte[] changed = random.Next(4) == 0
            ? ByteMutations.All[random.Next(ByteMutations.All.Count)](header, random)
            : JsonMutations.All[random.Next(JsonMutations.All.Count)](header, random);
        return [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. data.AsSpan(8 + (int)length)];
    }

    /// <summary>Changes JSON that a safetensors file has as one of its texts; the length of the header is right afterwards.</summary>
    public static byte[] Metadata(byte[] data, Random random)
    {
        if (data.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(data) is var length && length > (ulong)(data.Length - 8))
            return data;

        try
        {
            JsonNode header = JsonNode.Parse(data.AsSpan(8, (int)length))!;
            JsonObject texts = (JsonObject)header["__metadata__"]!;
            (string name, JsonNode? text) = texts.ElementAt(random.Next(texts.Count));
            texts[name] = Encoding.UTF8.GetString(JsonMutations.All[random.Next(JsonMutations.All.Count)](Encoding.UTF8.GetBytes(text!.GetValue<string>()), random));
            byte[] changed = Encoding.UTF8.GetBytes(header.ToJsonString());
            return [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. data.AsSpan(8 + (int)length)];
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException or NullReferenceException or InvalidCastException)
        {
            // No such texts, or none any more.
            return Header(data, random);
        }
    }

    /// <summary>Writes a hostile number into a field of one of an archive's headers.</summary>
    public static byte[] ZipField(byte[] data, Random random)
    {
        List<int> headers = [];
        for (int at = 0; at + 4 <= data.Length; at++)
        {
            if (data[at] == 'P' && BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(at)) is LocalHeader or CentralHeader or EndOfDirectory or LargeEndOfDirectory)
                headers.Add(at);
        }

        if (headers.Count == 0)
            return data;

        byte[] bytes = [.. data];
        int field = headers[random.Next(headers.Count)] + 4 + (2 * random.Next(21));
        byte[] number = BitConverter.GetBytes(random.Next(2) == 0 ? Hostile.Numbers[random.Next(Hostile.Numbers.Count)] : headers[random.Next(headers.Count)])[..(2 << random.Next(3))];
        if (field + number.Length <= bytes.Length)
            number.CopyTo(bytes, field);
        return bytes;
    }

    /// <summary>Puts opcodes into a pickle, or takes others for those that are there.</summary>
    public static byte[] Opcodes(byte[] data, Random random)
    {
        List<byte> bytes = [.. data];
        for (int count = random.Next(1, 6); count > 0; count--)
        {
            int at = random.Next(bytes.Count + 1);
            byte opcode = s_opcodes[random.Next(s_opcodes.Length)];
            if (at < bytes.Count && random.Next(2) == 0)
                bytes[at] = opcode;
            else
                bytes.InsertRange(at, Enumerable.Repeat(opcode, random.Next(16) == 0 ? 5000 : 1));
            if (random.Next(4) == 0)
                bytes.InsertRange(at, Encoding.ASCII.GetBytes(s_globals[random.Next(s_globals.Length)]));
        }

        return [.. bytes];
    }

    private static readonly string[] s_globals =
    [
        "cos\nsystem\n", "cbuiltins\neval\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n", "ctorch\nFloatStorage\n", "c\u001b[2J\n\0\n",
        "itorch\nload\n", "Q", "R", "b", "e", "u", "\u0085", "(t", "h\0", "q\0", "g999999999\n", "I99999999999999999999\n", "L1L\n",
    ];
}
