using System.Security.Cryptography;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>Finds, opens and names the files of adapters.</summary>
internal static class AdapterFiles
{
    private const int ShortHashLength = 12;

    /// <summary>Lists the LoRAs that can be used by name: those in <see cref="StorageFolders.Loras"/>.</summary>
    /// <returns>The name and full path of each, by name.</returns>
    public static IReadOnlyList<(string Name, string Path)> ListLoras() => List(StorageFolders.Loras);

    /// <summary>Lists the embeddings that can be used by name: those in <see cref="StorageFolders.Embeddings"/>.</summary>
    /// <returns>The name and full path of each, by name.</returns>
    public static IReadOnlyList<(string Name, string Path)> ListEmbeddings() => List(StorageFolders.Embeddings);

    /// <summary>Finds a LoRA.</summary>
    /// <param name="nameOrPath">The name of a file in <see cref="StorageFolders.Loras"/>, with or without its extension, or a path.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such LoRA; the message lists those in the folder.</exception>
    public static string FindLora(string nameOrPath) => Find(nameOrPath, StorageFolders.Loras, "LoRA");

    /// <summary>Finds an embedding.</summary>
    /// <param name="nameOrPath">The name of a file in <see cref="StorageFolders.Embeddings"/>, with or without its extension, or a path.</param>
    /// <returns>The full path of the file.</returns>
    /// <exception cref="AdapterNotFoundException">There is no such embedding; the message lists those in the folder.</exception>
    public static string FindEmbedding(string nameOrPath) => Find(nameOrPath, StorageFolders.Embeddings, "embedding");

    /// <summary>The name of a file if it is found by that, otherwise its path; recorded with images.</summary>
    internal static string Reference(string path, string folder)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        return Search(name, folder) == path ? name : path;
    }

    /// <summary>A1111's hash of a LoRA: of safetensors files without the header.</summary>
    internal static string HashWithoutHeader(string path)
    {
        using FileStream stream = File.OpenRead(path);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        bool isSafetensors = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && stream.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) == length.Length;
        stream.Position = isSafetensors ? Math.Min(stream.Length, (long)Math.Min(BitConverter.ToUInt64(length), long.MaxValue / 2) + sizeof(ulong)) : 0;
        return ShortHash(stream);
    }

    /// <summary>A1111's hash of an embedding: of the whole file.</summary>
    internal static string Hash(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return ShortHash(stream);
    }

    /// <summary>Opens a tensor file as an adapter.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="what">The kind of adapter, for messages.</param>
    internal static ITensorFile Open(string path, string what)
    {
        try
        {
            return TensorFile.Open(path);
        }
        catch (ModelNotFoundException)
        {
            throw new AdapterNotFoundException($"There is no {what} '{path}'.");
        }
        catch (ModelInvalidException error)
        {
            throw new AdapterInvalidException(error.Message, error);
        }
    }

    private static string Find(string nameOrPath, string folder, string what)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        return NameOrPath.Find(nameOrPath, name => Search(name, folder) is string path ? (name, path) : null, File.Exists, path => NotFound(path, folder, what)).Path;
    }

    private static AdapterNotFoundException NotFound(string nameOrPath, string folder, string what)
    {
        string[] names = [.. List(folder).Select(file => file.Name).Take(20)];
        string known = names.Length == 0 ? $"'{folder}' holds none" : $"'{folder}' holds {string.Join(", ", names)}";
        return new AdapterNotFoundException($"There is no {what} '{nameOrPath}'; {known}. Put the file there, or give its path.");
    }

    private static string? Search(string name, string folder)
    {
        if (name.AsSpan().IndexOfAny('/', '\\') >= 0)
            return null;

        (string Name, string Path)[] files = [.. List(folder)];
        return files.FirstOrDefault(file => string.Equals(Path.GetFileName(file.Path), name, StringComparison.OrdinalIgnoreCase)).Path
            ?? files.FirstOrDefault(file => string.Equals(file.Name, name, StringComparison.OrdinalIgnoreCase)).Path;
    }

    private static List<(string Name, string Path)> List(string folder)
    {
        if (!Directory.Exists(folder))
            return [];

        return [.. Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true })
            .Where(TensorFile.HasKnownEnding)
            .Select(path => (Path.GetFileNameWithoutExtension(path), Path.GetFullPath(path)))
            .OrderBy(file => file.Item1, StringComparer.OrdinalIgnoreCase)
            .ThenBy(file => file.Item2, StringComparer.Ordinal)];
    }

    private static string ShortHash(FileStream rest) => Convert.ToHexStringLower(SHA256.HashData(rest))[..ShortHashLength];
}
