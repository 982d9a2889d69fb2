using System.Text;
using StableDiffusion.Metadata;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Tests.Metadata;

public sealed class DamagedMetadataTests : IDisposable
{
    private const string Infotext = "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768";

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Damages() =>
    [
        "checksum", "length", "no keyword", "empty text", "zlib", "zlib cut", "method", "iTXt flag", "iTXt short", "no end", "cut", "Exif", "Exif offset", "WebP length", "GIF cut", "JPEG length", "XMP",
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Damages))]
    public void Damage_is_told_and_what_is_whole_is_read(string damage)
    {
        byte[] good = TextChunk("parameters", Infotext);
        byte[] exif = Exif([.. "ASCII\0\0\0"u8, .. Encoding.ASCII.GetBytes(Infotext)]);
        (byte[] file, string warning) = damage switch
        {
            "checksum" => (Png(Change(good, good.Length - 1)), "wrong checksum"),
            "length" => (Png(good, Change(TextChunk("k", "text"), 0)), "wrong length"),
            "no keyword" => (Png(good, TextChunk("", "text")), "without a keyword"),
            "empty text" => (Png(good, Chunk("tEXt", [])), "without a keyword"),
            "zlib" => (Png(good, Chunk("zTXt", [.. "k\0\0"u8, 1, 2, 3, 4])), "'k' (zTXt) is damaged"),
            "zlib cut" => (Png(good, Chunk("zTXt", [.. "k\0\0"u8, .. Deflate(Encoding.ASCII.GetBytes(new string('a', 50) + Infotext))[..^20]])), "'k' (zTXt) is truncated"),
            "method" => (Png(good, Chunk("zTXt", [.. "k\0\u0001"u8, .. Deflate([65])])), "'k' (zTXt) is damaged"),
            "iTXt flag" => (Png(good, Chunk("iTXt", [.. "k\0\u0007\0\0\0text"u8])), "'k' (iTXt) is damaged"),
            "iTXt short" => (Png(good, Chunk("iTXt", [.. "k\0\0\0en"u8])), "'k' (iTXt) is damaged"),
            "no end" => (Png(good)[..^12], "truncated"),
            "cut" => (Png(good)[..^20], "truncated"),
            "Exif" => (Png(good, Chunk("eXIf", [1, 2, 3])), "EXIF block is damaged"),
            "Exif offset" => (Jpeg((0xE1, Change(exif, 6 + 7)), (0xFE, Encoding.ASCII.GetBytes(Infotext))), ""),
            "WebP length" => (Change(WebP(("EXIF", exif), ("XMP ", [0])), ^3), "wrong length"),
            "GIF cut" => (Gif(Infotext)[..^10], "truncated"),
            "JPEG length" => ([.. Jpeg((0xE1, exif))[..(2 + 4 + exif.Length)], 0xFF, 0xFE, 0xFF, 0xFF, 0], "truncated"),
            "XMP" => (WebP(("EXIF", exif), ("XMP ", [.. "<a><b></a>"u8])), "XMP packet is damaged"),
            _ => throw new ArgumentOutOfRangeException(nameof(damage)),
        };

        ImageMetadata metadata = Read(file);

        Assert.Equal(("a cat", 42), (metadata.Info.Prompt, metadata.Info.Seed));
        if (warning.Length > 0)
            Assert.Contains(metadata.Warnings, text => text.Contains(warning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no picture at all")]
    [InlineData("BM is how many a text begins")]
    public void A_file_that_is_no_picture_is_refused_by_name(string content)
    {
        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => Read(Encoding.ASCII.GetBytes(content)));

        Assert.Contains(_folder["file"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_refused_by_name()
    {
        Assert.Contains(_folder["none.png"], Assert.Throws<ImageInvalidException>(() => MetadataReader.Read(_folder["none.png"])).Message, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, Assert.Throws<ImageInvalidException>(() => MetadataReader.Read(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_AVIF_file_is_refused_by_name()
    {
        byte[] file = Avif(Exif([.. "ASCII\0\0\0text"u8]));

        Assert.Contains(_folder["file"], Assert.Throws<ImageInvalidException>(() => Read(file[..200])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_that_inflate_beyond_the_limit_are_left_out()
    {
        byte[] half = DeflatedText("half", new string('a', 9 << 20));

        ImageMetadata metadata = Read(Png(half, half, half, DeflatedText("parameters", Infotext)));

        Assert.Equal(["half", "parameters"], metadata.Entries.Select(entry => entry.Keyword));
        Assert.Equal("a cat", metadata.Info.Prompt);
        Assert.Contains("16 MiB", Assert.Single(metadata.Warnings), StringComparison.Ordinal);
    }

    /// <summary>Each is inflated before it turns out to be too long or damaged.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Texts_are_not_inflated_without_an_end(bool isDamaged)
    {
        byte[] large = DeflatedText("large", new string('a', 17 << 20));
        if (isDamaged)
            large = Chunk("zTXt", [.. large.AsSpan(8, large.Length - 200), .. new byte[100]]);

        ImageMetadata metadata = Read(Png([.. Enumerable.Repeat(large, 10), DeflatedText("parameters", Infotext)]));

        Assert.Empty(metadata.Entries);
        Assert.Contains(metadata.Warnings, static warning => warning.Contains("16 MiB", StringComparison.Ordinal));
    }

    [Fact]
    public void XMP_packets_are_read_within_limits()
    {
        byte[] packet = [.. "<a>"u8, .. Enumerable.Repeat((byte)' ', (2 << 20) - 7), .. "</a>"u8];

        Assert.Contains("too long", Read(WebP(("XMP ", [.. packet, (byte)' ']))).Warnings[0], StringComparison.Ordinal);
        Assert.DoesNotContain(Read(WebP([.. Enumerable.Repeat(("XMP ", packet), 8)])).Warnings, static warning => warning.Contains("16 MiB", StringComparison.Ordinal));
        Assert.Contains("16 MiB", Read(WebP([.. Enumerable.Repeat(("XMP ", packet), 9)])).Warnings[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_bomb_is_not_inflated()
    {
        // A quarter of a gigabyte of zeros.
        using MemoryStream bomb = new();
        using (System.IO.Compression.ZLibStream deflater = new(bomb, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 256; i++)
                deflater.Write(zeros);
        }

        byte[] file = Png(Chunk("zTXt", [.. "k\0\0"u8, .. bomb.ToArray()]));
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Empty(Read(file).Entries);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 << 20);
    }

    [Fact]
    public void More_texts_than_the_limit_are_left_out()
    {
        byte[] many = [.. Enumerable.Repeat(TextChunk("k", "v"), 1200).SelectMany(chunk => chunk)];

        ImageMetadata metadata = Read(Png(many));

        Assert.Equal(1000, metadata.Entries.Count);
        Assert.Contains(metadata.Warnings, warning => warning.Contains("1000", StringComparison.Ordinal));
    }

    [Fact]
    public void Random_damage_never_gives_another_error()
    {
        Random random = new(8);
        byte[] exif = Exif([.. "UNICODE\0"u8, .. Encoding.Unicode.GetBytes(Infotext)], isBigEndian: false, model: "prompt:{}");
        byte[][] files =
        [
            Png(TextChunk("parameters", Infotext), DeflatedText("k", Infotext), InternationalText("l", Infotext, isDeflated: true), Chunk("eXIf", exif)),
            Jpeg((0xE1, exif), (0xFE, Encoding.ASCII.GetBytes(Infotext))),
            WebP(("EXIF", exif), ("XMP ", [.. "<a>text</a>"u8])),
            Gif(Infotext, Infotext),
        ];
        int read = 0;
        foreach (byte[] file in files)
        {
            for (int i = 0; i < 500; i++)
            {
                byte[] damaged = [.. file];
                for (int j = random.Next(1, 6); j > 0; j--)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                if (random.Next(4) == 0)
                    damaged = damaged[..random.Next(16, damaged.Length)];

                try
                {
                    read += Read(damaged).Entries.Count > 0 ? 1 : 0;
                }
                catch (ImageInvalidException error)
                {
                    Assert.Contains(_folder["file"], error.Message, StringComparison.Ordinal);
                }
            }
        }

        Assert.InRange(read, 500, 2000);
    }

    private static byte[] Change(byte[] bytes, Index at)
    {
        byte[] changed = [.. bytes];
        changed[at] ^= 0x5A;
        return changed;
    }

    private ImageMetadata Read(byte[] file)
    {
        File.WriteAllBytes(_folder["file"], file);
        return MetadataReader.Read(_folder["file"]);
    }
}
