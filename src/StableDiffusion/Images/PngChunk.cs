using System.Buffers.Binary;
using System.IO.Hashing;

namespace StableDiffusion.Images;

/// <summary>A chunk of a PNG file. Source: ISO/IEC 15948, section 5.3.</summary>
internal readonly ref struct PngChunk
{
    private const int SignatureSize = 8;
    private const int HeaderSize = 8;
    private const int ChecksumSize = 4;
    private const int StreamHeaderSize = 2;

    private readonly ReadOnlySpan<byte> _body;
    private readonly ReadOnlySpan<byte> _checksum;

    private PngChunk(ReadOnlySpan<byte> chunk, int length)
    {
        _body = chunk.Slice(sizeof(uint), sizeof(uint) + length);
        _checksum = chunk.Slice(HeaderSize + length, ChecksumSize);
    }

    /// <summary>The four letters of its type.</summary>
    public ReadOnlySpan<byte> Type => _body[..sizeof(uint)];

    /// <summary>Its data.</summary>
    public ReadOnlySpan<byte> Data => _body[sizeof(uint)..];

    /// <summary>Whether its checksum is correct.</summary>
    public bool IsIntact => Crc32.HashToUInt32(_body) == BinaryPrimitives.ReadUInt32BigEndian(_checksum);

    /// <summary>The chunks of a file, without the file header.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <returns>All chunks.</returns>
    public static ReadOnlySpan<byte> All(ReadOnlySpan<byte> png) => png[Math.Min(SignatureSize, png.Length)..];

    /// <summary>Finds the first chunk of a type.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <param name="type">The type's four letters.</param>
    /// <param name="data">The data of the chunk.</param>
    /// <returns>False if there is no such chunk, or if the file is damaged before it.</returns>
    public static bool TryFind(ReadOnlySpan<byte> png, ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data)
    {
        ReadOnlySpan<byte> rest = All(png);
        while (TryTake(ref rest, out PngChunk chunk))
        {
            data = chunk.Data;
            if (chunk.Type.SequenceEqual(type))
                return true;
        }

        data = default;
        return false;
    }

    /// <summary>Joins the chunks of pixels if the first is shorter than the header of the stream in them, which the image library needs in one chunk.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <returns>The file with one chunk of pixels; the file itself if it needs no change, or if one of them is damaged.</returns>
    public static byte[] JoinPixels(byte[] png)
    {
        using MemoryStream body = new();
        int start = 0;
        int end = 0;
        ReadOnlySpan<byte> rest = All(png);
        for (int position = png.Length - rest.Length; TryTake(ref rest, out PngChunk chunk); position = png.Length - rest.Length)
        {
            bool isPixels = chunk.Type.SequenceEqual("IDAT"u8);
            if (!isPixels && start > 0)
                break;
            if (!isPixels)
                continue;
            if ((start == 0 && chunk.Data.Length >= StreamHeaderSize) || !chunk.IsIntact)
                return png;

            body.Write(start == 0 ? chunk._body : chunk.Data);
            start = start == 0 ? position : start;
            end = png.Length - rest.Length;
        }

        if (start == 0)
            return png;

        byte[] length = new byte[sizeof(uint)];
        byte[] checksum = new byte[ChecksumSize];
        BinaryPrimitives.WriteInt32BigEndian(length, (int)body.Length - sizeof(uint));
        BinaryPrimitives.WriteUInt32BigEndian(checksum, Crc32.HashToUInt32(body.GetBuffer().AsSpan(0, (int)body.Length)));
        return [.. png.AsSpan(0, start), .. length, .. body.ToArray(), .. checksum, .. png.AsSpan(end)];
    }

    /// <summary>Reads the next chunk.</summary>
    /// <param name="rest">The remaining chunks; set to those after the chunk that is read.</param>
    /// <param name="chunk">The chunk.</param>
    /// <returns>False if there is no complete chunk left.</returns>
    public static bool TryTake(scoped ref ReadOnlySpan<byte> rest, out PngChunk chunk)
    {
        chunk = default;
        if (rest.Length < HeaderSize + ChecksumSize)
            return false;

        uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (length > rest.Length - HeaderSize - ChecksumSize)
            return false;

        chunk = new PngChunk(rest, (int)length);
        rest = rest[(HeaderSize + (int)length + ChecksumSize)..];
        return true;
    }
}
