using System.Buffers.Binary;

namespace StableDiffusion.Images.Metadata;

/// <summary>
/// Finds the EXIF block and the XMP packet of a WebP file, which the image library gives only with all pixels decoded.
/// Source: WebP container specification (RFC 9649), section 2.
/// </summary>
internal static class WebPTexts
{
    private const int FileHeaderSize = 12;
    private const int HeaderSize = 8;

    /// <summary>Collects the texts.</summary>
    /// <param name="webp">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> webp, TextEntryList texts)
    {
        ReadOnlySpan<byte> rest = webp[FileHeaderSize..];
        while (rest.Length >= HeaderSize)
        {
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            if (length > rest.Length - HeaderSize)
            {
                texts.Warnings.Add("The file breaks off, or a part of it has a wrong length; what comes after that was not read.");
                return;
            }

            ReadOnlySpan<byte> data = rest.Slice(HeaderSize, (int)length);
            if (rest.StartsWith("EXIF"u8))
                ExifTexts.Read(data, texts);
            else if (rest.StartsWith("XMP "u8))
                XmpTexts.Read(data, texts);

            // Each chunk begins at an even place.
            rest = rest[Math.Min(HeaderSize + (int)length + ((int)length & 1), rest.Length)..];
        }
    }
}
