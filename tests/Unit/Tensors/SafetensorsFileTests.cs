using System.Buffers.Binary;
using System.Text;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("F64", StoredElementType.F64, "000000000000F8BF0000000000002440", -1.5f, 10f)]
    [InlineData("F32", StoredElementType.F32, "0000C0BF00002041", -1.5f, 10f)]
    [InlineData("F16", StoredElementType.F16, "00BE0049", -1.5f, 10f)]
    [InlineData("BF16", StoredElementType.BF16, "C0BF2041", -1.5f, 10f)]
    [InlineData("F8_E4M3", StoredElementType.F8E4M3, "BC52", -1.5f, 10f)]
    [InlineData("F8_E5M2", StoredElementType.F8E5M2, "BE49", -1.5f, 10f)]
    [InlineData("I64", StoredElementType.I64, "FEFFFFFFFFFFFFFF0100000001000000", -2f, 4294967297f)]
    [InlineData("I32", StoredElementType.I32, "FEFFFFFF00000100", -2f, 65536f)]
    [InlineData("I16", StoredElementType.I16, "FEFF0001", -2f, 256f)]
    [InlineData("I8", StoredElementType.I8, "FE7F", -2f, 127f)]
    [InlineData("U8", StoredElementType.U8, "FE7F", 254f, 127f)]
    [InlineData("BOOL", StoredElementType.Bool, "0001", 0f, 1f)]
    public void Values_of_every_type_become_floats(string dtype, Enum type, string bytes, float first, float second)
    {
        byte[] data = Convert.FromHexString(bytes);
        using SafetensorsFile file = SafetensorsFile.Open(WriteOne(dtype, "[2]", data));

        Assert.Equal(type, file.Tensors["t"].ElementType);
        Assert.Equal(data.Length, file.Tensors["t"].ByteLength);
        Assert.Equal([first, second], file.Read("t").Values);
    }

    [Theory]
    [InlineData("F8_E4M3", "0001087E807FFF", new[] { 0f, 0.001953125f, 0.015625f, 448f, -0f, float.NaN, float.NaN })]
    [InlineData("F8_E5M2", "0001047BFC7CFD", new[] { 0f, 1.52587890625e-5f, 6.103515625e-5f, 57344f, float.NegativeInfinity, float.PositiveInfinity, float.NaN })]
    [InlineData("F16", "00000100FF7B00FC01FC", new[] { 0f, 5.9604645e-8f, 65504f, float.NegativeInfinity, float.NaN })]
    [InlineData("BF16", "000080FFC07F01000080", new[] { 0f, float.NegativeInfinity, float.NaN, 9.1835e-41f, -0f })]
    public void The_smallest_the_largest_and_the_odd_values_are_kept(string dtype, string bytes, float[] expected)
    {
        using SafetensorsFile file = SafetensorsFile.Open(WriteOne(dtype, $"[{expected.Length}]", Convert.FromHexString(bytes)));

        Assert.Equal(expected, file.Read("t").Values);
    }

    [Fact]
    public void Halves_are_converted_in_bulk_like_one_by_one()
    {
        byte[] data = new byte[2 * 65536];
        for (int code = 0; code < 65536; code++)
            BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(2 * code), (ushort)code);
        using SafetensorsFile file = SafetensorsFile.Open(WriteOne("F16", "[65536]", data));

        float[] values = file.Read("t").Values;

        for (int code = 0; code < 65536; code++)
            Assert.Equal((float)BitConverter.UInt16BitsToHalf((ushort)code), values[code]);
    }

    [Fact]
    public void A_part_of_a_tensor_can_be_read()
    {
        using SafetensorsFile file = SafetensorsFile.Open(WriteOne("U8", "[2,3]", [0, 1, 2, 3, 4, 5]));
        float[] values = new float[3];

        file.Read("t", values, start: 2);

        Assert.Equal([2, 3, 4], values);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read("t", values, start: 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read("t", values, start: -1));
    }

    [Fact]
    public void Shapes_names_and_metadata_are_given()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Write(
            """{"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[2,1],"data_offsets":[1,3]},"a":{"shape":[],"dtype":"U8","data_offsets":[0,1],"note":[1]},"c":{"dtype":"F32","shape":[0,7],"data_offsets":[3,3]}}  """,
            [7, 8, 9]));

        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal(["a", "b", "c"], file.Tensors.Keys.Order());
        Assert.Empty(file.Read("a").Shape);
        Assert.Equal([7], file.Read("a").Values);
        Assert.Equal([2, 1], file.Read("b").Shape);
        Assert.Equal([0, 7], file.Read("c").Shape);
    }

    [Fact]
    public void The_demo_models_weights_are_read()
    {
        using SafetensorsFile file = SafetensorsFile.Open(
            Path.Combine(Repository.DemoModel, "unet", "diffusion_pytorch_model.safetensors"));

        Assert.Equal(434, file.Tensors.Count);
        Assert.Equal([96, 4, 3, 3], file.Read("conv_in.weight").Shape);
        Assert.DoesNotContain(file.Read("conv_in.weight").Values, value => !float.IsFinite(value) || Math.Abs(value) > 10);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        string path = _folder["none.safetensors"];

        ModelNotFoundException error = Assert.Throws<ModelNotFoundException>(() => SafetensorsFile.Open(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_tensor_is_named()
    {
        using SafetensorsFile file = SafetensorsFile.Open(WriteOne("U8", "[1]", [0]));

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => file.Read("u"));
        Assert.Contains("'u'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_closed_file_is_not_read()
    {
        SafetensorsFile file = SafetensorsFile.Open(WriteOne("U8", "[1]", [0]));
        file.Dispose();
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.Read("t"));
    }

    [Fact]
    public void Names_metadata_and_values_of_every_kind_are_read()
    {
        string path = _folder["x.safetensors"];
        Dictionary<string, Tensor> tensors = new()
        {
            ["wide \"name\" ü"] = new Tensor([1.5f, -2, float.NaN, float.PositiveInfinity, 5, 6], 1, 2, 3),
            ["empty"] = new Tensor(0, 4),
            ["a"] = new Tensor([float.Epsilon]),
        };

        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["prompt"] = "a cat" });

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal("a cat", file.Metadata["prompt"]);
        Assert.Equal(tensors.Count, file.Tensors.Count);
        foreach ((string name, Tensor tensor) in tensors)
        {
            Assert.Equal(tensor.Shape, file.Read(name).Shape);
            Assert.Equal(tensor.Values, file.Read(name).Values);
        }
    }

    [Fact]
    public void A_file_that_was_cut_off_is_refused_wherever_it_ends()
    {
        Dictionary<string, Tensor> tensors = new() { ["first"] = new Tensor(2, 3), ["second"] = new Tensor(4) };
        using MemoryStream whole = new();
        SafetensorsWriter.Write(whole, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        byte[] bytes = whole.ToArray();
        string path = _folder["cut.safetensors"];

        File.WriteAllBytes(path, bytes);
        for (int length = bytes.Length - 1; length >= 0; length--)
        {
            using (FileStream file = File.OpenWrite(path))
                file.SetLength(length);
            ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => SafetensorsFile.Open(path));
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }

        File.WriteAllBytes(path, bytes);
        SafetensorsFile.Open(path).Dispose();
    }

    public static TheoryData<string, string> Lies() => new()
    {
        { "secret", "not valid JSON" },
        { "[]", "not a JSON object" },
        { "", "not valid JSON" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} x""", "not valid JSON" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}""", "not valid JSON" },
        { """{"t":4}""", "'t' is not a JSON object" },
        { """{"t":{"shape":[4],"data_offsets":[0,4]}}""", "'t' has no 'dtype'" },
        { """{"t":{"dtype":"U8","data_offsets":[0,4]}}""", "'t' has no 'shape'" },
        { """{"t":{"dtype":"U8","shape":[4]}}""", "'t' has no 'data_offsets'" },
        { """{"t":{"dtype":"Q4","shape":[4],"data_offsets":[0,4]}}""", "dtype 'Q4'" },
        { """{"t":{"dtype":8,"shape":[4],"data_offsets":[0,4]}}""", "'t'" },
        { """{"t":{"dtype":"U8","dtype":"I8","shape":[4],"data_offsets":[0,4]}}""", "'dtype' twice" },
        { """{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"t":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "'t' twice" },
        { """{"t":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}""", "'shape' of tensor 't'" },
        { """{"t":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "'shape' of tensor 't'" },
        { """{"t":{"dtype":"U8","shape":[4.5],"data_offsets":[0,4]}}""", "'shape' of tensor 't'" },
        { """{"t":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}""", "'shape' of tensor 't'" },
        { """{"t":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,4]}}""", "'shape' of tensor 't'" },
        { """{"t":{"dtype":"U8","shape":[5],"data_offsets":[0,4]}}""", "[5]" },
        { """{"t":{"dtype":"F32","shape":[4],"data_offsets":[0,4]}}""", "[4] of F32" },
        { """{"t":{"dtype":"U8","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}""", "'t' has 4 bytes" },
        { """{"t":{"dtype":"U8","shape":[9223372036854775807,9223372036854775807,0],"data_offsets":[0,4]}}""", "'t' has 4 bytes" },
        { """{"t":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}""", "'t' has 0 bytes" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "[4,0]" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4,8]}}""", "[0,4,8]" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[-4,0]}}""", "'data_offsets' of tensor 't'" },
        { """{"t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "'t' ends at byte 8 of 4" },
        { """{"t":{"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,4611686018427387904]}}""", "of 4" },
        { """{"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", "end at byte 2 of 4" },
        { """{"t":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "'t' starts at byte 1" },
        { """{"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"u":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "'u' starts at byte 2" },
        { """{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"u":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "'u' starts at byte 2" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":[]}""", "'__metadata__'" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":{"secret":1}}""", "a value of '__metadata__'" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":{"secret":"1","secret":"2"}}""", "a key twice" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"__metadata__":{},"__metadata__":{}}""", "'__metadata__' twice" },
        { """{"\ud800":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "not valid JSON" },
        { """{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":[[[[[[[[[[]]]]]]]]]]}}""", "not valid JSON" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_header_that_lies_is_refused_by_name(string header, string fault)
    {
        string path = Write(header, [1, 2, 3, 4]);

        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => SafetensorsFile.Open(path));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
        Assert.InRange(allocated, 0, 1 << 20);
    }

    [Theory]
    [InlineData(100_000_001)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    public void A_length_of_the_header_that_lies_is_refused(long length)
    {
        string path = _folder["length.safetensors"];
        byte[] bytes = new byte[10];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        bytes[8] = (byte)'{';
        bytes[9] = (byte)'}';
        File.WriteAllBytes(path, bytes);

        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => SafetensorsFile.Open(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Contains("header claims", error.Message, StringComparison.Ordinal);

        // Of another file, it would be the first letters.
        Assert.DoesNotContain(((ulong)length).ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message.Replace(path, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private string WriteOne(string dtype, string shape, byte[] data) =>
        Write($$$"""{"t":{"dtype":"{{{dtype}}}","shape":{{{shape}}},"data_offsets":[0,{{{data.Length}}}]}}""", data);

    private string Write(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        string path = _folder[$"{Guid.NewGuid():N}.safetensors"];
        File.WriteAllBytes(path, [.. length, .. json, .. data]);
        return path;
    }
}
