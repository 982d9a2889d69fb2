using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace StableDiffusion.Images.Metadata;

/// <summary>Finds the texts of a PNG file, damaged ones too. Source: ISO/IEC 15948, sections 5.3 and 11.3.4; eXIf of its third edition.</summary>
internal static class PngTexts
{
    // Each chunk: length, type, data, checksum of type and data.
    private const int HeaderSize = 8;
    private const int ChecksumSize = 4;

    private const int MaxKeyword = 79;

    /// <summary>Collects the texts.</summary>
    /// <param name="png">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> png, TextEntryList texts)
    {
        ReadOnlySpan<byte> rest = png[PngChunks.Signature.Length..];
        while (rest.Length >= HeaderSize + ChecksumSize)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - HeaderSize - ChecksumSize)
                break;

            ReadOnlySpan<byte> type = rest.Slice(4, 4);
            ReadOnlySpan<byte> data = rest.Slice(HeaderSize, (int)length);
            if (type.SequenceEqual("IEND"u8))
                return;

            if (type.SequenceEqual("eXIf"u8))
                ExifTexts.Read(data, texts);
            else if (type[1..].SequenceEqual("EXt"u8) || type[1..].SequenceEqual("TXt"u8))
                ReadText(type, data, rest.Slice(HeaderSize + (int)length, ChecksumSize), texts);
            rest = rest[(HeaderSize + (int)length + ChecksumSize)..];
        }

        texts.Warnings.Add("The file breaks off, or a part of it has a wrong length; what comes after that was not read.");
    }

    private static void ReadText(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data, ReadOnlySpan<byte> checksum, TextEntryList texts)
    {
        string container = Encoding.ASCII.GetString(type);
        if (container is not ("tEXt" or "zTXt" or "iTXt"))
            return;

        int end = data[..Math.Min(data.Length, MaxKeyword + 1)].IndexOf((byte)0);
        if (end <= 0)
        {
            texts.Warnings.Add($"A text without a keyword ({container}) was left out.");
            return;
        }

        string keyword = Encoding.Latin1.GetString(data[..end]);
        Crc32 crc = new();
        crc.Append(type);
        crc.Append(data);
        if (crc.GetCurrentHashAsUInt32() != BinaryPrimitives.ReadUInt32BigEndian(checksum))
            texts.Warnings.Add($"The text '{keyword}' ({container}) has a wrong checksum; it may not be as it was written.");

        ReadOnlySpan<byte> body = data[(end + 1)..];
        if (container == "tEXt")
        {
            texts.Add(container, keyword, body);
            return;
        }

        // zTXt: method. iTXt: flag, method, language, translated keyword; the two are closed by a zero.
        bool isDeflated = container == "zTXt" || body is [1, ..];
        bool isKnown = container == "zTXt" ? body is [0, ..] : body is [0, _, ..] or [1, 0, ..];
        ReadOnlySpan<byte> text = isKnown ? body[1..] : default;
        for (int i = 0; isKnown && container == "iTXt" && i < 2; i++)
        {
            text = i == 0 ? text[1..] : text;
            int zero = text.IndexOf((byte)0);
            isKnown = zero >= 0;
            text = text[(zero + 1)..];
        }

        if (!isKnown)
            texts.Warnings.Add($"The text '{keyword}' ({container}) is damaged and was left out.");
        else if (isDeflated)
            texts.AddDeflated(container, keyword, text);
        else
            texts.Add(container, keyword, text);
    }
}
