using System.Buffers.Binary;
using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>Reads the EXIF blocks and the comments of a JPEG file. Source: ITU-T T.81, annex B.</summary>
internal static class JpegTexts
{
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;
    private const byte App1 = 0xE1;
    private const byte Comment = 0xFE;

    /// <summary>Collects the texts before the image data.</summary>
    /// <param name="jpeg">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and warnings about what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> jpeg, TextEntryList texts)
    {
        int position = 2;
        while (position + 4 <= jpeg.Length && jpeg[position] == 0xFF)
        {
            byte marker = jpeg[position + 1];
            if (marker is StartOfScan or EndOfImage)
                return;
            if (marker == 0xFF)
            {
                position++;
                continue;
            }

            // The length includes its own two bytes.
            int length = BinaryPrimitives.ReadUInt16BigEndian(jpeg[(position + 2)..]);
            if (length < 2 || position + 2 + length > jpeg.Length)
                break;

            ReadSegment(marker, jpeg.Slice(position + 4, length - 2), texts);
            position += 2 + length;
        }

        texts.WarnBreakOff();
    }

    private static void ReadSegment(byte marker, ReadOnlySpan<byte> data, TextEntryList texts)
    {
        if (marker == App1 && data.StartsWith(ExifComment.Mark))
            ExifTexts.Read(data, texts);
        else if (marker == App1 && data.StartsWith(XmpPacket.Mark))
            XmpTexts.Read(data[XmpPacket.Mark.Length..], texts);
        else if (marker == Comment)
            ReadComment(data, texts);
    }

    // stable-diffusion.cpp writes a name, a zero byte, the text and another zero byte.
    private static void ReadComment(ReadOnlySpan<byte> data, TextEntryList texts)
    {
        data = data.TrimEnd((byte)0);
        ReadOnlySpan<byte> name = "parameters\0"u8;
        bool isNamed = data.StartsWith(name);
        texts.Add("JPEG", isNamed ? "parameters" : "Comment", isNamed ? data[name.Length..] : data);
    }
}
