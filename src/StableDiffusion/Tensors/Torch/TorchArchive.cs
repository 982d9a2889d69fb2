namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// PyTorch's format since version 1.6: a zip archive with one folder, in which <c>data.pkl</c> is the pickle and
/// <c>data/KEY</c> are the uncompressed storages.
/// </summary>
internal static class TorchArchive
{
    private const string PickleName = "data.pkl";

    /// <summary>Reads the saved value, and finds the storages of its tensors.</summary>
    public static object? Read(RandomAccessFile file, PickleBudget budget)
    {
        IReadOnlyDictionary<string, ZipEntry> entries = ZipDirectory.Read(file, budget).Entries;
        ZipEntry pickle = FindPickle(file.Path, entries.Values);
        string folder = pickle.Name[..^PickleName.Length];
        if (entries.ContainsKey(folder + "constants.pkl") || entries.Keys.Any(name => name.StartsWith(folder + "code/", StringComparison.Ordinal)))
        {
            throw new ModelInvalidException(
                $"'{file.Path}' is a TorchScript program, not a file of weights, and it is not run. Get the model's weights as a safetensors file.");
        }

        if (entries.TryGetValue(folder + "byteorder", out ZipEntry order)
            && !(order.Length == 6 && file.Read(order.Start, 6).AsSpan().SequenceEqual("little"u8)))
        {
            throw new ModelInvalidException(
                $"'{file.Path}' was saved on a big-endian machine, which is not supported. Save it again on a little-endian machine, or convert it to safetensors.");
        }

        PickleReader reader = new(file, pickle.Start, pickle.Start + pickle.Length);
        TorchObjects objects = new(reader, budget, file.Length);
        object? root = new Unpickler(reader, budget, objects).Read();
        Dictionary<string, ZipEntry> byKey = FindData(entries.Values, folder + "data/");
        foreach (TorchStorage storage in objects.Storages)
        {
            if (!byKey.TryGetValue(storage.Key, out ZipEntry data))
                throw reader.Invalid($"the storage '{storage.Key}' is missing");
            if (storage.ByteLength > data.Length)
                throw reader.Invalid($"the storage '{storage.Key}' has {data.Length} bytes instead of {storage.ByteLength}");
            storage.Start = data.Start;
        }

        return root;
    }

    /// <summary>The files in a folder by their names in it, which are the storages' keys.</summary>
    private static Dictionary<string, ZipEntry> FindData(IEnumerable<ZipEntry> entries, string folder) => entries
        .Where(entry => entry.Name.StartsWith(folder, StringComparison.Ordinal))
        .ToDictionary(entry => entry.Name[folder.Length..], StringComparer.Ordinal);

    private static ZipEntry FindPickle(string path, IEnumerable<ZipEntry> entries)
    {
        ZipEntry[] pickles = [.. entries.Where(entry =>
            entry.Name == PickleName || (entry.Name.EndsWith("/" + PickleName, StringComparison.Ordinal) && entry.Name.Count(letter => letter == '/') == 1))];
        return pickles switch
        {
            [ZipEntry one] => one,
            [] => throw new ModelInvalidException(
                $"'{path}' is a zip archive, but PyTorch did not write it: it has no '{PickleName}'. If it is an archive of model files, unpack it first."),
            _ => throw new ModelInvalidException(
                $"'{path}' is a zip archive with {pickles.Length} files '{PickleName}', and it is not clear which one to read. Unpack it first."),
        };
    }
}
