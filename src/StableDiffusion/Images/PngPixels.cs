using System.Buffers.Binary;
using System.IO.Compression;

namespace StableDiffusion.Images;

/// <summary>
/// Checks that PNG files have the pixels that they say: the image library leaves missing rows blank, and reads interlaced ones
/// without an end. Source: PNG specification, sections 8.2 (Adam7) and 9.2.
/// </summary>
internal static class PngPixels
{
    private const int HeaderSize = 13;
    private const int FewestColumns = 5;
    private const int BitsPerByte = 8;

    private static readonly (int Column, int Row, int ColumnStep, int RowStep)[] s_passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private static readonly (int Column, int Row, int ColumnStep, int RowStep)[] s_onePass = [(0, 0, 1, 1)];

    /// <summary>Determines whether a file has all its pixels.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <returns>False if it is truncated or damaged.</returns>
    /// <exception cref="NotSupportedException">It is interlaced and too narrow for the image library, which mixes up its rows.</exception>
    public static bool IsWhole(ReadOnlySpan<byte> png)
    {
        ReadOnlySpan<byte> header = default;
        using MemoryStream pixels = new();
        bool isOver = false;
        ReadOnlySpan<byte> rest = PngChunk.All(png);
        while (PngChunk.TryTake(ref rest, out PngChunk chunk))
        {
            bool isPixels = chunk.Type.SequenceEqual("IDAT"u8);
            if (chunk.Type.SequenceEqual("IHDR"u8))
            {
                if (!header.IsEmpty || chunk.Data.Length != HeaderSize)
                    return false;
                header = chunk.Data;
            }

            // The library reads the first chunks of pixels that follow each other, and stops at an empty one.
            isOver |= pixels.Length > 0 && (!isPixels || chunk.Data.IsEmpty);
            if (isPixels && !isOver)
                pixels.Write(chunk.Data);
        }

        if (header.IsEmpty)
            return false;

        int width = BinaryPrimitives.ReadInt32BigEndian(header);
        bool isInterlaced = header[^1] != 0;
        return !isInterlaced || width >= FewestColumns
            ? HasBytes(pixels, Length(header, width, isInterlaced ? s_passes : s_onePass))
            : throw new NotSupportedException("It is interlaced, and has fewer than five columns.");
    }

    /// <summary>The number of bytes of all passes: each row has a byte for its filter.</summary>
    private static long Length(ReadOnlySpan<byte> header, int width, (int Column, int Row, int ColumnStep, int RowStep)[] passes)
    {
        int height = BinaryPrimitives.ReadInt32BigEndian(header[sizeof(int)..]);
        int channels = header[9] switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        long length = 0;
        foreach ((int column, int row, int columnStep, int rowStep) in passes)
        {
            long columns = (width - column + columnStep - 1) / columnStep;
            long rows = Math.Max(0, (height - row + rowStep - 1) / rowStep);
            length += rows * (1 + (((columns * header[8] * channels) + BitsPerByte - 1) / BitsPerByte));
        }

        return length;
    }

    private static bool HasBytes(MemoryStream deflated, long length)
    {
        deflated.Position = 0;
        using ZLibStream inflater = new(deflated, CompressionMode.Decompress);
        byte[] buffer = new byte[1 << 16];
        try
        {
            while (length > 0 && inflater.Read(buffer) is > 0 and int count)
                length -= count;
        }
        catch (InvalidDataException)
        {
            return false;
        }

        return length <= 0;
    }
}
