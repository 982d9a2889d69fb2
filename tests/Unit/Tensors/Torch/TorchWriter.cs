using System.Globalization;
using System.Numerics;

namespace StableDiffusion.Tests.Tensors.Torch;

/// <summary>Writes files as <c>torch.save</c> does, in both of its formats.</summary>
/// <param name="protocol">The pickle protocol.</param>
internal sealed class TorchWriter(int protocol = 2)
{
    public static readonly BigInteger Magic = BigInteger.Parse("1950A86A20F9469CFC6C", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private readonly List<(string Key, long Count, byte[] Data)> _storages = [];

    /// <summary>Adds a block of values.</summary>
    /// <param name="type">The class of storage, such as <c>FloatStorage</c>.</param>
    /// <param name="count">How many values it claims.</param>
    /// <param name="data">Their bytes.</param>
    /// <param name="archive">Whether it is named as in an archive; else as in a stream.</param>
    public PickledId Storage(string type, long count, byte[] data, bool archive = true)
    {
        string key = _storages.Count.ToString(CultureInfo.InvariantCulture);
        _storages.Add((key, count, data));
        PickledName name = new(type == "UntypedStorage" ? "torch.storage" : "torch", type);
        return new PickledId(archive ? ["storage", name, key, "cpu", count] : ["storage", name, key, "cpu", count, null]);
    }

    public static PickledCall Tensor(PickledId storage, long offset, long[] shape, long[] strides) => new(
        new PickledName("torch._utils", "_rebuild_tensor_v2"), storage, offset, Tuple(shape), Tuple(strides), false, new PickledDictionary(ordered: true));

    /// <summary>A tensor of a type that has no class of storage.</summary>
    public static PickledCall Tensor(PickledId storage, string dtype, long[] shape, long[] strides) => new(
        new PickledName("torch._utils", "_rebuild_tensor_v3"),
        storage, 0L, Tuple(shape), Tuple(strides), false, new PickledDictionary(ordered: true), new PickledName("torch", dtype));

    /// <summary>The archive of a value, in which every storage lies.</summary>
    public byte[] Archive(object? root, params (string Name, byte[] Data)[] more) => ZipWriter.Write(Entries(PickleWriter.Dump(root, protocol), more));

    /// <summary>What an archive with a given pickle holds.</summary>
    public List<(string Name, byte[] Data)> Entries(byte[] pickle, params (string Name, byte[] Data)[] more) =>
    [
        ("model/data.pkl", pickle),
        ("model/byteorder", "little"u8.ToArray()),
        .. _storages.Select(storage => ($"model/data/{storage.Key}", storage.Data)),
        ("model/version", "3\n"u8.ToArray()),
        .. more,
    ];

    /// <summary>The same in the older format.</summary>
    public byte[] Stream(object? root, bool littleEndian = true) => Stream(PickleWriter.Dump(root, protocol), littleEndian);

    /// <summary>A file in the older format with a given pickle.</summary>
    public byte[] Stream(byte[] pickle, bool littleEndian = true)
    {
        MemoryStream bytes = new();
        bytes.Write(PickleWriter.Dump(Magic, protocol));
        bytes.Write(PickleWriter.Dump(1001, protocol));
        bytes.Write(PickleWriter.Dump(new PickledDictionary { { "protocol_version", 1001 }, { "little_endian", littleEndian } }, protocol));
        bytes.Write(pickle);
        bytes.Write(PickleWriter.Dump(_storages.ConvertAll(storage => storage.Key), protocol));
        foreach ((_, long count, byte[] data) in _storages)
        {
            bytes.Write(BitConverter.GetBytes(count));
            bytes.Write(data);
        }

        return bytes.ToArray();
    }

    private static object?[] Tuple(long[] numbers) => [.. numbers.Select(number => (object?)number)];
}
