using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;
using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Images;

/// <summary>Lossless WebP images whose prefix codes take more memory than their pixels.</summary>
public sealed class WebPLosslessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<int, int, int, WebpFileFormatType> Images()
    {
        TheoryData<int, int, int, WebpFileFormatType> images = [];
        foreach (int colors in (int[])[1, 2, 4, 13, 200, 100_000])
        {
            foreach ((int width, int height) in ((int, int)[])[(1, 1), (5, 3), (64, 64), (300, 200)])
            {
                images.Add(width, height, colors, WebpFileFormatType.Lossless);
                images.Add(width, height, colors, WebpFileFormatType.Lossy);
            }
        }

        return images;
    }

    /// <summary>Images of few and of many colors have other transforms, caches and numbers of groups; lossy ones have a lossless transparency.</summary>
    [Theory]
    [MemberData(nameof(Images))]
    public void Whole_images_are_read(int width, int height, int colors, WebpFileFormatType kind)
    {
        Random random = new(colors);
        Rgba32[] palette = [.. Enumerable.Range(0, colors).Select(_ => new Rgba32((uint)random.NextInt64(1L << 32)))];
        using Image<Rgba32> image = new(width, height);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                // Smooth in one half, grainy in the other.
                image[x, y] = colors > 1000 && x < width / 2 ? new Rgba32((byte)x, (byte)y, (byte)(x + y), 255) : palette[random.Next(colors)];
            }
        }

        using MemoryStream stream = new();
        image.Save(stream, new WebpEncoder { FileFormat = kind });
        byte[] file = stream.ToArray();

        WebPLossless.Check(file, new Size(width, height), TestContext.Current.CancellationToken);
        Assert.Equal(width, Read(file).Width);
    }

    [Fact]
    public void An_image_of_another_encoder_is_read() =>
        WebPLossless.Check(File.ReadAllBytes(Repository.Data("images", "many.webp")), new Size(1, 1), TestContext.Current.CancellationToken);

    [Theory]
    [InlineData(64, 256, true)]
    [InlineData(64, 257, false)]
    [InlineData(64, 65_536, false)]
    [InlineData(400, WebPLossless.MaxGroups, true)]
    [InlineData(400, WebPLossless.MaxGroups + 1, false)]
    public void More_groups_than_blocks_or_than_the_limit_are_refused(int size, int groups, bool isValid)
    {
        byte[] file = WithGroups(size, groups);

        if (isValid)
            Assert.Equal(size, Read(file).Width);
        else
            Assert.Contains($"{groups} groups", Assert.Throws<ImageInvalidException>(() => Read(file)).Message, StringComparison.Ordinal);
    }

    /// <summary>An empty mask can be that short.</summary>
    [Fact]
    public void An_image_of_one_color_that_is_too_short_for_its_size_is_not_called_damaged()
    {
        string message = Assert.Throws<ImageInvalidException>(() => Read(WithGroups(8192, 1))).Message;

        Assert.Contains("too many for its", message, StringComparison.Ordinal);
        Assert.EndsWith("If it is not damaged, save it as PNG.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_transparency_of_a_lossy_image_is_checked_too()
    {
        // The transparency has no header.
        byte[] alpha = Riff(Chunk("ALPH", [1, .. LosslessStream(300, size: null)]));

        Assert.Contains("300 groups", Assert.Throws<InvalidDataException>(() => WebPLossless.Check(alpha, new Size(64, 64), CancellationToken.None)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_or_an_image_of_another_size_than_its_container_says_is_refused()
    {
        byte[] image = WithGroups(64, 1)[12..];
        byte[] size = [31, 0, 0, 31, 0, 0];
        byte[] still = Riff([.. Chunk("VP8X", [0, 0, 0, 0, .. size]), .. image]);
        byte[] moving = Riff([.. Chunk("VP8X", [2, 0, 0, 0, .. size]), .. Chunk("ANIM", new byte[6]), .. Chunk("ANMF", [0, 0, 0, 0, 0, 0, .. size, 0, 0, 0, 0, .. image])]);

        foreach (byte[] file in (byte[][])[still, moving])
            Assert.Contains("64x64 pixels where it says 32x32", Assert.Throws<ImageInvalidException>(() => Read(file)).Message, StringComparison.Ordinal);
    }

    // An image of one color: the index of a group is in the two middle bytes of all pixels that describe the blocks.
    private static byte[] WithGroups(int size, int groups) => Riff(Chunk("VP8L", LosslessStream(groups, size)));

    private static byte[] LosslessStream(int groups, int? size)
    {
        Bits bits = new();
        if (size is int side)
        {
            bits.Add(0x2F, 8);
            bits.Add(side - 1, 14);
            bits.Add(side - 1, 14);
            bits.Add(0, 1 + 3);
        }

        // No transform, no cache; groups for blocks of 4x4 pixels, whose image has no cache either.
        bits.Add(0, 1 + 1);
        bits.Add(1, 1);
        bits.Add(0, 3);
        bits.Add(0, 1);
        foreach (int symbol in (int[])[(groups - 1) & 0xFF, (groups - 1) >> 8, 0, 0, 0])
            AddCode(bits, symbol);
        for (int i = 0; i < groups * 5; i++)
            AddCode(bits, 0);
        return bits.ToArray();
    }

    private static void AddCode(Bits bits, int symbol)
    {
        bits.Add(1, 1 + 1);
        bits.Add(symbol > 1 ? 1 : 0, 1);
        bits.Add(symbol, symbol > 1 ? 8 : 1);
    }

    private static byte[] Riff(byte[] chunks) => [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length + 4), .. "WEBP"u8, .. chunks];

    private static byte[] Chunk(string type, byte[] data) => [.. System.Text.Encoding.ASCII.GetBytes(type), .. BitConverter.GetBytes(data.Length), .. data, .. new byte[data.Length & 1]];

    private DiffusionImage Read(byte[] file)
    {
        File.WriteAllBytes(_folder["image.webp"], file);
        return ImageFile.Read(_folder["image.webp"]);
    }

    private sealed class Bits
    {
        private readonly List<byte> _bytes = [];
        private int _used;

        public void Add(int value, int count)
        {
            for (int i = 0; i < count; i++, _used++)
            {
                if ((_used & 7) == 0)
                    _bytes.Add(0);
                _bytes[^1] |= (byte)(((value >> i) & 1) << (_used & 7));
            }
        }

        public byte[] ToArray() => [.. _bytes];
    }
}
