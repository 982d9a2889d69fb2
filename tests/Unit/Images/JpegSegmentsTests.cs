using System.Text;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Tests.Images;

public sealed class JpegSegmentsTests
{
    private static readonly byte[] s_image = Jpeg();

    /// <summary>The image library compares each block with those before it.</summary>
    [Fact]
    public void The_image_library_gets_no_segment_that_is_not_of_the_image()
    {
        byte[] exif = [.. "Exif\0\0"u8, .. "MM\0*"u8, 0, 0, 0, 8, 0, 0];
        (byte Marker, byte[] Data)[] segments = [.. Enumerable.Range(0, 5000).SelectMany(_ => ((byte, byte[])[])[(0xFE, [1]), (0xE1, exif), (0xE2, [.. "ICC_PROFILE\0"u8, 1, 1, 7]), (0xED, [1]), (0xEF, [])])];

        (byte[] image, byte[] block, byte[] profile) = JpegSegments.Split(Jpeg(segments), 100, "file");

        Assert.Equal(s_image, image);
        Assert.Equal(exif[6..], block);
        Assert.Equal([7], profile);
    }

    [Fact]
    public void A_profile_is_put_together_in_the_order_of_its_parts()
    {
        byte[] file = Jpeg((0xE2, [.. "ICC_PROFILE\0"u8, 2, 2, 3, 4]), (0xE2, [.. "ICC_PROFILE\0"u8, 1, 2, 1, 2]));

        Assert.Equal([1, 2, 3, 4], JpegSegments.Split(file, 100, "file").Profile);
        Assert.Empty(JpegSegments.Split(file, 3, "file").Profile);
    }

    [Theory]
    [InlineData(0xDB, JpegSegments.MaxSegments)]
    [InlineData(0xE0, JpegSegments.MaxSegments)]
    [InlineData(0xDA, JpegSegments.MaxScans)]
    public void More_tables_or_scans_than_any_program_writes_are_refused(int marker, int limit)
    {
        byte[] file = Jpeg([.. Enumerable.Repeat(((byte)marker, new byte[] { 0 }), limit + 1)]);

        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => JpegSegments.Split(file, 100, "The file 'a.jpg'"));

        Assert.StartsWith("The file 'a.jpg' has more than", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_within_a_scan_stays_and_what_follows_the_image_does_not()
    {
        byte[] file = [0xFF, 0xD8, 0xFF, 0xDA, 0, 3, 1, 5, 0xFF, 0, 0xFF, 0xD3, 6, 0xFF, 0xFE, 0, 3, 9, 0xFF, 0xDA, 0, 3, 2, 7, 0xFF, 0xD9, 8];

        Assert.Equal([0xFF, 0xD8, 0xFF, 0xDA, 0, 3, 1, 5, 0xFF, 0, 0xFF, 0xD3, 6, 0xFF, 0xDA, 0, 3, 2, 7, 0xFF, 0xD9], JpegSegments.Split(file, 100, "file").Image);
    }

    /// <summary>The image library skips such bytes; the segments behind them count.</summary>
    [Theory]
    [InlineData(new byte[] { 0, 0 })]
    [InlineData(new byte[] { 1, 0xFF })]
    [InlineData(new byte[] { 0xFF, 0, 0xFF })]
    public void Stray_bytes_between_segments_are_left_out(byte[] stray)
    {
        byte[] exif = [0xFF, 0xE1, 0, 3, 1];
        byte[] scans = [.. Enumerable.Repeat<byte[]>([0xFF, 0xDA, 0, 3, 1], JpegSegments.MaxScans + 1).SelectMany(static scan => scan)];

        Assert.Equal(s_image, JpegSegments.Split([.. s_image[..2], .. stray, .. exif, .. s_image[2..]], 100, "file").Image);
        Assert.Throws<ImageInvalidException>(() => JpegSegments.Split([.. s_image[..2], .. stray, .. scans, .. s_image[2..]], 100, "file"));
    }

    /// <summary>A reader that divides the file into segments in another way finds those.</summary>
    [Fact]
    public void Scans_within_a_table_count()
    {
        byte[] scans = [.. Enumerable.Repeat<byte[]>([0xFF, 0xDA, 0, 3, 1], JpegSegments.MaxScans + 1).SelectMany(static scan => scan)];

        Assert.Throws<ImageInvalidException>(() => JpegSegments.Split(Jpeg((0xDB, scans)), 100, "file"));
    }

    /// <summary>A few bytes are enough for a scan of any size; those at the end only make the file longer.</summary>
    [Theory]
    [InlineData(90, 3, 7000)]
    [InlineData(90, 3, 4 << 20)]
    [InlineData(11, 3, 4 << 20)]
    [InlineData(33, 1, 4 << 20)]
    public void More_scans_than_its_size_and_length_are_right_for_are_refused_before_they_are_decoded(int scans, int components, int padding)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["slow.jpg"], Progressive(8192, scans, components, padding));

        Assert.Contains("more scans than an image", Assert.Throws<ImageInvalidException>(() => ImageFile.Read(folder["slow.jpg"])).Message, StringComparison.Ordinal);
    }

    /// <summary>libjpeg writes ten scans for three colors and 18 for four, with 14 and 24 components.</summary>
    [Theory]
    [InlineData(10, 1)]
    [InlineData(5, 3)]
    [InlineData(8, 4)]
    public void As_many_scans_as_encoders_write_are_decoded_at_any_size(int scans, int components)
    {
        byte[] file = JpegSegments.Split(Progressive(8192, scans, components, 4 << 20), 100, "file").Image;
        long work = JpegSegments.Work(file, ImageLibrary.MaxPixels);

        Assert.Equal(scans * components * ImageLibrary.MaxPixels, work);
        JpegSegments.CheckWork(work, file.Length, "file");
    }

    [Fact]
    public void A_small_image_may_have_all_scans()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["small.jpg"], Progressive(64, JpegSegments.MaxScans, 1, 0));

        Assert.Equal(64, ImageFile.Read(folder["small.jpg"]).Width);
    }

    [Fact]
    public void A_damaged_file_is_left_to_the_image_library()
    {
        byte[] file = [0xFF, 0xD8, 0xFF, 0xE1, 0xFF, 0xFF, .. Encoding.ASCII.GetBytes("cut")];

        Assert.Equal(file, JpegSegments.Split(file, 100, "file").Image);
    }

    // Each scan has the first coefficients of its components, the later ones a further bit of them.
    private static byte[] Progressive(int side, int scans, int components, int padding)
    {
        byte[] ids = [.. Enumerable.Range(1, components).Select(static id => (byte)id)];
        byte[] size = [(byte)(side >> 8), (byte)side];
        return
        [
            0xFF, 0xD8, .. Segment(0xDB, [0, .. Enumerable.Repeat((byte)1, 64)]),
            .. Segment(0xC2, [8, .. size, .. size, (byte)components, .. ids.SelectMany(static id => (byte[])[id, 0x11, 0])]),
            .. Segment(0xC4, [0, 1, .. new byte[15], 0]),
            .. Enumerable.Range(0, scans).SelectMany(scan => (byte[])[.. Segment(0xDA, [(byte)components, .. ids.SelectMany(static id => (byte[])[id, 0]), 0, 0, (byte)(scan == 0 ? 0 : 0x10)]), 0, 0]),
            .. new byte[padding], 0xFF, 0xD9,
        ];
    }

    private static byte[] Segment(byte marker, byte[] data) => [0xFF, marker, 0, (byte)(data.Length + 2), .. data];
}
