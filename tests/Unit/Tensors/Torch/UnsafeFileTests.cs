using System.Numerics;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors.Torch;

public sealed class UnsafeFileTests : IDisposable
{
    // Its square is more than the limit on operations.
    private const int Many = 5000;

    private readonly TemporaryFolder _folder = new();

    private static PickledId NoValues { get; } = new(["storage", new PickledName("torch", "ByteStorage"), "0", "cpu", 0L]);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string, string> Functions => new()
    {
        { "os", "system", "os.system" },
        { "posix", "system", "posix.system" },
        { "nt", "system", "nt.system" },
        { "builtins", "eval", "builtins.eval" },
        { "__builtin__", "exec", "__builtin__.exec" },
        { "builtins", "getattr", "builtins.getattr" },
        { "builtins", "__import__", "builtins.__import__" },
        { "subprocess", "Popen", "subprocess.Popen" },
        { "runpy", "_run_code", "runpy._run_code" },
        { "webbrowser", "open", "webbrowser.open" },
        { "torch", "load", "torch.load" },
        { "torch", "hub.load", "torch.hub.load" },
        { "torch.storage", "_load_from_bytes", "torch.storage._load_from_bytes" },
        { "torch._utils", "_rebuild_wrapper_subclass", "torch._utils._rebuild_wrapper_subclass" },
        { "torch._utils", "_import_dotted_name", "torch._utils._import_dotted_name" },
        { "torch", "_utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v2" },
        { "torch.jit._script", "RecursiveScriptModule", "torch.jit._script.RecursiveScriptModule" },
        { "collections", "OrderedDict.__class__", "collections.OrderedDict.__class__" },
        { "numpy.core.multiarray", "fromfile", "numpy.core.multiarray.fromfile" },
        { "_codecs", "decode", "_codecs.decode" },
        { "copyreg", "_reconstructor", "copyreg._reconstructor" },
        { "", "", "." },
        { "o\u001b[31ms", "system\u0007", "o?[31ms.system?" },
    };

    [Theory]
    [MemberData(nameof(Functions))]
    public void A_function_that_no_tensor_needs_is_refused_by_name_before_it_is_called(string module, string name, string shown)
    {
        foreach (int protocol in (int[])[2, 4])
        {
            string opcode = protocol == 2 ? "GLOBAL" : "STACK_GLOBAL";
            PickledCall call = new(new PickledName(module, name), "echo x");
            Refused(opcode, shown, PickleWriter.Dump(call, protocol));
            Refused(opcode, shown, PickleWriter.Dump(new PickledDictionary(ordered: true) { { "a", new List<object> { 1, new PickledDictionary { { "b", call } } } } }, protocol));
            Refused(opcode, shown, PickleWriter.Dump(new PickledDictionary { { "state_dict", new PickledDictionary() }, { "callbacks", new PickledName(module, name) } }, protocol));
        }
    }

    [Fact]
    public void Opcodes_that_could_run_code_are_refused_by_name()
    {
        Refused("INST", "os.system", New().Raw("(").Value("echo x").Raw("ios\nsystem\n").Stop());
        Refused("OBJ", "torch.FloatStorage", New().Raw("(").Name("torch", "FloatStorage").Value("x").Raw("o").Stop());
        Refused("NEWOBJ", "torch.FloatStorage", New().Name("torch", "FloatStorage").Raw(")").Raw(0x81).Stop());
        Refused("NEWOBJ", "collections.OrderedDict", New().Name("collections", "OrderedDict").Raw(")").Raw(0x81).Stop());
        Refused("NEWOBJ", "torch.nn.modules.container.ParameterDict", New().Name("torch.nn.modules.container", "ParameterDict").Value(new object[] { 1 }).Raw(0x81).Stop());
        Refused("NEWOBJ", "str", New().Value("os.system").Raw(")").Raw(0x81).Stop());
        Refused("NEWOBJ_EX", "torch.Size", New().Name("torch", "Size").Raw(")}").Raw(0x92).Stop());
        Refused("EXT1", "copyreg extension 7", New().Raw(0x82, 7).Stop());
        Refused("EXT2", "copyreg extension 513", New().Raw(0x83, 1, 2).Stop());
        Refused("EXT4", "copyreg extension 7", New().Raw(0x84).Number(7).Stop());
        Refused("PERSID", "persistent id os.system", New().Raw("Pos.system\n").Stop());
    }

    [Fact]
    public void Calls_of_what_is_only_a_name_are_refused()
    {
        Refused("REDUCE", "torch.FloatStorage", New().Name("torch", "FloatStorage").Raw(")R").Stop());
        Refused("REDUCE", "torch.float16", New().Name("torch", "float16").Raw(")R").Stop());
        Refused("REDUCE", "numpy.ndarray", New().Name("numpy", "ndarray").Raw(")R").Stop());
        Refused("REDUCE", "torch.nn.modules.container.ParameterDict", New().Name("torch.nn.modules.container", "ParameterDict").Raw(")R").Stop());
        Refused(
            "REDUCE",
            "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
            New().Name("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint").Raw(")R").Stop());
        Refused("REDUCE", "str", New().Value("os.system").Raw(")R").Stop());
        Refused("REDUCE", "dict", New().Raw("})R").Stop());

        // What a call gives is not called either.
        Refused("REDUCE", "an object", New().Name("_codecs", "encode").Raw(")R").Raw(")R").Stop());
    }

    [Fact]
    public void Attributes_are_set_on_nothing_that_could_act_on_them()
    {
        PickledDictionary state = new() { { "__reduce__", 1 } };
        Refused("BUILD", "torch.FloatStorage", New().Name("torch", "FloatStorage").Value(state).Raw("b").Stop());
        Refused("BUILD", "dict", New().Raw("}").Value(state).Raw("b").Stop());
        Refused("BUILD", "list", New().Raw("]").Value(state).Raw("b").Stop());
        Refused("BUILD", "None", New().Raw("N").Value(state).Raw("b").Stop());
        Refused("BUILD", "collections.OrderedDict", New().Name("collections", "OrderedDict").Raw(")R").Value("state").Raw("b").Stop());
        Refused(
            "BUILD",
            "torch.Tensor",
            New().Value(TorchWriter.Tensor(new TorchWriter().Storage("ByteStorage", 1, [1]), 0, [1], [1])).Value(state).Raw("b").Stop());
    }

    [Fact]
    public void A_pickle_of_an_old_protocol_is_refused_as_what_it_is()
    {
        Refused("GLOBAL", "os.system", "cos\nsystem\n(S'echo x'\ntR."u8.ToArray(), wrapped: false, position: 0);
        Refused("GLOBAL", "posix.system", "(cposix\nsystem\nS'echo x'\no."u8.ToArray(), wrapped: false, position: 1);
        Refused("INST", "os.system", "(ios\nsystem\n."u8.ToArray(), wrapped: false, position: 1);
        Refused("GLOBAL", "os.system", [0x80, 2, .. "cos\nsystem\n"u8], wrapped: false, position: 2);
    }

    [Fact]
    public void The_position_is_that_of_the_opcode_in_the_file()
    {
        byte[] file = new TorchWriter().Archive(new PickledDictionary { { "a", new PickledName("os", "system") } });
        string path = Write(file);

        UnsafeFileException error = Assert.Throws<UnsafeFileException>(() => TensorFile.Open(path));

        Assert.Equal(file.AsSpan().IndexOf("cos\nsystem\n"u8), error.Position);
        Assert.Contains($"byte {error.Position}", error.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Bombs()
    {
        TheoryData<string, byte[]> bombs = new()
        {
            { "LONG4 claims 2 GB", New().Raw(0x8b).Number(int.MaxValue).Stop() },
            { "LONG4 claims less than nothing", New().Raw(0x8b).Number(-1).Stop() },
            { "BINUNICODE claims 4 GB", New().Raw("X").Number(-1).Stop() },
            { "BINUNICODE8 claims 2^62 bytes", New().Raw(0x8d).Number(1L << 62).Stop() },
            { "BINUNICODE8 claims 2^64-1 bytes", New().Raw(0x8d).Number(-1L).Stop() },
            { "BINBYTES8 claims 2^63-1 bytes", New().Raw(0x8e).Number(long.MaxValue).Stop() },
            { "BYTEARRAY8 claims 2^63-1 bytes", New().Raw(0x96).Number(long.MaxValue).Stop() },
            { "a value is remembered as the 2^32-1st", New().Raw("Nr").Number(-1).Stop() },
            { "a value is remembered as the 2^31-1st", New().Raw("Nr").Number(int.MaxValue).Stop() },
            { "marks without end", New().Raw(Repeat("("u8, 2000)).Stop() },
            { "values without end", New().Raw(Repeat("N"u8, 100_000)).Stop() },
            { "dictionaries without end", New().Raw("]").Raw(Repeat("}a"u8, 3_000_000)).Stop() },
            { "nothing, often", New().Raw(Repeat("N0"u8, 6_000_000)).Stop() },
            { "texts without end", New().Raw(Repeat([(byte)'X', 0, 0, 1, 0, .. new byte[65536], (byte)'0'], 400)).Stop() },
            { "tuples that double", New().Raw("}").Value("a").Raw(")").Raw(Repeat([(byte)'q', 9, (byte)'h', 9, 0x86], 100_000)).Raw("s").Stop() },
            { "lists in lists, ten thousand deep", Nested(10_000) },
            { "dictionaries in themselves", Raw("}q\0X\u0001\0\0\0ah\0s.") },
        };
        bombs.Add("a billion laughs", Laughs());
        return bombs;
    }

    [Theory]
    [MemberData(nameof(Bombs), DisableDiscoveryEnumeration = true)]
    public void A_pickle_that_would_exhaust_the_machine_is_refused_cheaply(string name, byte[] pickle)
    {
        foreach (byte[] file in (byte[][])[new TorchWriter().Stream(pickle), ZipWriter.Write([("m/data.pkl", pickle)])])
        {
            string path = Write(file);
            long before = GC.GetAllocatedBytesForCurrentThread();
            ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path));
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 200_000_000, name);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    public static TheoryData<string, string, byte[]> Repetitions()
    {
        PickledDictionary wide = new() { { "_parameters", new PickledDictionary() } };
        List<object?> list = [];
        for (int i = 0; i < Many; i++)
        {
            wide.Add(null, null);
            list.Add(null);
        }

        PickledCall View() => new(new PickledName("torch._utils", "_rebuild_tensor_v2"), NoValues, 0L, new object?[] { 0L }, new object?[] { 1L }, false, new PickledDictionary(), wide);
        PickleWriter built = New().Value(wide).Raw("0").Name("torch.nn.modules.container", "ParameterDict").Raw(")").Raw(0x81);
        for (int i = 0; i < Many; i++)
            built.Value(wide).Raw("b");
        string longKey = new('k', 50_000);
        return new()
        {
            { "attributes that are set again and again", "operations", built.Stop() },
            { "one dictionary under many names", "operations", Shared(wide) },
            { "one list under many names", "operations", Shared(list) },
            { "one tuple under many names", "operations", Shared(list.ToArray()) },
            { "one tuple in a list", "operations", PickleWriter.Dump(new PickledDictionary { { "a", Enumerable.Repeat<object?>(list.ToArray(), Many).ToList() } }) },
            { "marks of many tensors", "operations", PickleWriter.Dump(new PickledDictionary { { "a", Enumerable.Range(0, Many).Select(_ => View()).ToList() } }) },
            { "one large number under many names", "bytes of text", PickleWriter.Dump(Entries(6 * Many, static i => $"n{i}", (BigInteger.One << 2032) - 1)) },
            { "one long name of many numbers", "bytes of text", PickleWriter.Dump(Entries(Many, _ => longKey, 1)) },
        };

        static byte[] Shared(object value) => PickleWriter.Dump(Entries(Many, static i => "k", value));
    }

    [Theory]
    [MemberData(nameof(Repetitions), DisableDiscoveryEnumeration = true)]
    public void A_pickle_that_has_one_value_read_again_and_again_is_refused(string name, string limit, byte[] pickle)
    {
        foreach (byte[] file in (byte[][])[new TorchWriter().Stream(pickle), ZipWriter.Write([("m/data.pkl", pickle), ("m/data/0", [])])])
        {
            string path = Write(file);
            ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(path));
            Assert.True(error.Message.Contains(limit, StringComparison.Ordinal), $"{name}: {error.Message}");
        }
    }

    [Fact]
    public void A_storage_with_a_long_key_is_refused()
    {
        string key = new('k', 129);
        PickledId storage = new(["storage", new PickledName("torch", "ByteStorage"), key, "cpu", 0L]);
        byte[] pickle = PickleWriter.Dump(new PickledDictionary { { "t", TorchWriter.Tensor(storage, 0, [0], [1]) } });

        foreach (byte[] file in (byte[][])[new TorchWriter().Stream(pickle), ZipWriter.Write([("m/data.pkl", pickle), ($"m/data/{key}", [])])])
        {
            ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(Write(file)));
            Assert.Contains("a key of 129 characters", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_long_name_of_a_folder_is_not_copied_for_each_storage()
    {
        string folder = new('f', 60_000);
        PickledDictionary root = Entries(Many, static i => $"t{i}", null);
        for (int i = 0; i < Many; i++)
            root.Entries[i] = (root.Entries[i].Key, TorchWriter.Tensor(NoValues, 0, [0], [1]));
        string path = Write(ZipWriter.Write([($"{folder}/data.pkl", PickleWriter.Dump(root)), ($"{folder}/data/0", [])]));

        long before = GC.GetAllocatedBytesForCurrentThread();
        using ITensorFile file = TensorFile.Open(path);

        Assert.Equal(Many, file.Tensors.Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 50_000_000);
    }

    [Fact]
    public void Names_of_one_values_storage_do_not_make_a_small_file_a_large_model()
    {
        const int Length = 100_000;
        TorchWriter writer = new();
        PickledCall tensor = TorchWriter.Tensor(writer.Storage("ByteStorage", Length, new byte[Length]), 0, [Length], [1]);
        PickledDictionary root = new();
        for (int i = 0; i < 1000; i++)
            root.Add($"t{i}", tensor);

        ModelInvalidException error = Assert.Throws<ModelInvalidException>(() => TensorFile.Open(Write(writer.Archive(root))));
        Assert.Contains("tensors of 100000000 bytes", error.Message, StringComparison.Ordinal);
    }

    private static PickledDictionary Entries(int count, Func<int, string> key, object? value)
    {
        PickledDictionary all = new();
        for (int i = 0; i < count; i++)
            all.Add(key(i), value);
        return all;
    }

    /// <summary>Nine dictionaries, each of which holds the next one ten times, and the last a tensor.</summary>
    private static byte[] Laughs()
    {
        PickledDictionary inner = new() { { "t", TorchWriter.Tensor(NoValues, 0, [0], [1]) } };
        for (int level = 0; level < 9; level++)
        {
            PickledDictionary outer = new();
            for (int i = 0; i < 10; i++)
                outer.Add($"laugh{i}", inner);
            inner = outer;
        }

        return PickleWriter.Dump(inner);
    }

    private static byte[] Repeat(ReadOnlySpan<byte> part, int count)
    {
        byte[] all = new byte[part.Length * count];
        for (int i = 0; i < count; i++)
            part.CopyTo(all.AsSpan(i * part.Length));
        return all;
    }

    private static byte[] Nested(int depth) => New().Raw("}").Value("a").Raw(Repeat("]"u8, depth)).Raw(Repeat("a"u8, depth - 1)).Raw("s").Stop();

    private static byte[] Raw(string latin) => [0x80, 2, .. System.Text.Encoding.Latin1.GetBytes(latin)];

    private static PickleWriter New() => new();

    private void Refused(string opcode, string global, byte[] pickle, bool wrapped = true, long? position = null)
    {
        byte[][] files = wrapped ? [pickle, new TorchWriter().Stream(pickle), ZipWriter.Write([("m/data.pkl", pickle)])] : [pickle];
        foreach (byte[] file in files)
        {
            string path = Write(file);
            UnsafeFileException error = Assert.Throws<UnsafeFileException>(() => TensorFile.Open(path));
            Assert.Equal(opcode, error.Opcode);
            Assert.Equal(global, error.Global);
            Assert.Contains(opcode, error.Message, StringComparison.Ordinal);
            Assert.Contains($"'{global}'", error.Message, StringComparison.Ordinal);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            if (position is not null)
                Assert.Equal(position, error.Position);
        }
    }

    private string Write(byte[] bytes)
    {
        string path = _folder[$"{Guid.NewGuid():N}.pt"];
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
