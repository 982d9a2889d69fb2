using System.Buffers.Binary;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches;

/// <summary>Image files that an earlier run wrote. Of a PNG file only what is before the pixels and the end are read.</summary>
internal static class FinishedImage
{
    private const int HeaderSize = 8;
    private const int ChecksumSize = 4;

    // The infotext and the record are the only long texts of our files.
    private const int MostBytes = 2 * TextEntryList.MaxBytes;

    private static readonly byte[] s_signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly byte[] s_end = [0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xAE, 0x42, 0x60, 0x82];

    /// <summary>Reads the record of a file.</summary>
    /// <param name="path">The full path of the file.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image, whose pixels are read when they are asked for.</returns>
    /// <exception cref="ImageInvalidException">The file cannot be opened, is damaged, or is not an image.</exception>
    /// <exception cref="OutputDiffersException">It has no record of this library, so that nothing tells how it was made.</exception>
    public static DiffusionImage Read(string path, CancellationToken cancellationToken)
    {
        string name = ImageFile.NameOf(path);
        byte[] data = ReadPngHead(path, name) ?? ImageFile.ReadBytes(path, name);
        (int width, int height) = data.AsSpan().StartsWith(s_signature)
            ? (BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(s_signature.Length + HeaderSize)), BinaryPrimitives.ReadInt32BigEndian(data.AsSpan(s_signature.Length + HeaderSize + sizeof(int))))
            : ImageDecoder.SizeOf(data, name);
        if (width <= 0 || height <= 0)
            throw Damaged(name);
        ImageMetadata metadata = MetadataReader.Parse(data, name, cancellationToken);
        if (metadata.Source != MetadataSource.PowerShell)
            throw new OutputDiffersException($"'{path}' exists and does not say how it was made, so that it may be another image. Choose another name, move the file away, or use Force to replace it.");

        GenerationInfo info = metadata.Info with { RandomSource = metadata.RandomSource is nameof(RandomSource.TorchCpu) ? null : metadata.RandomSource };
        return new DiffusionImage(width, height, info, path, () => ImageFile.ReadWithSettings(path));
    }

    /// <summary>Reads a PNG file up to its pixels.</summary>
    /// <returns>The bytes of a file without pixels; null if it is none, or has chunks that this library does not write.</returns>
    private static byte[]? ReadPngHead(string path, string name)
    {
        try
        {
            using FileStream file = RegularFile.Open(path);
            Span<byte> start = stackalloc byte[HeaderSize];
            if (file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start.SequenceEqual(s_signature))
                return null;

            using MemoryStream head = new();
            head.Write(start);
            for (bool isFirst = true;; isFirst = false)
            {
                if (file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length)
                    throw Damaged(name);
                uint length = BinaryPrimitives.ReadUInt32BigEndian(start);
                ReadOnlySpan<byte> type = start[sizeof(uint)..];
                if (isFirst != type.SequenceEqual("IHDR"u8) || (isFirst && length < 2 * sizeof(int)))
                    throw Damaged(name);
                if (type.SequenceEqual("IDAT"u8))
                    break;
                if (head.Length + length > MostBytes || type.SequenceEqual("IEND"u8))
                    return null;

                byte[] chunk = new byte[HeaderSize + length + ChecksumSize];
                start.CopyTo(chunk);
                if (file.ReadAtLeast(chunk.AsSpan(HeaderSize), chunk.Length - HeaderSize, throwOnEndOfStream: false) < chunk.Length - HeaderSize)
                    throw Damaged(name);
                ReadOnlySpan<byte> rest = chunk;
                if (!PngChunk.TryTake(ref rest, out PngChunk read) || !read.IsIntact)
                    throw Damaged(name);
                head.Write(chunk);
            }

            Span<byte> end = stackalloc byte[s_end.Length];
            file.Seek(-Math.Min(end.Length, file.Length), SeekOrigin.End);
            if (file.ReadAtLeast(end, end.Length, throwOnEndOfStream: false) < end.Length || !end.SequenceEqual(s_end))
                throw Damaged(name);
            head.Write(s_end);
            return head.ToArray();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ImageInvalidException($"{name} cannot be opened: {Sentence.Of(error)}", error);
        }
    }

    private static ImageInvalidException Damaged(string name) => new($"{name} is truncated or damaged. Delete it, or use Force to replace it.");
}
