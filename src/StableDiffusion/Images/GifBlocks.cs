using System.Buffers.Binary;
using SixLabors.ImageSharp;

namespace StableDiffusion.Images;

/// <summary>
/// Reads the comments of a GIF file, which the image library returns only in ASCII, and the position of its first frame, which
/// the library does not return. Source: GIF89a specification, sections 15 to 24.
/// </summary>
internal static class GifBlocks
{
    /// <summary>What a comment begins with that is the record of this library.</summary>
    public const string RecordMark = ImageTexts.RecordName + "=";

    private const int HeaderSize = 13;
    private const int ImageHeaderSize = 9;
    private const byte Extension = 0x21;
    private const byte ImageSeparator = 0x2C;
    private const byte Trailer = 0x3B;
    private const byte CommentLabel = 0xFE;

    /// <summary>Reads the comments.</summary>
    /// <param name="gif">The file's bytes.</param>
    /// <param name="maxLength">The length in bytes after which a comment is truncated.</param>
    /// <param name="comment">Receives each comment.</param>
    /// <returns>False if the file is truncated.</returns>
    public static bool TryReadComments(ReadOnlySpan<byte> gif, int maxLength, Action<ReadOnlySpan<byte>> comment) => Walk(gif, comment, maxLength, out _);

    /// <summary>Finds the position of the first frame.</summary>
    /// <param name="gif">The file's bytes.</param>
    /// <param name="frame">Its position on the canvas, and its size.</param>
    /// <returns>False if the file is truncated before the end of the frame.</returns>
    public static bool TryFindFrame(ReadOnlySpan<byte> gif, out Rectangle frame) => Walk(gif, comment: null, maxLength: 0, out frame) && !frame.IsEmpty;

    // Without a receiver for the comments, it stops after the first frame.
    private static bool Walk(ReadOnlySpan<byte> gif, Action<ReadOnlySpan<byte>>? comment, int maxLength, out Rectangle frame)
    {
        frame = default;
        if (gif.Length < HeaderSize)
            return false;

        int position = HeaderSize + ColorTableSize(gif[10]);
        while (position < gif.Length && gif[position] != Trailer && (comment is not null || frame.IsEmpty))
        {
            byte kind = gif[position];
            bool isComment = false;
            if (kind == Extension && position + 1 < gif.Length)
            {
                isComment = gif[position + 1] == CommentLabel;
                position += 2;
            }
            else if (kind == ImageSeparator && position + ImageHeaderSize < gif.Length)
            {
                ReadOnlySpan<byte> header = gif.Slice(position + 1, ImageHeaderSize);
                frame = new Rectangle(ReadUInt16(header), ReadUInt16(header[2..]), ReadUInt16(header[4..]), ReadUInt16(header[6..]));

                // After the header and the color table: the code size, then the blocks of the image.
                position += 1 + ImageHeaderSize + ColorTableSize(header[8]) + 1;
            }
            else
            {
                return false;
            }

            if (!ReadBlocks(gif, ref position, isComment ? comment : null, maxLength))
                return false;
        }

        return position < gif.Length || comment is null;
    }

    private static int ReadUInt16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static int ColorTableSize(byte flags) => (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);

    // Blocks of up to 255 bytes, each after its length; a length of zero ends them.
    private static bool ReadBlocks(ReadOnlySpan<byte> gif, ref int position, Action<ReadOnlySpan<byte>>? comment, int maxLength)
    {
        using MemoryStream bytes = new();
        while (position < gif.Length)
        {
            int length = gif[position++];
            if (length == 0)
            {
                comment?.Invoke(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
                return true;
            }

            if (length > gif.Length - position)
                return false;
            if (comment is not null && bytes.Length <= maxLength)
                bytes.Write(gif.Slice(position, length));
            position += length;
        }

        return false;
    }
}
