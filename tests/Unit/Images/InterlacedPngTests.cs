using System.Buffers.Binary;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Tests.Images;

/// <summary>Interlaced PNG files, which the image library reads without an end if they have too few pixels.</summary>
public sealed class InterlacedPngTests : IDisposable
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
    public void A_file_with_all_its_pixels_is_whole(int length, bool expected) => Assert.Equal(expected, PngInterlace.IsWhole(Interlaced(8, 8, Idat(length))));

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
        Assert.False(PngInterlace.IsWhole(file));
    }

    [Fact]
    public void A_second_header_is_damage() => Assert.False(PngInterlace.IsWhole(Png(Header(8, 8))));

    [Fact]
    public void A_narrow_file_is_refused_by_name()
    {
        File.WriteAllBytes(_folder["narrow.png"], Interlaced(1, 1, Idat(4)));

        string message = Assert.Throws<ImageInvalidException>(() => ImageFile.Read(_folder["narrow.png"])).Message;

        Assert.Contains(_folder["narrow.png"], message, StringComparison.Ordinal);
        Assert.Contains("fewer than five columns", message, StringComparison.Ordinal);
    }

    private static byte[] Idat(int length) => Chunk("IDAT", Deflate(new byte[length]));

    private static byte[] Interlaced(int width, int height, byte[] pixels) => [0x89, .. "PNG\r\n\u001A\n"u8, .. Header(width, height), .. pixels, .. Chunk("IEND", [])];

    private static byte[] Header(int width, int height)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = (8, 2, 1);
        return Chunk("IHDR", header);
    }
}
