using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Metadata;

namespace StableDiffusion.Tests.Images;

public sealed class ImageFileReadTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("images-").FullName;

    public static TheoryData<string> Files()
    {
        using JsonDocument document = Decoded();
        return [.. document.RootElement.GetProperty("cases").EnumerateArray().Select(item => item.GetProperty("file").GetString()!)];
    }

    public static TheoryData<string, byte[]> Hostile() => new()
    {
        { "zero bytes", [] },
        { "one byte", [0x89] },
        { "text", "This is no picture at all, whatever its name says."u8.ToArray() },
        { "text that begins like BMP", "BM stands for bitmap, but this is text again."u8.ToArray() },
        { "SVG", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><image href=\"/etc/passwd\"/></svg>"u8.ToArray() },
        { "SVG with a declaration", "<?xml version=\"1.0\"?><svg width=\"9\" height=\"9\"></svg>"u8.ToArray() },
        { "MSL", "<?xml version=\"1.0\"?><image><read filename=\"/etc/passwd\"/><write filename=\"/tmp/x\"/></image>"u8.ToArray() },
        { "MVG", "push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'https://example.com/x.png'\npop graphic-context"u8.ToArray() },
        { "PostScript", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage"u8.ToArray() },
        { "PDF", "%PDF-1.7\n1 0 obj<<>>endobj"u8.ToArray() },
        { "coder name", "text:/etc/passwd"u8.ToArray() },
        { "Photoshop", "8BPS\0\u0001\0\0\0\0\0\0\0\u0003\0\0\0\u0009\0\0\0\u0009\0\u0008\0\u0003"u8.ToArray() },
        { "PNG signature alone", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] },
        { "JPEG start alone", [0xFF, 0xD8, 0xFF] },
        { "WebP header alone", "RIFF\u0010\0\0\0WEBPVP8 "u8.ToArray() },
        { "GIF header alone", "GIF89a"u8.ToArray() },
        { "TIFF header alone", "II*\0\u0008\0\0\0"u8.ToArray() },
        { "BigTIFF of 2^63 tags", [.. "II+\0\u0008\0\0\0"u8, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128] },
        { "BigTIFF of 2^31 tags, big-endian", [.. "MM\0+\0\u0008\0\0"u8, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 128, 0, 0, 0] },
        { "TIFF of 65535 tags, cut off", [.. "II*\0\u0008\0\0\0"u8, 255, 255, .. new byte[65534 * 12]] },
        { "AVIF brand alone", "\0\0\0\u0010ftypavif\0\0\0\0"u8.ToArray() },
        { "PNG of 60000x60000", PngOf(60000, 60000) },
        { "PNG of 4 gigapixels a side", PngOf(int.MaxValue, int.MaxValue) },
        { "PNG of no width", PngOf(0, 5) },
        { "GIF of 65535x65535", GifOf(65535, 65535, 65535, 65535) },
        { "small GIF frame on a canvas of 65535x65535", GifOf(65535, 65535, 1, 1) },
        { "BMP of 60000x60000", BmpOf(60000, 60000) },
        { "PNG of 60 million rows", [.. PngOf(1, 60_000_000), .. new byte[10_000]] },
        { "PNG of 60 megapixels in 70 bytes", PngOf(8000, 7500) },
    };

    public static TheoryData<string> Damaged() =>
    [
        "rgb.png", "rgb16.png", "palette.png", "grey-alpha.png", "swapped-profile.png", "rgb.jpg", "cmyk.jpg", "orientation-6.jpg", "rgb.webp", "many.webp",
        "many.gif", "frames.gif", "rgb.bmp", "rgb.tif", "cmyk.tif", "rgb.avif", "own PNG", "own JPEG", "own WebP", "TGA",
    ];

    [Theory]
    [InlineData("uneven-chroma.jpg")]
    [InlineData("empty-scan.jpg")]
    [InlineData("no-restarts.jpg")]
    public void What_a_file_lacks_is_never_the_pixels_of_another_one(string name)
    {
        string file = Repository.Data("images", name);
        byte[] expected = ImageFile.Read(file).Pixels;
        foreach (string other in new[] { "scene.png", "rgb.tif", "rgb.webp", "frames.gif", "rgb.bmp", "cmyk.jpg" })
        {
            ImageFile.Read(Repository.Data("images", other));
            Assert.Equal(expected, ImageFile.Read(file).Pixels);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void The_pixels_are_those_that_other_decoders_read(string file)
    {
        using JsonDocument document = Decoded();
        JsonElement expected = document.RootElement.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("file").GetString() == file);
        int tolerance = expected.GetProperty("tolerance").GetInt32();

        DiffusionImage image = ImageFile.Read(Repository.Data("images", file));

        Assert.Equal((expected.GetProperty("width").GetInt32(), expected.GetProperty("height").GetInt32()), (image.Width, image.Height));
        byte[] pixels = Convert.FromHexString(expected.GetProperty("rgb").GetString()!);
        Assert.InRange(LargestDifference(pixels, image.Pixels), 0, tolerance);
    }

    [Fact]
    public void A_picture_knows_where_it_was_read_from()
    {
        DiffusionImage image = ImageFile.Read(Repository.Data("images", "rgb.png"));

        Assert.Equal(Path.GetFullPath(Repository.Data("images", "rgb.png")), image.Path);
        Assert.Equal(new GenerationInfo(), image.Info);
    }

    [Fact]
    public void The_content_counts_and_not_the_name()
    {
        string path = Path.Combine(_folder, "picture.txt");
        File.Copy(Repository.Data("images", "rgb.webp"), path);

        Assert.Equal(ImageFile.Read(Repository.Data("images", "rgb.png")).Pixels, ImageFile.Read(path).Pixels);
    }

    [Theory]
    [InlineData("a [1-2] %d {x} 100%.png")]
    [InlineData("png:x@y.png")]
    [InlineData("Größe 漢🦓.png")]
    public void A_name_with_special_characters_is_just_a_name(string name)
    {
        if (OperatingSystem.IsWindows() && name.Contains(':', StringComparison.Ordinal))
            return;

        string path = Path.Combine(_folder, name);
        File.Copy(Repository.Data("images", "rgb.png"), path);

        Assert.Equal(12, ImageFile.Read(path).Width);
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void What_is_no_picture_is_refused_with_its_name(string kind, byte[] content)
    {
        string path = Write(content);

        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => ImageFile.Read(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(kind);
    }

    [Theory]
    [InlineData("rgb.png")]
    [InlineData("palette.png")]
    [InlineData("rgb.jpg")]
    [InlineData("orientation-6.jpg")]
    [InlineData("rgb.webp")]
    [InlineData("rgb.bmp")]
    [InlineData("rgb.tif")]
    [InlineData("cmyk.tif")]
    [InlineData("frames.gif")]
    [InlineData("many.webp")]
    public void A_file_that_breaks_off_is_refused(string file)
    {
        byte[] whole = File.ReadAllBytes(Repository.Data("images", file));
        string path = Write(whole[..(whole.Length / 2)]);

        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => ImageFile.Read(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    // A hundred of each.
    [Theory]
    [MemberData(nameof(Damaged))]
    public void A_damaged_file_is_read_or_refused_by_name_and_costs_little(string file)
    {
        GenerationInfo info = new() { Prompt = "a cat", Seed = 1, Steps = 2 };
        byte[] whole = file switch
        {
            "own PNG" => MetadataFiles.Encode(ImageFormat.Png, info),
            "own JPEG" => MetadataFiles.Encode(ImageFormat.Jpeg, info),
            "own WebP" => MetadataFiles.Encode(ImageFormat.WebP, info),
            "TGA" => [0, 0, 10, .. new byte[9], 4, 0, 2, 0, 24, 0x20, 0x83, 1, 2, 3, 0x83, 4, 5, 6],
            _ => File.ReadAllBytes(Repository.Data("images", file)),
        };
        Random random = new(1);
        string path = Path.Combine(_folder, "damaged");
        int refused = 0;
        for (int round = 0; round < 100; round++)
        {
            File.WriteAllBytes(path, DamagedFiles.Damage(whole, random));
            long before = GC.GetAllocatedBytesForCurrentThread();

            foreach (Exception? error in (Exception?[])[Record.Exception(() => ImageFile.Read(path)), Record.Exception(() => MetadataReader.Read(path))])
            {
                Assert.True(error is null or ImageInvalidException, $"round {round}: {error}");
                Assert.Contains(path, error?.Message ?? path, StringComparison.Ordinal);
                refused += error is null ? 0 : 1;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 300_000_000);
        }

        Assert.True(refused > 0, "no damage was noticed");
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("from below")]
    [InlineData("with alpha")]
    [InlineData("runs")]
    public void TGA_holds_the_pixels_as_they_are_and_all_of_them(string kind)
    {
        DiffusionImage expected = ImageFile.Read(Repository.Data("images", "rgb.png"));
        byte[][] pixels = [.. expected.Pixels.Chunk(3).Select(pixel => (byte[])[.. pixel.Reverse(), .. kind == "with alpha" ? (byte[])[255] : []])];
        byte[] body = kind switch
        {
            "from below" => [.. pixels.Chunk(12).Reverse().SelectMany(row => row).SelectMany(pixel => pixel)],
            "runs" => [.. pixels.Chunk(12).SelectMany(row => (byte[])[0x80, .. row[0], 10, .. row[1..].SelectMany(pixel => pixel)])],
            _ => [.. pixels.SelectMany(pixel => pixel)],
        };
        byte type = (byte)(kind == "runs" ? 10 : 2);
        byte[] depth = kind switch { "with alpha" => [32, 0x28], "from below" => [24, 0], _ => [24, 0x20] };
        byte[] file = [0, 0, type, .. new byte[9], 12, 0, 10, 0, .. depth, .. body];

        Assert.Equal(expected.Pixels, ImageFile.Read(Write(file)).Pixels);
        Assert.Contains("truncated", Assert.Throws<ImageInvalidException>(() => ImageFile.Read(Write(file[..^1]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_known_but_not_read_is_refused_by_name()
    {
        foreach ((string kind, string path) in ((string, string)[])
        [
            ("AVIF", Repository.Data("images", "rgb.avif")),
            ("HEIC", Write("\0\0\0\u0018ftypheic\0\0\0\0mif1heic"u8.ToArray())),
            ("QOI", Write("qoif\0\0\0\u0001\0\0\0\u0001\u0003\0"u8.ToArray())),
            ("JPEG XL", Write([0xFF, 0x0A, 0, 0])),
        ])
        {
            ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => ImageFile.Read(path));

            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.Contains($"{kind} image, which cannot be read. Convert it to PNG, JPEG or WebP.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_refused()
    {
        string missing = Path.Combine(_folder, "none.png");
        Assert.Contains(missing, Assert.Throws<ImageInvalidException>(() => ImageFile.Read(missing)).Message, StringComparison.Ordinal);
        Assert.Contains("folder", Assert.Throws<ImageInvalidException>(() => ImageFile.Read(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_colour_profile_does_not_keep_a_picture_from_being_read()
    {
        // An iCCP chunk whose profile is a few bytes of nothing.
        byte[] png = File.ReadAllBytes(Repository.Data("images", "rgb.png"));
        byte[] compressed = [0x78, 0x9C, 0x4B, 0x4C, 0x4A, 0x06, 0x00, 0x02, 0x4D, 0x01, 0x27];
        byte[] chunk = Chunk("iCCP"u8, [.. "x\0\0"u8, .. compressed]);
        const int AfterHeader = 8 + 25;

        DiffusionImage image = ImageFile.Read(Write([.. png[..AfterHeader], .. chunk, .. png[AfterHeader..]]));
        Assert.Equal(ImageFile.Read(Repository.Data("images", "rgb.png")).Pixels, image.Pixels);
    }

    [Fact]
    public void A_mask_is_the_grey_of_a_picture()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Repository.Data("images", "grey.json")));
        MaskImage mask = ImageFile.ReadMask(Repository.Data("images", "scene.png"));

        Assert.Equal((64, 64), (mask.Width, mask.Height));
        Assert.Equal(Convert.FromHexString(document.RootElement.GetProperty("grey").GetString()!), mask.Pixels);
    }

    [Fact]
    public void What_is_transparent_in_a_mask_is_kept()
    {
        MaskImage mask = ImageFile.ReadMask(Repository.Data("images", "alpha.png"));

        Assert.Equal(0, mask.Pixels[0]);
        Assert.Equal(255, ImageFile.Read(Repository.Data("images", "alpha.png")).Pixels[0]);
    }

    [Fact]
    public void Many_threads_read_the_same_pixels()
    {
        string[] files = ["rgb.png", "alpha.png", "rgb.jpg", "rgb.webp", "frames.gif", "rgb.tif"];
        byte[][] expected = [.. files.Select(file => ImageFile.Read(Repository.Data("images", file)).Pixels)];

        Parallel.For(0, 60, i => Assert.Equal(expected[i % files.Length], ImageFile.Read(Repository.Data("images", files[i % files.Length])).Pixels));
    }

    [Theory]
    [InlineData("many.webp")]
    [InlineData("many.gif")]
    public void Of_an_animation_the_first_frame_is_read(string file)
    {
        DiffusionImage image = ImageFile.Read(Repository.Data("images", file));

        Assert.Equal((20, 16), (image.Width, image.Height));
        Assert.Equal([8, 10, 20], image.Pixels[..3]);
    }

    [Fact]
    public void A_frame_of_an_animation_lies_at_its_place()
    {
        byte[] still = MetadataFiles.Encode(ImageFormat.WebP);
        byte[] frame = [2, 0, 0, 1, 0, 0, 7, 0, 0, 7, 0, 0, 100, 0, 0, 0, .. still[12..]];
        byte[] body = [.. "WEBPVP8X"u8, 10, 0, 0, 0, 2, 0, 0, 0, 15, 0, 0, 11, 0, 0, .. "ANIM"u8, 6, 0, 0, 0, .. new byte[6], .. "ANMF"u8, .. BitConverter.GetBytes(frame.Length), .. frame];

        DiffusionImage image = ImageFile.Read(Write([.. "RIFF"u8, .. BitConverter.GetBytes(body.Length), .. body]));

        Assert.Equal((16, 12), (image.Width, image.Height));
        for (int i = 0; i < 16 * 12; i++)
        {
            bool isFrame = i % 16 is >= 4 and < 12 && i / 16 is >= 2 and < 10;
            Assert.InRange(image.Pixels[3 * i], isFrame ? 0 : 255, isFrame ? 3 : 255);
        }
    }

    [Theory]
    [InlineData(1, new byte[] { 10, 20, 30, 40, 50, 60 }, 2)]
    [InlineData(3, new byte[] { 40, 50, 60, 10, 20, 30 }, 2)]
    [InlineData(6, new byte[] { 10, 20, 30, 40, 50, 60 }, 1)]
    [InlineData(8, new byte[] { 40, 50, 60, 10, 20, 30 }, 1)]
    public void The_orientation_of_a_TIFF_file_counts(int orientation, byte[] expected, int width)
    {
        const int Depths = 8 + 2 + (10 * 12) + 4;
        (int Tag, int Type, int Count, int Value)[] entries =
        [
            (256, 3, 1, 2), (257, 3, 1, 1), (258, 3, 3, Depths), (259, 3, 1, 1), (262, 3, 1, 2),
            (273, 4, 1, Depths + 6), (274, 3, 1, orientation), (277, 3, 1, 3), (278, 3, 1, 1), (279, 4, 1, 6),
        ];
        byte[] file =
        [
            .. "II*\0"u8, 8, 0, 0, 0, 10, 0,
            .. entries.SelectMany(entry => (byte[])[.. BitConverter.GetBytes((short)entry.Tag), .. BitConverter.GetBytes((short)entry.Type), .. BitConverter.GetBytes(entry.Count), .. BitConverter.GetBytes(entry.Value)]),
            0, 0, 0, 0, 8, 0, 8, 0, 8, 0, 10, 20, 30, 40, 50, 60,
        ];

        DiffusionImage image = ImageFile.Read(Write(file));

        Assert.Equal(width, image.Width);
        Assert.Equal(expected, image.Pixels);
    }

    [Theory]
    [InlineData("PNG")]
    [InlineData("WebP")]
    public void The_orientation_in_an_EXIF_block_counts(string format)
    {
        byte[] exif = [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        DiffusionImage plain = ImageFile.Read(Repository.Data("images", "rgb.png"));
        byte[] png = File.ReadAllBytes(Repository.Data("images", "rgb.png"));
        byte[] webp = File.ReadAllBytes(Repository.Data("images", "rgb.webp"));
        byte[] body = [.. "WEBPVP8X"u8, 10, 0, 0, 0, 8, 0, 0, 0, 11, 0, 0, 9, 0, 0, .. webp[12..], .. "EXIF"u8, .. BitConverter.GetBytes(exif.Length), .. exif];
        byte[] file = format == "PNG" ? [.. png[..33], .. Chunk("eXIf"u8, exif), .. png[33..]] : [.. "RIFF"u8, .. BitConverter.GetBytes(body.Length), .. body];

        DiffusionImage image = ImageFile.Read(Write(file));

        Assert.Equal((10, 12), (image.Width, image.Height));
        for (int i = 0; i < 10 * 12; i++)
            Assert.Equal(plain.Pixels.AsSpan(3 * (((9 - (i % 10)) * 12) + (i / 10)), 3), image.Pixels.AsSpan(3 * i, 3));
    }

    [Fact]
    public void Texts_of_a_PNG_file_are_not_inflated_for_its_pixels()
    {
        byte[] png = File.ReadAllBytes(Repository.Data("images", "rgb.png"));
        byte[] bomb = MetadataFiles.DeflatedText("k", new string('a', 50_000_000));
        byte[] file = [.. png[..33], .. bomb, .. png[33..]];
        string path = Write(file);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(12, ImageFile.Read(path).Width);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void The_pixels_of_a_PNG_file_may_be_in_chunks_of_any_length(int first) =>
        Assert.Equal(ImageFile.Read(Repository.Data("images", "rgb.png")).Pixels, ImageFile.Read(Write(PngOfBytes(first))).Pixels);

    [Fact]
    public void A_damaged_chunk_of_one_byte_is_noticed()
    {
        byte[] file = PngOfBytes(1);
        const int EndChunk = 12;
        file[^(EndChunk + 1)] ^= 1;

        Assert.Throws<ImageInvalidException>(() => ImageFile.Read(Write(file)));
    }

    [Fact]
    public void A_device_is_no_picture()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "There is no /dev/zero.");
        Assert.Throws<ImageInvalidException>(() => ImageFile.Read("/dev/zero"));
    }

    private static int LargestDifference(byte[] expected, byte[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        return expected.Zip(actual, (left, right) => Math.Abs(left - right)).Max();
    }

    private static JsonDocument Decoded() => JsonDocument.Parse(File.ReadAllText(Repository.Data("images", "decoded.json")));

    private static byte[] PngOf(int width, int height)
    {
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8;
        header[9] = 2;
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, [0x78, 0x9C, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01]), .. Chunk("IEND"u8, [])];
    }

    private static byte[] PngOfBytes(int first)
    {
        byte[] png = File.ReadAllBytes(Repository.Data("images", "rgb.png"));
        Assert.True(PngChunk.TryFind(png, "IDAT"u8, out ReadOnlySpan<byte> data));
        byte[] pixels = data.ToArray();
        byte[][] parts = [pixels[..first], .. pixels[first..].Select(static pixel => (byte[])[pixel])];
        return [.. png[..33], .. parts.SelectMany(static part => Chunk("IDAT"u8, part)), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] data)
    {
        byte[] chunk = [0, 0, 0, 0, .. type, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc32.HashToUInt32(chunk.AsSpan(4, 4 + data.Length)));
        return chunk;
    }

    private static byte[] GifOf(ushort canvasWidth, ushort canvasHeight, ushort width, ushort height)
    {
        byte[] gif =
        [
            .. "GIF89a"u8, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255,
            0x2C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0x44, 0x01, 0, 0x3B,
        ];
        BinaryPrimitives.WriteUInt16LittleEndian(gif.AsSpan(6), canvasWidth);
        BinaryPrimitives.WriteUInt16LittleEndian(gif.AsSpan(8), canvasHeight);
        BinaryPrimitives.WriteUInt16LittleEndian(gif.AsSpan(24), width);
        BinaryPrimitives.WriteUInt16LittleEndian(gif.AsSpan(26), height);
        return gif;
    }

    private static byte[] BmpOf(int width, int height)
    {
        byte[] bmp = new byte[200];
        "BM"u8.CopyTo(bmp);
        bmp[10] = 54;
        bmp[14] = 40;
        BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(22), height);
        bmp[26] = 1;
        bmp[28] = 24;
        return bmp;
    }

    private string Write(byte[] content)
    {
        string path = Path.Combine(_folder, $"{Guid.NewGuid():N}.png");
        File.WriteAllBytes(path, content);
        return path;
    }

    [Theory]
    [InlineData("orientation-3.jpg")]
    [InlineData("orientation-6.jpg")]
    [InlineData("many.webp")]
    [InlineData("offset.gif")]
    public void The_size_of_the_upright_image_is_known_before_the_pixels_are_decoded(string file)
    {
        string path = Repository.Data("images", file);
        DiffusionImage image = ImageFile.Read(path);

        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => ImageFile.Load(path, CancellationToken.None, (width, height) => throw new InvalidSettingException("Width", $"{width}x{height}")));

        Assert.Equal($"{image.Width}x{image.Height}", error.Message);
    }

    [Fact]
    public void Reading_stops_when_it_is_cancelled() => Assert.ThrowsAny<OperationCanceledException>(() => ImageFile.Load(Repository.Data("images", "rgb.jpg"), new CancellationToken(canceled: true)));

    [Fact]
    public void A_TIFF_file_of_more_tags_than_any_program_writes_is_refused_and_only_its_first_image_is_read()
    {
        byte[] tiff = File.ReadAllBytes(Repository.Data("images", "rgb.tif"));
        int directory = BitConverter.ToInt32(tiff, 4);
        int end = directory + 2 + (BitConverter.ToUInt16(tiff, directory) * 12);
        byte[] cycle = [.. tiff];
        BitConverter.TryWriteBytes(cycle.AsSpan(end), directory);
        byte[] many = [.. tiff, .. new byte[1001 * 12 + 6]];
        BitConverter.TryWriteBytes(many.AsSpan(4), tiff.Length);
        BitConverter.TryWriteBytes(many.AsSpan(tiff.Length), (ushort)1001);
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["cycle.tif"], cycle);
        File.WriteAllBytes(folder["many.tif"], many);

        Assert.Equal(ImageFile.Read(Repository.Data("images", "rgb.tif")).Pixels, ImageFile.Read(folder["cycle.tif"]).Pixels);
        Assert.Contains("1001 tags", Assert.Throws<ImageInvalidException>(() => ImageFile.Read(folder["many.tif"])).Message, StringComparison.Ordinal);
    }
}
