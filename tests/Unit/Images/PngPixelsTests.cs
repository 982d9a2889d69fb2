using System.Buffers.Binary;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Tests.Images;

/// <summary>The pixels of PNG files, which the image library reads blank, or without an end if they are interlaced, where there are too few.</summary>
public sealed class PngPixelsTests : IDisposable
{
    // The rows of the passes of 8x8 pixels with three bytes each, with a byte before each row.
    private const int Whole = 4 + 4 + 7 + (2 * 7) + (2 * 13) + (4 * 13) + (4 * 25);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, false)]
    [InlineData(100, false)]
    [InlineData(Whole - 1, false)]
    [InlineData(Whole, true)]
    [InlineData(Whole + 100, true)]
    public void A_file_with_all_its_pixels_is_whole(int length, bool expected) => Assert.Equal(expected, PngPixels.IsWhole(Interlaced(8, 8, Idat(length))));

    [Theory]
    [InlineData(0, false)]
    [InlineData((8 * 25) - 1, false)]
    [InlineData(8 * 25, true)]
    public void A_file_in_one_pass_has_all_its_rows(int length, bool expected) => Assert.Equal(expected, PngPixels.IsWhole(Of(Header(8, 8, isInterlaced: false), Idat(length))));

    [Fact]
    public void A_whole_file_is_read()
    {
        File.WriteAllBytes(_folder["whole.png"], Interlaced(8, 8, Idat(Whole)));
        DiffusionImage image = ImageFile.Read(_folder["whole.png"]);
        Assert.Equal((8, 8), (image.Width, image.Height));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Pixels_after_a_gap_do_not_count(bool isEmptyChunk)
    {
        byte[] deflated = Deflate(new byte[Whole]);
        byte[] file = Interlaced(8, 8, [.. Chunk("IDAT", deflated[..5]), .. isEmptyChunk ? Chunk("IDAT", []) : TextChunk("k", "text"), .. Chunk("IDAT", deflated[5..])]);
        Assert.False(PngPixels.IsWhole(file));
    }

    [Fact]
    public void A_second_header_is_damage() => Assert.False(PngPixels.IsWhole(Png(Header(8, 8))));

    [Fact]
    public void A_narrow_file_is_refused_by_name()
    {
        File.WriteAllBytes(_folder["narrow.png"], Interlaced(1, 1, Idat(4)));

        string message = Assert.Throws<ImageInvalidException>(() => ImageFile.Read(_folder["narrow.png"])).Message;

        Assert.Contains(_folder["narrow.png"], message, StringComparison.Ordinal);
        Assert.Contains("fewer than five columns", message, StringComparison.Ordinal);
    }

    private static byte[] Idat(int length) => Chunk("IDAT", Deflate(new byte[length]));

    private static byte[] Interlaced(int width, int height, byte[] pixels) => Of(Header(width, height), pixels);

    private static byte[] Of(byte[] header, byte[] pixels) => [0x89, .. "PNG\r\n\u001A\n"u8, .. header, .. pixels, .. Chunk("IEND", [])];

    private static byte[] Header(int width, int height, bool isInterlaced = true)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = (8, 2, isInterlaced ? (byte)1 : (byte)0);
        return Chunk("IHDR", header);
    }
}
