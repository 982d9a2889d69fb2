using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>Reads the EXIF block and the XMP packet of a WebP file, also of animations and damaged files, which the image library does not support.</summary>
internal static class WebPTexts
{
    /// <summary>Collects the texts.</summary>
    /// <param name="webp">The file's bytes.</param>
    /// <param name="texts">Receives the texts, and warnings about what could not be read.</param>
    public static void Read(ReadOnlySpan<byte> webp, TextEntryList texts)
    {
        ReadOnlySpan<byte> rest = WebPChunks.All(webp);
        while (WebPChunks.TryTake(ref rest, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> data))
        {
            if (type.SequenceEqual("EXIF"u8))
                ExifTexts.Read(data, texts);
            else if (type.SequenceEqual("XMP "u8))
                XmpTexts.Read(data, texts);
        }

        if (rest.Length >= WebPChunks.HeaderSize)
            texts.WarnBreakOff();
    }
}
