using System.Runtime.InteropServices;
using StableDiffusion.Tensors;
using StableDiffusion.Tensors.Torch;

namespace StableDiffusion.Tests.Tensors.Torch;

public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// The files in tests/data/torch were written by CPython's own pickle and zipfile modules, with stand-ins for the
    /// classes of torch, numpy and pytorch_lightning, as torch.save writes a trainer's checkpoint.
    /// </summary>
    [Theory]
    [InlineData("archive-protocol2.pt")]
    [InlineData("archive-protocol3.pt")]
    [InlineData("archive-protocol4.pt")]
    [InlineData("archive-protocol5.pt")]
    [InlineData("stream-protocol2.pt")]
    [InlineData("stream-protocol3.pt")]
    [InlineData("stream-protocol4.pt")]
    [InlineData("stream-protocol5.pt")]
    public void A_trainers_checkpoint_that_Python_wrote_is_read(string name)
    {
        using ITensorFile file = TensorFile.Open(Repository.Data("torch", name));

        Assert.Equal(["model.a", "model.a_row", "model.a_transposed", "model.b", "model.count", "model.f8"], file.Tensors.Keys.Order());
        Assert.Equal([2, 3], file.Read("model.a").Shape);
        Assert.Equal([1, 2, 3, 4, 5, 6], file.Read("model.a").Values);
        Assert.Equal([3, 2], file.Read("model.a_transposed").Shape);
        Assert.Equal([1, 4, 2, 5, 3, 6], file.Read("model.a_transposed").Values);
        Assert.Equal([4, 5, 6], file.Read("model.a_row").Values);
        Assert.Equal([0.5f, -2], file.Read("model.b").Values);
        Assert.Equal(StoredElementType.F16, file.Tensors["model.b"].ElementType);
        Assert.Equal(4, file.Tensors["model.b"].ByteLength);
        Assert.Empty(file.Read("model.count").Shape);
        Assert.Equal([77], file.Read("model.count").Values);
        Assert.Equal(StoredElementType.F8E4M3, file.Tensors["model.f8"].ElementType);
        Assert.Equal([1, -2], file.Read("model.f8").Values);
        Assert.Equal("3", file.Metadata["epoch"]);
        Assert.Equal("470000", file.Metadata["global_step"]);
        Assert.Equal("1.4.2", file.Metadata["pytorch-lightning_version"]);
        Assert.Equal("1E-05", file.Metadata["lr"]);
        Assert.Equal("1180591620717411303424", file.Metadata["big"]);
    }

    [Fact]
    public void The_file_of_textual_inversion_itself_is_read()
    {
        using TorchFile file = TorchFile.Open(Repository.Data("torch", "textual-inversion.pt"));

        Assert.Equal(["string_to_param.*"], file.Tensors.Keys);
        Assert.Equal([1, 2], file.Read("string_to_param.*").Shape);
        Assert.Equal([1.5f, -1], file.Read("string_to_param.*").Values);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(true, 4)]
    [InlineData(false, 2)]
    [InlineData(false, 4)]
    public void An_embedding_of_A1111_gives_its_vectors_and_its_name(bool archive, int protocol)
    {
        TorchWriter writer = new(protocol);
        PickledId storage = writer.Storage("FloatStorage", 4, Floats(1, 2, 3, 4), archive);
        PickledDictionary root = new()
        {
            { "string_to_token", new PickledDictionary { { "*", 265 } } },
            { "string_to_param", new PickledDictionary { { "*", TorchWriter.Tensor(storage, 0, [2, 2], [2, 1]) } } },
            { "name", "style" },
            { "step", 500 },
            { "sd_checkpoint", null },
        };
        using ITensorFile file = Open(archive ? writer.Archive(root) : writer.Stream(root));

        Assert.Equal(["string_to_param.*"], file.Tensors.Keys);
        Assert.Equal([1, 2, 3, 4], file.Read("string_to_param.*").Values);
        Assert.Equal(new Dictionary<string, string> { ["name"] = "style", ["step"] = "500" }, file.Metadata);
    }

    [Theory]
    [InlineData("DoubleStorage", StoredElementType.F64, "000000000000F8BF0000000000002440", -1.5f, 10f)]
    [InlineData("FloatStorage", StoredElementType.F32, "0000C0BF00002041", -1.5f, 10f)]
    [InlineData("HalfStorage", StoredElementType.F16, "00BE0049", -1.5f, 10f)]
    [InlineData("BFloat16Storage", StoredElementType.BF16, "C0BF2041", -1.5f, 10f)]
    [InlineData("LongStorage", StoredElementType.I64, "FEFFFFFFFFFFFFFF0100000001000000", -2f, 4294967297f)]
    [InlineData("IntStorage", StoredElementType.I32, "FEFFFFFF00000100", -2f, 65536f)]
    [InlineData("ShortStorage", StoredElementType.I16, "FEFF0001", -2f, 256f)]
    [InlineData("CharStorage", StoredElementType.I8, "FE7F", -2f, 127f)]
    [InlineData("ByteStorage", StoredElementType.U8, "FE7F", 254f, 127f)]
    [InlineData("BoolStorage", StoredElementType.Bool, "0001", 0f, 1f)]
    [InlineData("float8_e4m3fn", StoredElementType.F8E4M3, "BC52", -1.5f, 10f)]
    [InlineData("float8_e5m2", StoredElementType.F8E5M2, "BE49", -1.5f, 10f)]
    [InlineData("float16", StoredElementType.F16, "00BE0049", -1.5f, 10f)]
    public void Values_of_every_type_become_floats(string type, Enum expected, string bytes, float first, float second)
    {
        byte[] data = Convert.FromHexString(bytes);
        foreach (bool archive in (bool[])[true, false])
        {
            TorchWriter writer = new();
            PickledCall tensor = type.EndsWith("Storage", StringComparison.Ordinal)
                ? TorchWriter.Tensor(writer.Storage(type, 2, data, archive), 0, [2], [1])
                : TorchWriter.Tensor(writer.Storage("UntypedStorage", data.Length, data, archive), type, [2], [1]);
            PickledDictionary root = new() { { "t", tensor } };
            using ITensorFile file = Open(archive ? writer.Archive(root) : writer.Stream(root));

            Assert.Equal(expected, file.Tensors["t"].ElementType);
            Assert.Equal(data.Length, file.Tensors["t"].ByteLength);
            Assert.Equal([first, second], file.Read("t").Values);
        }
    }

    public static TheoryData<string, long, long[], long[], float[]> Views => new()
    {
        { "whole", 0, [2, 3, 4], [12, 4, 1], Range(24) },
        { "part", 5, [3], [1], [5, 6, 7] },
        { "one value", 7, [], [], [7] },
        { "lengths of 1 with any stride", 3, [1, 2, 1], [99, 1, 1000], [3, 4] },
        { "every third", 2, [4], [3], [2, 5, 8, 11] },
        { "transposed", 0, [4, 6], [1, 4], [0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23] },
        { "rows of a wider matrix", 1, [3, 2], [8, 1], [1, 2, 9, 10, 17, 18] },
        { "channels last", 0, [1, 2, 2, 3], [12, 1, 6, 2], [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11] },
        { "overlapping rows", 0, [3, 2], [1, 1], [0, 1, 1, 2, 2, 3] },
        { "the same value often", 4, [3, 2], [0, 0], [4, 4, 4, 4, 4, 4] },
        { "no values", 24, [0, 7], [7, 1], [] },
    };

    [Theory]
    [MemberData(nameof(Views))]
    public void A_view_gives_its_values_row_by_row_from_any_start(string name, long offset, long[] shape, long[] strides, float[] expected)
    {
        TorchWriter writer = new();
        PickledId storage = writer.Storage("HalfStorage", 24, Halves(Range(24)));
        using ITensorFile file = Open(writer.Archive(new PickledDictionary(ordered: true) { { name, TorchWriter.Tensor(storage, offset, shape, strides) } }));

        Assert.Equal(shape, file.Tensors[name].Shape);
        Assert.Equal(expected.Length, file.Tensors[name].Count);
        Assert.Equal(expected, file.Read(name).Values);
        for (int start = 0; start < expected.Length; start++)
        {
            for (int length = 0; length <= expected.Length - start; length++)
            {
                float[] part = new float[length];
                file.Read(name, part, start);
                Assert.Equal(expected[start..(start + length)], part);
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(name, new float[1], expected.Length));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(name, new float[1], -1));
    }

    [Fact]
    public void A_long_view_is_gathered_in_blocks()
    {
        const int Count = 5000;
        TorchWriter writer = new();
        PickledId storage = writer.Storage("DoubleStorage", 3 * Count, MemoryMarshal.AsBytes<double>([.. Enumerable.Range(0, 3 * Count).Select(i => (double)i)]).ToArray());
        using ITensorFile file = Open(writer.Archive(new PickledDictionary { { "t", TorchWriter.Tensor(storage, 0, [3, Count], [1, 3]) } }));

        float[] values = file.Read("t").Values;

        for (int i = 0; i < values.Length; i++)
            Assert.Equal(i % Count * 3 + i / Count, values[i]);
    }

    [Fact]
    public void A_storage_may_be_a_part_of_another_in_the_older_format()
    {
        TorchWriter writer = new();
        PickledId whole = writer.Storage("FloatStorage", 6, Floats(Range(6)), archive: false);
        PickledId part = new([.. whole.Id[..5], new object?[] { "view", 2L, 3L }]);
        using ITensorFile file = Open(writer.Stream(new PickledDictionary
        {
            { "whole", TorchWriter.Tensor(whole, 0, [6], [1]) },
            { "part", TorchWriter.Tensor(part, 1, [2], [1]) },
        }));

        Assert.Equal(Range(6), file.Read("whole").Values);
        Assert.Equal([3, 4], file.Read("part").Values);

        TorchWriter lying = new();
        whole = lying.Storage("FloatStorage", 6, Floats(Range(6)), archive: false);
        part = new([.. whole.Id[..5], new object?[] { "view", 2L, 3L }]);
        Refused("exceeds its storage", lying.Stream(new PickledDictionary { { "part", TorchWriter.Tensor(part, 1, [3], [1]) } }));
    }

    [Fact]
    public void Lists_and_numbers_as_keys_take_part_in_names()
    {
        TorchWriter writer = new();
        PickledCall tensor = TorchWriter.Tensor(writer.Storage("ByteStorage", 1, [9]), 0, [1], [1]);
        using ITensorFile file = Open(writer.Archive(new PickledDictionary
        {
            { 768, new object?[] { new PickledDictionary { { "weight", tensor } }, new PickledDictionary { { "weight", tensor } } } },
            { new PickledName("pytorch_lightning.callbacks.early_stopping", "EarlyStopping"), new PickledDictionary { { "kept", tensor } } },
        }));

        Assert.Equal(["768.0.weight", "768.1.weight"], file.Tensors.Keys.Order());
    }

    [Fact]
    public void An_archive_without_64_bit_fields_and_in_any_folder_is_read()
    {
        TorchWriter writer = new();
        PickledCall tensor = TorchWriter.Tensor(writer.Storage("ByteStorage", 1, [9]), 0, [1], [1]);
        byte[] pickle = PickleWriter.Dump(new PickledDictionary { { "t", tensor } });
        List<(string Name, byte[] Data)> entries = writer.Entries(pickle).ConvertAll(entry => (entry.Name.Replace("model/", "v1-5 ü/", StringComparison.Ordinal), entry.Data));

        using ITensorFile file = Open(ZipWriter.Write(entries, large: false));
        Assert.Equal([9], file.Read("t").Values);
        using ITensorFile bare = Open(ZipWriter.Write(writer.Entries(pickle).ConvertAll(entry => (entry.Name["model/".Length..], entry.Data))));
        Assert.Equal([9], bare.Read("t").Values);
    }

    [Fact]
    public void Values_are_not_loaded_before_they_are_read()
    {
        const int Length = 64 << 20;
        string path = _folder["large.ckpt"];
        TorchWriter writer = new();
        PickledCall tensor = TorchWriter.Tensor(writer.Storage("ByteStorage", Length, new byte[Length]), 0, [Length], [1]);
        File.WriteAllBytes(path, writer.Archive(new PickledDictionary { { "t", tensor } }));

        long before = GC.GetAllocatedBytesForCurrentThread();
        using ITensorFile file = TensorFile.Open(path);
        file.Read("t", new float[16], Length - 16);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_missing_file_a_missing_tensor_and_a_closed_file_are_told()
    {
        Assert.Throws<ModelNotFoundException>(() => TorchFile.Open(_folder["none.pt"]));
        TorchFile file = TorchFile.Open(Repository.Data("torch", "textual-inversion.pt"));
        Assert.Contains("'u'", Assert.Throws<ModelInvalidException>(() => file.Read("u")).Message, StringComparison.Ordinal);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read("string_to_param.*"));
    }

    [Fact]
    public void A_file_that_was_cut_off_is_refused_wherever_it_ends()
    {
        foreach (string name in (string[])["archive-protocol2.pt", "stream-protocol4.pt"])
        {
            string path = _folder[name];
            File.Copy(Repository.Data("torch", name), path);
            Stack<int> lengths = [];
            for (int length = 0; length < new FileInfo(path).Length; length += length is > 700 and < 4700 ? 37 : 1)
                lengths.Push(length);
            foreach (int length in lengths)
            {
                using (FileStream file = File.OpenWrite(path))
                    file.SetLength(length);
                ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path));
                Assert.Contains(path, error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Many_views_that_are_spread_over_one_block_are_refused()
    {
        TorchWriter writer = new();
        PickledId storage = writer.Storage("FloatStorage", 1000, new byte[4000]);
        PickledDictionary root = new();
        for (int i = 0; i < 8; i++)
            root.Add($"t{i}", TorchWriter.Tensor(storage, 0, [2], [999]));
        using ITensorFile file = Open(writer.Archive(root));
        Assert.Equal([0, 0], file.Read("t7").Values);

        for (int i = 8; i < 200; i++)
            root.Add($"t{i}", TorchWriter.Tensor(storage, 0, [2], [999]));
        Refused("spread over 800000 bytes", writer.Archive(root));
    }

    [Fact]
    public void What_is_no_file_of_weights_is_refused_by_what_it_is()
    {
        TorchWriter writer = new();
        PickledDictionary root = new() { { "t", TorchWriter.Tensor(writer.Storage("ByteStorage", 1, [9]), 0, [1], [1]) } };
        byte[] pickle = PickleWriter.Dump(root);

        Refused("TorchScript", writer.Archive(root, ("model/constants.pkl", [])));
        Refused("TorchScript", writer.Archive(root, ("model/code/__torch__.py", [])));
        Refused("big-endian", ZipWriter.Write([("m/data.pkl", pickle), ("m/byteorder", "big"u8.ToArray()), ("m/data/0", [9])]));
        Refused("big-endian", writer.Stream(root, littleEndian: false));
        Refused("2 files 'data.pkl'", writer.Archive(root, ("other/data.pkl", pickle)));
        Refused("has no 'data.pkl'", ZipWriter.Write([("model.safetensors", [1])]));
        Refused("without tensors", new TorchWriter().Archive(new PickledDictionary { { "epoch", 3 } }));
        Refused("no dictionary", writer.Archive(root.Entries[0].Value));
        Refused("PyTorch did not write it", PickleWriter.Dump(new PickledDictionary { { "a", 1 } }));
        Refused("two tensors 'a.b'", writer.Archive(new PickledDictionary
        {
            { "a.b", root.Entries[0].Value },
            { "a", new PickledDictionary { { "b", root.Entries[0].Value } } },
        }));
        Refused("complex64", Typed("UntypedStorage", 8, "complex64"));
        Refused("ComplexFloatStorage", Typed("ComplexFloatStorage", 1, null));
    }

    public static TheoryData<string, long, long[], long[]> Lies => new()
    {
        { "beyond the end", 0, [7], [1] },
        { "beyond the end from an offset", 4, [3], [1] },
        { "beyond the end by a stride", 0, [2, 2], [5, 1] },
        { "below zero", -1, [1], [1] },
        { "a length below zero", 0, [-1], [1] },
        { "a stride below zero", 5, [2], [-1] },
        { "more strides than lengths", 0, [2], [1, 1] },
        { "more values than the storage has", 0, [7], [0] },
        { "a tensor of 2^62 values of one byte", 0, [1L << 62], [0] },
        { "lengths whose product wraps to zero", 0, [1L << 32, 1L << 32], [1L << 32, 1] },
        { "lengths whose product wraps to six", 0, [3, 6148914691236517207, 2], [0, 0, 0] },
        { "a stride that wraps to the start", 0, [3], [1L << 63 >> 1 & long.MaxValue] },
        { "the largest numbers", long.MaxValue, [long.MaxValue, long.MaxValue], [long.MaxValue, long.MaxValue] },
        { "no values beyond the end", 7, [0], [1] },
        { "too many axes", 0, [.. Enumerable.Repeat(1L, 65)], [.. Enumerable.Repeat(1L, 65)] },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_view_that_leaves_its_storage_is_refused(string lie, long offset, long[] shape, long[] strides)
    {
        Assert.NotEmpty(lie);
        foreach (bool archive in (bool[])[true, false])
        {
            TorchWriter writer = new();
            PickledDictionary root = new() { { "t", TorchWriter.Tensor(writer.Storage("FloatStorage", 6, Floats(Range(6)), archive), offset, shape, strides) } };
            Refused("contradicts itself", archive ? writer.Archive(root) : writer.Stream(root));
        }
    }

    [Theory]
    [InlineData(7)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 62)]
    public void A_storage_that_is_larger_than_the_file_has_is_refused(long count)
    {
        foreach (bool archive in (bool[])[true, false])
        {
            TorchWriter writer = new();
            PickledDictionary root = new() { { "t", TorchWriter.Tensor(writer.Storage("FloatStorage", count, Floats(Range(6)), archive), 0, [6], [1]) } };
            Refused("storage '0'", archive ? writer.Archive(root) : writer.Stream(root), "should follow");
        }
    }

    [Fact]
    public void A_storage_that_is_missing_is_refused()
    {
        TorchWriter writer = new();
        PickledId storage = new(["storage", new PickledName("torch", "FloatStorage"), "../../etc/passwd", "cpu", 1L]);
        PickledDictionary root = new() { { "t", TorchWriter.Tensor(storage, 0, [1], [1]) } };

        Refused("'../../etc/passwd' is missing", writer.Archive(root));
        Refused("'../../etc/passwd' is missing", writer.Stream(root));
    }

    private static byte[] Typed(string storage, long count, string? dtype)
    {
        TorchWriter writer = new();
        PickledId block = writer.Storage(storage, count, new byte[8]);
        return writer.Archive(new PickledDictionary
        {
            { "t", dtype is null ? TorchWriter.Tensor(block, 0, [1], [1]) : TorchWriter.Tensor(block, dtype, [1], [1]) },
        });
    }

    private void Refused(string fault, byte[] bytes, string? otherFault = null)
    {
        string path = _folder[$"{Guid.NewGuid():N}.pt"];
        File.WriteAllBytes(path, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Contains(fault, StringComparison.Ordinal) || (otherFault is not null && error.Message.Contains(otherFault, StringComparison.Ordinal)), error.Message);
    }

    private ITensorFile Open(byte[] bytes)
    {
        string path = _folder[$"{Guid.NewGuid():N}.pt"];
        File.WriteAllBytes(path, bytes);
        return TensorFile.Open(path);
    }

    private static float[] Range(int count) => [.. Enumerable.Range(0, count).Select(i => (float)i)];

    private static byte[] Floats(params float[] values) => MemoryMarshal.AsBytes<float>(values).ToArray();

    private static byte[] Halves(float[] values) => MemoryMarshal.AsBytes<Half>([.. values.Select(value => (Half)value)]).ToArray();
}
