using System.Buffers.Binary;
using System.Text;

namespace StableDiffusion.Images;

/// <summary>
/// An EXIF block with only a user comment, in the layout of the piexif library, whose comments A1111
/// reads: big-endian, and the text as <c>UNICODE</c> in UTF-16. The image library only writes little-endian. Source: Exif 2.32 (CIPA DC-008), sections 4.5 and 4.6.
/// </summary>
internal static class ExifComment
{
    /// <summary>The number of UTF-16 units that fit in a JPEG file, whose segments are limited to 65533 bytes.</summary>
    public const int MaxLengthInJpeg = (65533 - CommentOffset - 6 - 8) / sizeof(char);

    /// <summary>The identifier at the start of a block in JPEG files, and in some others.</summary>
    public static ReadOnlySpan<byte> Mark => "Exif\0\0"u8;

    /// <summary>A block without that identifier.</summary>
    /// <param name="block">The block.</param>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> block) => block.StartsWith(Mark) ? block[Mark.Length..] : block;

    private const ushort ExifDirectoryTag = 0x8769;
    private const ushort UserCommentTag = 0x9286;
    private const ushort LongType = 4;
    private const ushort UndefinedType = 7;

    // Header of 8 bytes; then two directories of one entry each: count, entry of 12 bytes, offset of the next directory.
    private const int HeaderSize = 8;
    private const int DirectorySize = 2 + 12 + 4;
    private const int ExifDirectoryOffset = HeaderSize + DirectorySize;
    private const int CommentOffset = ExifDirectoryOffset + DirectorySize;

    /// <summary>Creates the block.</summary>
    /// <param name="text">The comment.</param>
    /// <returns>The block, without the identifier <c>Exif</c> that precedes it in JPEG files.</returns>
    public static byte[] Create(string text)
    {
        byte[] comment = [.. "UNICODE\0"u8, .. Encoding.BigEndianUnicode.GetBytes(text)];
        byte[] block = [.. new byte[CommentOffset], .. comment];
        Span<byte> tiff = block;
        "MM\0*"u8.CopyTo(tiff);
        BinaryPrimitives.WriteInt32BigEndian(tiff[4..], HeaderSize);
        WriteDirectory(tiff[HeaderSize..], ExifDirectoryTag, LongType, 1, ExifDirectoryOffset);
        WriteDirectory(tiff[ExifDirectoryOffset..], UserCommentTag, UndefinedType, comment.Length, CommentOffset);
        return block;
    }

    private static void WriteDirectory(Span<byte> directory, ushort tag, ushort type, int count, int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(directory, 1);
        BinaryPrimitives.WriteUInt16BigEndian(directory[2..], tag);
        BinaryPrimitives.WriteUInt16BigEndian(directory[4..], type);
        BinaryPrimitives.WriteInt32BigEndian(directory[6..], count);
        BinaryPrimitives.WriteInt32BigEndian(directory[10..], value);
    }
}
