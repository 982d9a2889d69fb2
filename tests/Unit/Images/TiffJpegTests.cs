using System.Buffers.Binary;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.PixelFormats;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Images;

/// <summary>TIFF files whose strips are JPEG images.</summary>
public sealed class TiffJpegTests : IDisposable
{
    private const int Ycc = 6;
    private const int WhiteIsZero = 0;
    private const int BlackIsZero = 1;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Strips_are_put_together_from_top_to_bottom()
    {
        byte[][] strips = [Jpeg(16, 8, 40), Jpeg(16, 8, 120), Jpeg(16, 4, 200)];

        DiffusionImage image = Read(Tiff(16, 20, 8, strips, Ycc));

        Assert.Equal((16, 20), (image.Width, image.Height));
        Assert.Equal([40, 120, 200], ((int[])[0, 8, 16]).Select(row => (int)image.Pixels[row * 16 * 3]));
    }

    [Theory]
    [InlineData(BlackIsZero, 40)]
    [InlineData(WhiteIsZero, 215)]
    public void The_samples_say_whether_white_is_zero(int photometric, int expected) =>
        Assert.Equal(expected, Read(Tiff(8, 8, 8, [Jpeg(8, 8, 40, JpegColorType.Luminance)], photometric)).Pixels[0]);

    /// <summary>libtiff keeps the tables of all strips in a tag.</summary>
    [Fact]
    public void Tables_of_all_strips_are_used()
    {
        byte[] jpeg = Jpeg(16, 8, 120);
        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        int scan = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        int frameEnd = frame + 2 + BinaryPrimitives.ReadUInt16BigEndian(jpeg.AsSpan(frame + 2));
        byte[] tables = [.. jpeg[..frame], .. jpeg[frameEnd..scan], 0xFF, 0xD9];
        byte[] strip = [0xFF, 0xD8, .. jpeg[frame..frameEnd], .. jpeg[scan..]];

        Assert.Equal(120, Read(Tiff(16, 8, 8, [strip], Ycc, tables)).Pixels[0]);
    }

    [Fact]
    public void An_image_that_is_larger_than_its_strip_is_refused_before_it_is_decoded()
    {
        byte[] jpeg = Jpeg(64, 64, 40);
        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 16000);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 16384);

        Assert.Contains("16384x16000", Refusal(Tiff(64, 64, 64, [jpeg], Ycc)), StringComparison.Ordinal);
    }

    [Fact]
    public void More_scans_than_any_program_writes_are_refused()
    {
        byte[] jpeg = Jpeg(8, 8, 40);
        int scan = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        byte[] many = [.. jpeg[..scan], .. Enumerable.Repeat(jpeg[scan..^2], JpegSegments.MaxScans + 1).SelectMany(static bytes => bytes), 0xFF, 0xD9];

        Assert.Contains("scans", Refusal(Tiff(8, 8, 8, [many], Ycc)), StringComparison.Ordinal);
    }

    /// <summary>None of the strips is large enough to be refused alone.</summary>
    [Fact]
    public void The_scans_of_all_strips_count_together()
    {
        byte[] jpeg = Jpeg(8, 8, 40);
        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        int scan = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xDA]);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 5), 1024);
        BinaryPrimitives.WriteUInt16BigEndian(jpeg.AsSpan(frame + 7), 1024);
        byte[] strip = [.. jpeg[..scan], .. Enumerable.Repeat(jpeg[scan..^2], 5).SelectMany(static bytes => bytes), 0xFF, 0xD9];

        Assert.Contains("more scans than an image", Refusal(Tiff(1024, 8192, 1024, [.. Enumerable.Repeat(strip, 8)], Ycc)), StringComparison.Ordinal);
    }

    [Fact]
    public void More_strips_than_the_limit_are_refused()
    {
        const int Most = 8192;
        byte[] tables = new byte[4096];

        Assert.True(TiffFile.TryFindJpegs(Tiff(8, Most, 1, [.. Enumerable.Repeat<byte[]>([1, 2], Most)], Ycc, tables), out _, out _, out _));
        Assert.Contains("8193 strips", Refusal(Tiff(8, Most + 1, 1, [.. Enumerable.Repeat<byte[]>([1, 2], Most + 1)], Ycc, tables)), StringComparison.Ordinal);
    }

    /// <summary>The image library would decode a strip of any format, and this one without an end.</summary>
    [Fact]
    public void A_strip_that_is_the_file_itself_is_refused()
    {
        byte[] tiff = Tiff(8, 8, 8, [[1, 2]], Ycc);
        SetTag(tiff, 273, 0);

        Assert.Contains("compressed with JPEG, but is not", Refusal(tiff), StringComparison.Ordinal);
    }

    [Fact]
    public void Strips_that_share_their_bytes_are_refused()
    {
        byte[] jpeg = [.. Jpeg(8, 1, 40), .. new byte[1000]];
        byte[] file = Tiff(8, 100, 1, [jpeg], Ycc);
        // One strip, which a hundred entries refer to.
        byte[] entries = [.. Enumerable.Repeat(BitConverter.GetBytes(8), 100).SelectMany(static bytes => bytes), .. Enumerable.Repeat(BitConverter.GetBytes(jpeg.Length), 100).SelectMany(static bytes => bytes)];
        byte[] all = [.. file, .. entries];
        SetTag(all, 273, file.Length, 100);
        SetTag(all, 279, file.Length + 400, 100);

        Assert.Contains("truncated", Refusal(all), StringComparison.Ordinal);
    }

    /// <summary>The image library allocates as many rows as the file says, and reads the second of two equal tags in some cases.</summary>
    [Fact]
    public void Rows_beyond_the_image_are_not_allocated_and_each_tag_is_read_once()
    {
        byte[] plain = Tiff(8, 8, int.MaxValue, [new byte[8 * 8]], BlackIsZero, compression: 1);
        byte[] first = TiffFile.FirstImage(plain, "file");

        Assert.Equal(8u, Tag(first, 278));
        Assert.Equal((8, 8), (Read(plain).Width, Read(plain).Height));

        SetTag(plain, 279, 64, newTag: 273);
        Assert.Equal(8u, Tag(TiffFile.FirstImage(plain, "file"), 273));
        Assert.Equal(0u, Tag(TiffFile.FirstImage(plain, "file"), 279));
    }

    [Fact]
    public void Decoding_stops_when_it_is_cancelled()
    {
        byte[] tiff = TiffFile.FirstImage(Tiff(8, 8, 8, [Jpeg(8, 8, 40)], Ycc), "file");

        Assert.ThrowsAny<OperationCanceledException>(() => TiffJpeg.Decode(tiff, new Size(8, 8), "file", new CancellationToken(canceled: true)));
    }

    private static byte[] Jpeg(int width, int height, byte gray, JpegColorType color = JpegColorType.YCbCrRatio444)
    {
        using Image<L8> image = new(width, height, new L8(gray));
        using MemoryStream stream = new();
        image.Save(stream, new JpegEncoder { Quality = 100, ColorType = color });
        return stream.ToArray();
    }

    private static byte[] Tiff(int width, int height, int rows, byte[][] strips, int photometric, byte[]? tables = null, int compression = 7)
    {
        int samples = photometric == Ycc ? 3 : 1;
        List<byte> file = [.. "II*\0\0\0\0\0"u8];
        int[] offsets = [.. strips.Select(Append)];
        int bits = Append([8, 0, 8, 0, 8, 0]);
        List<(int Tag, int Type, int Count, int Value)> tags =
        [
            (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, samples == 1 ? 8 : bits), (259, 3, 1, compression), (262, 3, 1, photometric),
            (273, 4, strips.Length, strips.Length == 1 ? offsets[0] : Append(Numbers(offsets))), (277, 3, 1, samples), (278, 4, 1, rows),
            (279, 4, strips.Length, strips.Length == 1 ? strips[0].Length : Append(Numbers(strips.Select(static strip => strip.Length)))),
        ];
        if (tables is not null)
            tags.Add((347, 7, tables.Length, Append(tables)));

        int directory = Append([]);
        file.AddRange(BitConverter.GetBytes((ushort)tags.Count));
        foreach ((int tag, int type, int count, int value) in tags)
            file.AddRange([.. BitConverter.GetBytes((ushort)tag), .. BitConverter.GetBytes((ushort)type), .. BitConverter.GetBytes(count), .. BitConverter.GetBytes(value)]);
        file.AddRange(new byte[4]);
        byte[] tiff = [.. file];
        BitConverter.TryWriteBytes(tiff.AsSpan(4), directory);
        return tiff;

        int Append(byte[] bytes)
        {
            file.AddRange(new byte[file.Count & 1]);
            int offset = file.Count;
            file.AddRange(bytes);
            return offset;
        }

        static byte[] Numbers(IEnumerable<int> numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];
    }

    private static int EntryOf(byte[] tiff, int tag)
    {
        int directory = BitConverter.ToInt32(tiff, 4);
        return Enumerable.Range(0, BitConverter.ToUInt16(tiff, directory)).Select(i => directory + 2 + (i * 12)).FirstOrDefault(entry => BitConverter.ToUInt16(tiff, entry) == tag);
    }

    private static uint Tag(byte[] tiff, int tag) => EntryOf(tiff, tag) is > 0 and int entry ? BitConverter.ToUInt32(tiff, entry + 8) : 0;

    private static void SetTag(byte[] tiff, int tag, int value, int count = 1, int? newTag = null)
    {
        int entry = EntryOf(tiff, tag);
        BitConverter.TryWriteBytes(tiff.AsSpan(entry), (ushort)(newTag ?? tag));
        BitConverter.TryWriteBytes(tiff.AsSpan(entry + 4), count);
        BitConverter.TryWriteBytes(tiff.AsSpan(entry + 8), value);
    }

    private DiffusionImage Read(byte[] file)
    {
        File.WriteAllBytes(_folder["image.tif"], file);
        return ImageFile.Read(_folder["image.tif"]);
    }

    private string Refusal(byte[] file) => Assert.Throws<ImageInvalidException>(() => Read(file)).Message;
}
