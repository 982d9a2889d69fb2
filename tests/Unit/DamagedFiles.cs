using System.Buffers.Binary;
using System.Text;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Tensors.Torch;

namespace StableDiffusion.Tests;

/// <summary>A file of tensors with which something is wrong.</summary>
/// <param name="Seed">The number that it was made from.</param>
/// <param name="Damage">What was done to it.</param>
/// <param name="Extension">The ending of its name, such as <c>.ckpt</c>.</param>
/// <param name="Malicious">Whether it asks for code to be run.</param>
/// <param name="Bytes">The file.</param>
internal sealed record DamagedFile(int Seed, string Damage, string Extension, bool Malicious, byte[] Bytes)
{
    public override string ToString() => $"file {Seed} ({Damage}, {Extension})";
}

/// <summary>
/// Makes damaged and malicious safetensors files, archives and streams of PyTorch, always the same one from the same
/// number. Files of which only values were changed can be read: neither format would show it.
/// </summary>
internal static class DamagedFiles
{
    /// <summary>How many there are.</summary>
    public const int Count = 500;

    private const int Kinds = 12;

    private static readonly long[] s_lies = [-1, 0, 1, 2, 7, 255, 65535, 65536, int.MaxValue, uint.MaxValue, 1L << 32, 1L << 40, 1L << 62, long.MaxValue, long.MinValue];

    private static readonly (string Module, string Name)[] s_functions =
    [
        ("os", "system"), ("posix", "system"), ("nt", "system"), ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "eval"),
        ("subprocess", "check_output"), ("runpy", "_run_code"), ("torch", "load"), ("torch.storage", "_load_from_bytes"),
        ("torch.hub", "load"), ("shutil", "rmtree"), ("socket", "create_connection"), ("webbrowser", "open"), ("builtins", "getattr"),
    ];

    /// <summary>All of them, in the order of their numbers.</summary>
    public static IEnumerable<DamagedFile> All() => Enumerable.Range(0, Count).Select(Create);

    /// <summary>The file of a number.</summary>
    public static DamagedFile Create(int seed)
    {
        Random random = new(seed);
        int format = seed / Kinds % 3;
        string extension = format == 0 ? ".safetensors" : format == 1 ? ".ckpt" : ".pt";
        DamagedFile Make(string damage, byte[] bytes, bool malicious = false) => new(seed, damage, extension, malicious, bytes);
        return (seed % Kinds) switch
        {
            0 => Make("cut", Cut(Whole(format, random), random)),
            1 => Make("bits flipped", Flip(Whole(format, random), random, everywhere: true)),
            2 => Make("bits flipped where its structure lies", Flip(Whole(format, random), random, everywhere: false)),
            3 => Make("a part overwritten", Overwrite(Whole(format, random), random)),
            4 => Make("a part left out or doubled", Splice(Whole(format, random), random)),
            5 => Make("a number that lies", Lie(Whole(format, random), random)),
            6 => Make("the header lies", LyingHeader(random)),
            7 => Make("a tensor that leaves its storage", LyingTensor(format, random)),
            8 => Make("a name that leads out of its folder", LeadingOut(random)),
            9 => Make("places that overlap", Overlapping(format, random)),
            10 => Make("malicious", Malicious(format, random), malicious: true),
            _ => Make("a random pickle", RandomPickle(format, random)),
        };
    }

    /// <summary>Damages a file of any format.</summary>
    /// <param name="whole">The file, which stays as it is.</param>
    /// <param name="random">Says how.</param>
    public static byte[] Damage(byte[] whole, Random random)
    {
        byte[] bytes = [.. whole];
        return random.Next(6) switch
        {
            0 => Cut(bytes, random),
            1 => Flip(bytes, random, everywhere: true),
            2 => Flip(bytes, random, everywhere: false),
            3 => Overwrite(bytes, random),
            4 => Splice(bytes, random),
            _ => Lie(bytes, random),
        };
    }

    private static byte[] Whole(int format, Random random)
    {
        TorchWriter writer = new(random.Next(2) == 0 ? 2 : 4);
        return format switch
        {
            0 => Safetensors(random),
            1 => writer.Archive(Root(writer, random, archive: true)),
            _ => writer.Stream(Root(writer, random, archive: false)),
        };
    }

    private static byte[] Safetensors(Random random)
    {
        Dictionary<string, Tensor> tensors = [];
        for (int i = random.Next(1, 6); i > 0; i--)
            tensors[$"model.block.{i}.weight"] = new Tensor(random.Next(1, 5), random.Next(1, 5), random.Next(1, 3));
        MemoryStream bytes = new();
        SafetensorsWriter.Write(bytes, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        return bytes.ToArray();
    }

    private static PickledDictionary Root(TorchWriter writer, Random random, bool archive)
    {
        PickledDictionary state = new(ordered: true);
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            int rows = random.Next(1, 6);
            int columns = random.Next(1, 6);
            (string type, int size) = random.Next(3) switch { 0 => ("FloatStorage", 4), 1 => ("HalfStorage", 2), _ => ("LongStorage", 8) };
            byte[] data = new byte[rows * columns * size];
            random.NextBytes(data);
            PickledId storage = writer.Storage(type, rows * columns, data, archive);
            state.Add($"model.{i}.weight", TorchWriter.Tensor(storage, 0, [rows, columns], [columns, 1]));
            state.Add($"model.{i}.transposed", TorchWriter.Tensor(storage, 0, [columns, rows], [1, columns]));
        }

        return new PickledDictionary { { "epoch", 3 }, { "lr", 0.5 }, { "state_dict", state }, { "callbacks", new PickledDictionary() }, { "betas", new object[] { 0.9, 0.999 } } };
    }

    private static byte[] Cut(byte[] bytes, Random random) => bytes[..random.Next(bytes.Length)];

    private static byte[] Flip(byte[] bytes, Random random, bool everywhere)
    {
        for (int i = random.Next(1, 12); i > 0; i--)
        {
            int at = everywhere ? random.Next(bytes.Length) : random.Next(Math.Min(400, bytes.Length));
            if (!everywhere && random.Next(2) == 0)
                at = bytes.Length - 1 - at;
            bytes[at] ^= (byte)(1 << random.Next(8));
        }

        return bytes;
    }

    private static byte[] Overwrite(byte[] bytes, Random random)
    {
        int start = random.Next(bytes.Length);
        Span<byte> part = bytes.AsSpan(start, random.Next(1, Math.Min(64, bytes.Length - start) + 1));
        if (random.Next(2) == 0)
            random.NextBytes(part);
        else
            part.Fill(random.Next(2) == 0 ? (byte)0 : (byte)0xFF);
        return bytes;
    }

    private static byte[] Splice(byte[] bytes, Random random)
    {
        int first = random.Next(bytes.Length);
        int second = random.Next(first, bytes.Length);
        return random.Next(2) == 0 ? [.. bytes[..first], .. bytes[second..]] : [.. bytes[..second], .. bytes[first..]];
    }

    /// <summary>Writes a number of some size where another one may have been.</summary>
    private static byte[] Lie(byte[] bytes, Random random)
    {
        byte[] lie = BitConverter.GetBytes(s_lies[random.Next(s_lies.Length)])[..(1 << random.Next(4))];
        int from = random.Next(2) == 0 ? 0 : Math.Max(0, bytes.Length - 400);
        int at = random.Next(from, Math.Max(from + 1, Math.Min(bytes.Length, from + 400) - lie.Length));
        lie.CopyTo(bytes, at);
        return bytes;
    }

    private static byte[] LyingHeader(Random random)
    {
        string Number() => s_lies[random.Next(s_lies.Length)].ToString(System.Globalization.CultureInfo.InvariantCulture);
        string Shape() => $"[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => Number()))}]";
        string[] types = ["F32", "F16", "BF16", "F8_E4M3", "I64", "BOOL", "F4", ""];
        string Entry(int i) =>
            $"\"t{i % 3}\":{{\"dtype\":\"{types[random.Next(types.Length)]}\",\"shape\":{Shape()},\"data_offsets\":[{Number()},{Number()}]}}";
        byte[] header = Encoding.UTF8.GetBytes("{" + string.Join(',', Enumerable.Range(0, random.Next(1, 5)).Select(Entry)) + "}");
        long length = random.Next(3) == 0 ? s_lies[random.Next(s_lies.Length)] : header.Length;
        return [.. BitConverter.GetBytes(length), .. header, .. new byte[random.Next(64)]];
    }

    private static byte[] LyingTensor(int format, Random random)
    {
        TorchWriter writer = new();
        long Number() => s_lies[random.Next(s_lies.Length)];
        PickledId storage = writer.Storage("FloatStorage", random.Next(2) == 0 ? 16 : Number(), new byte[64], format != 2);
        int rank = random.Next(1, 4);
        PickledDictionary root = new()
        {
            { "t", TorchWriter.Tensor(storage, random.Next(2) == 0 ? 0 : Number(), [.. Enumerable.Range(0, rank).Select(_ => Number())], [.. Enumerable.Range(0, rank).Select(_ => Number())]) },
        };
        return format == 2 ? writer.Stream(root) : writer.Archive(root);
    }

    private static byte[] LeadingOut(Random random)
    {
        TorchWriter writer = new();
        byte[] pickle = PickleWriter.Dump(Root(writer, random, archive: true));
        string[] folders = ["../", "/", "..\\", "C:\\", "model/../../", "model/..", "\0", "a/b/../../../"];
        string folder = folders[random.Next(folders.Length)];
        return random.Next(2) == 0
            ? ZipWriter.Write(writer.Entries(pickle).ConvertAll(entry => (folder + entry.Name, entry.Data)))
            : ZipWriter.Write([.. writer.Entries(pickle), (folder + "evil.dll", new byte[8])]);
    }

    private static byte[] Overlapping(int format, Random random)
    {
        if (format == 0)
        {
            int overlap = random.Next(1, 16);
            string header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},\"b\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[" + (16 - overlap) + "," + (32 - overlap) + "]}}";
            return [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[32]];
        }

        // An entry of the directory is sent to where another one lies, or made so long that it reaches into the next.
        TorchWriter writer = new();
        byte[] bytes = ZipWriter.Write(writer.Entries(PickleWriter.Dump(Root(writer, random, archive: true))), large: false);
        List<int> entries = [];
        for (int at = 0; at + 46 < bytes.Length; at++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) == 0x02014b50)
                entries.Add(at);
        }

        int from = entries[random.Next(entries.Count)];
        int to = entries[random.Next(entries.Count)];
        if (random.Next(2) == 0)
            bytes.AsSpan(from + 42, 4).CopyTo(bytes.AsSpan(to + 42));
        else
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(from + 20), 0x0000_0200_0000_0200);
        return bytes;
    }

    private static byte[] Malicious(int format, Random random)
    {
        TorchWriter writer = new();
        (string module, string name) = s_functions[random.Next(s_functions.Length)];
        PickledCall call = new(new PickledName(module, name), "echo x");
        PickledDictionary root = Root(writer, random, archive: format != 2);
        object? hidden = random.Next(4) switch
        {
            0 => call,
            1 => new List<object> { call },
            2 => new object[] { 1, new PickledDictionary { { call, 1 } } },
            _ => new PickledDictionary(ordered: true) { { "a", call } },
        };
        root.Entries.Insert(random.Next(root.Entries.Count + 1), ("lr_schedulers", hidden));
        byte[] pickle = random.Next(3) == 0
            ? new PickleWriter().Raw("(").Value("echo x").Raw($"i{module}\n{name}\n").Stop()
            : PickleWriter.Dump(root, random.Next(2) == 0 ? 2 : 4);
        return format switch
        {
            0 => pickle,
            1 => ZipWriter.Write(writer.Entries(pickle)),
            _ => writer.Stream(pickle),
        };
    }

    private static byte[] RandomPickle(int format, Random random)
    {
        byte[] opcodes = [.. "(.01JKMNQRTUXBCGabcehjqrstu)]}"u8, 0x80, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0x94, 0x95, 0x96];
        PickleWriter pickle = new(random.Next(2, 6));
        for (int i = random.Next(1, 400); i > 0; i--)
        {
            _ = random.Next(6) switch
            {
                0 => pickle.Value(s_lies[random.Next(s_lies.Length)]),
                1 => pickle.Text("state_dict"),
                2 => pickle.Name("torch._utils", "_rebuild_tensor_v2"),
                3 => pickle.Raw("}"),
                _ => pickle.Raw(opcodes[random.Next(opcodes.Length)]),
            };
        }

        byte[] bytes = pickle.Stop();
        return format switch
        {
            0 => bytes,
            1 => ZipWriter.Write([("m/data.pkl", bytes)]),
            _ => new TorchWriter().Stream(bytes),
        };
    }
}
