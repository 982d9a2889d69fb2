using System.Security.Cryptography;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>Opens and hashes the files of adapters.</summary>
internal static class AdapterFiles
{
    private const int ShortHashLength = 12;

    // The largest of half precision. Those of real adapters are far smaller, and with larger ones, a network overflows.
    private const float LargestValue = 65504;

    /// <summary>A1111's hash of a LoRA: of safetensors files without the header.</summary>
    public static string HashWithoutHeader(string path)
    {
        using FileStream stream = RegularFile.Open(path);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        bool isSafetensors = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && stream.ReadAtLeast(length, length.Length, throwOnEndOfStream: false) == length.Length;
        stream.Position = isSafetensors ? Math.Min(stream.Length, (long)Math.Min(BitConverter.ToUInt64(length), long.MaxValue / 2) + sizeof(ulong)) : 0;
        return ShortHash(stream);
    }

    /// <summary>A1111's hash of an embedding: of the whole file.</summary>
    public static string Hash(string path)
    {
        using FileStream stream = RegularFile.Open(path);
        return ShortHash(stream);
    }

    /// <summary>Opens a tensor file as an adapter.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="what">The kind of adapter, for messages.</param>
    public static ITensorFile Open(string path, string what)
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

    /// <summary>Whether the values of an adapter are finite and not too large for a network.</summary>
    /// <param name="values">The values.</param>
    /// <param name="strength">What they are multiplied by.</param>
    public static bool AreUsable(ReadOnlySpan<float> values, double strength = 1) => values.IsEmpty || Math.Abs(TensorPrimitives.MaxMagnitude(values) * strength) <= LargestValue;

    private static string ShortHash(FileStream rest) => Convert.ToHexStringLower(SHA256.HashData(rest))[..ShortHashLength];
}
