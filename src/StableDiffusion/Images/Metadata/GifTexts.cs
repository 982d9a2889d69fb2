namespace StableDiffusion.Images.Metadata;

/// <summary>Finds the comments of a GIF file. Source: GIF89a specification, sections 15 to 24.</summary>
internal static class GifTexts
{
    private const int HeaderSize = 13;
    private const int ImageHeaderSize = 9;
    private const byte Extension = 0x21;
    private const byte ImageSeparator = 0x2C;
    private const byte Trailer = 0x3B;
    private const byte CommentLabel = 0xFE;

    /// <summary>Collects the texts.</summary>
    /// <param name="gif">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> gif, TextEntryList texts)
    {
        int position = HeaderSize;
        bool isWhole = gif.Length >= HeaderSize;
        if (isWhole)
            position += ColorTableSize(gif[10]);

        while (isWhole && position < gif.Length && gif[position] != Trailer)
        {
            byte kind = gif[position];
            if (kind == Extension && position + 1 < gif.Length)
            {
                bool isComment = gif[position + 1] == CommentLabel;
                position += 2;
                isWhole = ReadBlocks(gif, ref position, isComment ? texts : null);
            }
            else if (kind == ImageSeparator && position + ImageHeaderSize < gif.Length)
            {
                // Behind the header and the table of colours: the size of a code, then the picture's blocks.
                position += 1 + ImageHeaderSize + ColorTableSize(gif[position + ImageHeaderSize]) + 1;
                isWhole = ReadBlocks(gif, ref position, null);
            }
            else
            {
                isWhole = false;
            }
        }

        if (!isWhole || position >= gif.Length)
            texts.Warnings.Add("The file breaks off, or a part of it has a wrong length; what comes after that was not read.");
    }

    private static int ColorTableSize(byte flags) => (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);

    // Blocks of up to 255 bytes, each behind its length; a length of zero closes them.
    private static bool ReadBlocks(ReadOnlySpan<byte> gif, ref int position, TextEntryList? comments)
    {
        using MemoryStream comment = new();
        while (position < gif.Length)
        {
            int length = gif[position++];
            if (length == 0)
            {
                comments?.Add("GIF", "Comment", comment.GetBuffer().AsSpan(0, (int)comment.Length));
                return true;
            }

            if (length > gif.Length - position)
                return false;
            if (comments is not null && comment.Length <= TextEntryList.MaxBytes)
                comment.Write(gif.Slice(position, length));
            position += length;
        }

        return false;
    }
}
