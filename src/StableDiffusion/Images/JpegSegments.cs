using System.Buffers.Binary;

namespace StableDiffusion.Images;

/// <summary>
/// What a JPEG file holds besides its image, which the image library would read in quadratic time. Source: ITU-T T.81, annex B;
/// ICC.1:2022, annex B.4.
/// </summary>
internal static class JpegSegments
{
    /// <summary>The largest number of segments that a decoder needs: tables, headers and scans. Cameras and encoders write a few dozen.</summary>
    public const int MaxSegments = 1000;

    /// <summary>The largest number of scans, each of which goes through the whole image. Progressive encoders write ten.</summary>
    public const int MaxScans = 100;

    // libjpeg's script for four colors, the longest of common encoders, has 24 components in 18 scans.
    private const int MaxComponentsOfLargest = 32;

    // Each component needs a bit for a block of 64 pixels, in one scan at least; encoders go through it a dozen times.
    private const long MaxWorkPerByte = 10_000;
    private const long MaxWorkUnchecked = 16L * 1024 * 1024;

    private const int MaxComponentsOfScan = 4;
    private const int ComponentsOffset = 4;
    private const byte App0 = 0xE0;
    private const byte App1 = 0xE1;
    private const byte App2 = 0xE2;
    private const byte App14 = 0xEE;
    private const byte App15 = 0xEF;
    private const byte FirstMarker = 0xC0;
    private const byte Comment = 0xFE;
    private const byte StartOfScan = 0xDA;
    private const byte EndOfImage = 0xD9;

    private static ReadOnlySpan<byte> ProfileMark => "ICC_PROFILE\0"u8;

    /// <summary>Separates the image from the metadata.</summary>
    /// <param name="jpeg">The file's bytes.</param>
    /// <param name="maxProfile">The length in bytes above which a color profile is ignored.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <returns>The file without applications' data, comments, stray bytes, and what follows the image; its first EXIF block and its color profile, empty if it has none.</returns>
    /// <exception cref="ImageInvalidException">It has too many segments or scans.</exception>
    public static (byte[] Image, byte[] Exif, byte[] Profile) Split(ReadOnlySpan<byte> jpeg, int maxProfile, string name)
    {
        using MemoryStream image = new(jpeg.Length);
        byte[] exif = [];
        SortedDictionary<byte, byte[]> profile = [];
        int profileLength = 0;
        int position = 2;
        image.Write(jpeg[..position]);
        while (position + 4 <= jpeg.Length && (jpeg[position] != 0xFF || jpeg[position + 1] != EndOfImage))
        {
            // As the image library does, any bytes between two segments are skipped.
            byte marker = jpeg[position + 1];
            if (jpeg[position] != 0xFF || marker is 0 or 0xFF)
            {
                int next = jpeg[(position + 1)..].IndexOf((byte)0xFF);
                position = next < 0 ? jpeg.Length : position + 1 + next;
                continue;
            }

            int end = IsAlone(marker) ? position + 2 : position + 2 + BinaryPrimitives.ReadUInt16BigEndian(jpeg[(position + 2)..]);
            if (end > jpeg.Length || end < position + 2)
                break;

            ReadOnlySpan<byte> data = jpeg[Math.Min(position + 4, end)..end];
            bool isProfile = marker == App2 && data.Length > ProfileMark.Length + 2 && data.StartsWith(ProfileMark);
            if (exif.Length == 0 && marker == App1 && data.StartsWith(ExifComment.Mark))
                exif = data[ExifComment.Mark.Length..].ToArray();
            else if (isProfile && profileLength <= maxProfile && profile.TryAdd(data[ProfileMark.Length], data[(ProfileMark.Length + 2)..].ToArray()))
                profileLength += data.Length;

            if (marker is not ((>= App0 and <= App15) or Comment) || marker is App0 or App14)
            {
                if (marker == StartOfScan)
                    end = EndOfScan(jpeg, end);
                image.Write(jpeg[position..end]);
            }

            position = end;
        }

        bool isOver = position + 2 <= jpeg.Length && jpeg[position] == 0xFF && jpeg[position + 1] == EndOfImage;
        image.Write(isOver ? jpeg.Slice(position, 2) : jpeg[position..]);
        Check(image.GetBuffer().AsSpan(0, (int)image.Length), name);
        return (image.ToArray(), exif, profileLength > maxProfile ? [] : [.. profile.Values.SelectMany(static part => part)]);
    }

    /// <summary>The work of decoding an image: its pixels, once for each component of each scan. A few bytes are enough for a scan of any size.</summary>
    /// <param name="image">The image, from <see cref="Split"/>.</param>
    /// <param name="pixels">The number of its pixels.</param>
    /// <returns>The number of pixels that the scans go through.</returns>
    public static long Work(ReadOnlySpan<byte> image, long pixels)
    {
        long components = 0;
        ReadOnlySpan<byte> scan = [0xFF, StartOfScan];
        for (int found; (found = image.IndexOf(scan)) >= 0; image = image[(found + scan.Length)..])
            components += found + ComponentsOffset < image.Length ? Math.Clamp((int)image[found + ComponentsOffset], 1, MaxComponentsOfScan) : 1;
        return components * pixels;
    }

    /// <summary>Refuses an image that takes more work than the largest one of a common encoder, or more than its length can be right for.</summary>
    /// <param name="work">The work, from <see cref="Work"/>.</param>
    /// <param name="length">The length of the file in bytes.</param>
    /// <param name="name">The name of the file in messages.</param>
    /// <exception cref="ImageInvalidException">It takes too much work.</exception>
    public static void CheckWork(long work, long length, string name)
    {
        if (work > MaxComponentsOfLargest * ImageLibrary.MaxPixels || (work > MaxWorkUnchecked && work / length > MaxWorkPerByte))
            throw new ImageInvalidException($"{name} has more scans than an image of its size and length can need. Save it again with another program, as JPEG that is not progressive or as PNG.");
    }

    /// <summary>
    /// Counts what could be a marker in all that the image library gets, wherever it is: no other way of dividing the file into
    /// segments can find more.
    /// </summary>
    private static void Check(ReadOnlySpan<byte> image, string name)
    {
        int segments = 0;
        int scans = 0;
        for (int found; (found = image.IndexOf((byte)0xFF)) >= 0 && found + 1 < image.Length; image = image[(found + 1)..])
        {
            byte marker = image[found + 1];
            if (marker is < FirstMarker or 0xFF || IsRestart(marker))
                continue;
            if (++segments > MaxSegments || (marker == StartOfScan && ++scans > MaxScans))
                throw new ImageInvalidException($"{name} has more than {MaxSegments} segments or {MaxScans} scans, more than any program writes. It is damaged; save it again with another program.");
        }
    }

    private static bool IsRestart(byte marker) => marker is >= 0xD0 and <= 0xD7;

    // Restart markers and the two without a length.
    private static bool IsAlone(byte marker) => marker is (>= 0xD0 and <= 0xD8) or 0x01;

    /// <summary>The position of the next marker that is not one of the scan itself.</summary>
    private static int EndOfScan(ReadOnlySpan<byte> jpeg, int position)
    {
        while (position < jpeg.Length)
        {
            int found = jpeg[position..].IndexOf((byte)0xFF);
            if (found < 0 || position + found + 1 >= jpeg.Length)
                return jpeg.Length;

            position += found;
            byte marker = jpeg[position + 1];
            if (marker is not (0 or 0xFF) && !IsRestart(marker))
                return position;
            position += marker == 0xFF ? 1 : 2;
        }

        return jpeg.Length;
    }
}
