using System.Security.Cryptography;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Weights;

namespace StableDiffusion.Adapters;

/// <summary>Opens and hashes the files of adapters.</summary>
internal static class AdapterFiles
{
    private const int ShortHashLength = 12;

    /// <summary>A1111's hash of a LoRA: of safetensors files without the header.</summary>
    public static string HashWithoutHeader(string path)
    {
        using FileStream stream = RegularFile.Open(path);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        bool isSafetensors = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && stream.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) == length.Length;
        stream.Position = isSafetensors ? Math.Min(stream.Length, (long)Math.Min(BitConverter.ToUInt64(length), long.MaxValue / 2) + sizeof(ulong)) : 0;
        return ShortHash(stream);
    }

    /// <summary>The config of PEFT beside an adapter, which need not exist.</summary>
    /// <param name="file">The adapter.</param>
    public static FileInfo ConfigBeside(FileInfo file) => new(Path.Combine(file.DirectoryName!, PeftRotation.FileName));

    /// <summary>A1111's hash of an embedding: of the whole file.</summary>
    public static string Hash(string path)
    {
        using FileStream stream = RegularFile.Open(path);
        return ShortHash(stream);
    }

    /// <summary>Opens a tensor file as an adapter.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="what">The kind of adapter, for messages.</param>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    /// <exception cref="AdapterInvalidException">The file is damaged, or its values have scales of their own.</exception>
    public static ITensorFile Open(string path, string what)
    {
        try
        {
            ITensorFile file = TensorFile.Open(path);
            if (WeightScales.Find(file) is not string scale)
                return file;
            file.Dispose();
            throw new AdapterInvalidException($"The values in the {what} '{path}' have scales of their own ('{PrintableText.Of(scale)}'), which this version does not apply. Get the {what} with values of 8, 16 or 32 bits that have none.");
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

    private static string ShortHash(FileStream rest) => Convert.ToHexStringLower(SHA256.HashData(rest))[..ShortHashLength];
}
