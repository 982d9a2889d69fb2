using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// PyTorch's format before version 1.6, which embeddings and hypernetworks still use: five pickles one after another (a magic
/// number, the version of the format, properties of the machine, the saved value, the names of the storages), then the
/// storages in that order, each as an 8-byte count and its values.
/// </summary>
internal static class TorchStream
{
    private const long FormatVersion = 1001;

    private static readonly BigInteger s_magic = BigInteger.Parse("1950A86A20F9469CFC6C", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Reads the saved value, and finds the storages of its tensors.</summary>
    public static object? Read(RandomAccessFile file, PickleBudget budget)
    {
        PickleReader reader = new(file, 0, file.Length);
        TorchObjects objects = new(reader, budget, file.Length);
        Unpickler unpickler = new(reader, budget, objects);
        if (unpickler.Read() is not BigInteger magic || magic != s_magic)
        {
            throw new ModelInvalidException(
                $"'{file.Path}' is a Python pickle, but PyTorch did not write it. Get the model as a safetensors file.");
        }

        if (unpickler.Read() is not FormatVersion)
            throw reader.Invalid($"the version of its format should be {FormatVersion}");
        if (unpickler.Read() is not PickleDictionary machine)
            throw reader.Invalid("properties of the machine should follow");
        if (machine.TryGet("little_endian", budget, out object? littleEndian) && littleEndian is false)
        {
            throw new ModelInvalidException(
                $"'{file.Path}' was saved on a big-endian machine, which is not supported. Save it again on a little-endian machine, or convert it to safetensors.");
        }

        object? root = unpickler.Read();
        if (unpickler.Read() is not List<object?> keys)
            throw reader.Invalid("the names of its storages should follow");
        FindStorages(file, reader, objects, keys);
        return root;
    }

    private static void FindStorages(RandomAccessFile file, PickleReader reader, TorchObjects objects, List<object?> keys)
    {
        ILookup<string, TorchStorage> byKey = objects.Storages.ToLookup(storage => storage.Key, StringComparer.Ordinal);
        foreach (object? key in keys)
        {
            if (key is not string name || byKey[name].FirstOrDefault() is not TorchStorage first)
                throw reader.Invalid("it lists a storage that nothing refers to");

            long count = BinaryPrimitives.ReadInt64LittleEndian(reader.Read(8));
            if (count != first.Count)
                throw reader.Invalid($"the storage '{name}' has {count} values of {first.Count}");

            long start = reader.Position;
            reader.Skip((ulong)first.ByteLength);
            foreach (TorchStorage storage in byKey[name])
            {
                if (storage.Start >= 0)
                    throw reader.Invalid($"it lists the storage '{name}' twice");
                if (storage.Count != first.Count || storage.ElementType != first.ElementType)
                    throw reader.Invalid($"the storage '{name}' has two types");
                storage.Start = start;
            }
        }

        if (objects.Storages.FirstOrDefault(storage => storage.Start < 0) is TorchStorage missing)
            throw reader.Invalid($"the storage '{missing.Key}' is missing");
    }
}
