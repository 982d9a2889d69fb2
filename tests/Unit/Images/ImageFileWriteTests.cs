using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Images;

public sealed class ImageFileWriteTests : IDisposable
{
    private static readonly string s_version = $"StableDiffusion.PowerShell {typeof(Infotext).Assembly.GetName().Version!.ToString(fieldCount: 3)}";
    private static readonly string s_latin = $"a café, with: a colon\nNegative prompt: größe\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 37x23, RNG: CPU, Version: {s_version}";

    private static readonly GenerationInfo s_info = new()
    {
        Prompt = "a café, with: a colon",
        NegativePrompt = "größe",
        Steps = 20,
        Scheduler = "Euler a",
        GuidanceScale = 7,
        Seed = 42,
        Width = 37,
        Height = 23,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("images-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a.png", 0)]
    [InlineData("a.PNG", 0)]
    [InlineData("a.webp", 24)]
    [InlineData("a.jpg", 12)]
    [InlineData("a.jpeg", 12)]
    public void Pixels_come_back_from_the_file(string name, int tolerance)
    {
        DiffusionImage image = Picture();
        string path = ImageFile.Write(image, Path.Combine(_folder, name), cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(Path.Combine(_folder, name), path);
        Assert.Equal(path, image.Path);
        DiffusionImage read = ImageFile.Read(path);
        Assert.Equal((37, 23), (read.Width, read.Height));
        Assert.InRange(image.Pixels.Zip(read.Pixels, (left, right) => Math.Abs(left - right)).Max(), 0, tolerance);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("grey")]
    [InlineData("two colours")]
    [InlineData("one pixel")]
    public void A_plain_picture_stays_a_picture_of_true_colours(string kind)
    {
        DiffusionImage image = kind switch
        {
            "grey" => new DiffusionImage(4, 2, [.. Enumerable.Range(0, 24).Select(i => (byte)(i / 3 * 30))]),
            "two colours" => new DiffusionImage(2, 1, [255, 0, 0, 0, 0, 255]),
            _ => new DiffusionImage(1, 1, [1, 2, 3]),
        };
        string path = ImageFile.Write(image, Path.Combine(_folder, "a.png"), cancellationToken: TestContext.Current.CancellationToken);

        byte[] header = Chunks(File.ReadAllBytes(path)).Single(chunk => chunk.Type == "IHDR").Data;
        Assert.Equal([8, 2], header[8..10]);
        Assert.Equal(image.Pixels, ImageFile.Read(path).Pixels);
    }

    [Fact]
    public void The_same_picture_gives_the_same_bytes_at_another_time() => Assert.All(Enum.GetValues<ImageFormat>(), format =>
    {
        byte[] file = Encode(Picture(s_info), format);
        Assert.Equal(file, Encode(Picture(s_info), format));

        // No clock has been read: nothing holds a date of this year, nor the chunk that PNG has for one.
        string text = Encoding.Latin1.GetString(file);
        Assert.DoesNotMatch($"{DateTime.UtcNow:yyyy}[:/-]", text);
        Assert.DoesNotContain("tIME", text, StringComparison.Ordinal);
    });

    [Fact]
    public void A_PNG_holds_its_picture_and_its_parameters_only()
    {
        List<(string Type, byte[] Data)> chunks = Chunks(Encode(Picture(s_info), ImageFormat.Png));

        Assert.Equal(["IHDR", "tEXt", "IDAT", "IEND"], chunks.Select(chunk => chunk.Type).Distinct());
        Assert.Equal("parameters\0" + s_latin, Encoding.Latin1.GetString(chunks[1].Data));
    }

    [Fact]
    public void A_text_beyond_Latin_1_is_kept_as_UTF_8()
    {
        GenerationInfo info = new() { Prompt = "漢🦓\0" };
        List<(string Type, byte[] Data)> chunks = Chunks(Encode(Picture(info), ImageFormat.Png));

        Assert.Equal("iTXt", chunks[1].Type);
        Assert.Equal("parameters\0\0\0\0\0漢🦓 ", Encoding.UTF8.GetString(chunks[1].Data));
    }

    [Theory]
    [InlineData(ImageFormat.Jpeg)]
    [InlineData(ImageFormat.WebP)]
    public void JPEG_and_WebP_hold_the_parameters_as_a_user_comment(ImageFormat format)
    {
        byte[] file = Encode(Picture(s_info), format);

        Assert.Equal(s_latin, UserComment(file, format));
        Assert.Null(UserComment(Encode(Picture(s_info), format, new ImageWriteOptions { Metadata = false }), format));
        Assert.Null(UserComment(Encode(Picture(), format), format));
    }

    [Theory]
    [InlineData(ImageFormat.Jpeg)]
    [InlineData(ImageFormat.WebP)]
    [InlineData(ImageFormat.Png)]
    public void A_prompt_of_a_million_characters_leaves_the_file_readable(ImageFormat format)
    {
        GenerationInfo info = s_info with { Prompt = new string('é', 1_000_000), NegativePrompt = new string('n', 100_000) };
        string path = Path.Combine(_folder, "a.bin");
        File.WriteAllBytes(path, Encode(Picture(info), format));

        Assert.Equal(37, ImageFile.Read(path).Width);
        if (format != ImageFormat.Png)
            Assert.EndsWith($"Seed: 42, Size: 37x23, RNG: CPU, Version: {s_version}", UserComment(File.ReadAllBytes(path), format), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_metadata_nothing_is_told()
    {
        byte[] file = Encode(Picture(s_info), ImageFormat.Png, new ImageWriteOptions { Metadata = false });

        Assert.Equal(["IHDR", "IDAT", "IEND"], Chunks(file).Select(chunk => chunk.Type).Distinct());
    }

    [Fact]
    public void Quality_makes_files_smaller_or_larger()
    {
        foreach (ImageFormat format in (ImageFormat[])[ImageFormat.Jpeg, ImageFormat.WebP])
        {
            int low = Encode(Picture(), format, new ImageWriteOptions { Quality = 10 }).Length;
            int usual = Encode(Picture(), format).Length;
            int high = Encode(Picture(), format, new ImageWriteOptions { Quality = 100 }).Length;
            Assert.True(low < usual && usual < high, $"{format}: {low}, {usual}, {high}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(101)]
    [InlineData(-5)]
    public void A_quality_that_is_none_is_refused(int quality)
    {
        Assert.Equal("Quality", Assert.Throws<InvalidSettingException>(() => new ImageWriteOptions { Quality = quality }).Setting);
    }

    [Fact]
    public void A_picture_too_large_for_WebP_is_refused()
    {
        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => ImageFile.Write(new DiffusionImage(16384, 1, new byte[3 * 16384]), Path.Combine(_folder, "a.webp"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains("16384x1", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("a.gif")]
    [InlineData("a")]
    [InlineData("a.png.txt")]
    [InlineData("a.msl")]
    [InlineData(".png/")]
    public void Another_extension_is_refused_and_the_known_ones_are_named(string name)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => ImageFile.Write(Picture(), Path.Combine(_folder, name), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Contains(".png, .jpg, .jpeg or .webp", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_replaced_only_on_request()
    {
        string path = Path.Combine(_folder, "a.png");
        File.WriteAllText(path, "mine");

        OutputExistsException error = Assert.Throws<OutputExistsException>(() => ImageFile.Write(Picture(), path, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(path, error.Path);
        Assert.Equal("mine", File.ReadAllText(path));

        ImageFile.Write(Picture(), path, new ImageWriteOptions { Overwrite = true }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(37, ImageFile.Read(path).Width);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void Of_many_writers_of_one_name_one_succeeds(int writers)
    {
        for (int round = 0; round < 20; round++)
        {
            string path = Path.Combine(_folder, $"{round}.png");
            int written = 0;
            int refused = 0;
            using Barrier barrier = new(writers);
            Thread[] threads = [.. Enumerable.Range(0, writers).Select(writer => new Thread(() =>
            {
                DiffusionImage image = new(1, 1, [(byte)writer, 0, 0]);
                try
                {
                    // All of them have found the name free before one of them has written it.
                    OutputFile.Write(path, overwrite: false, stream =>
                    {
                        stream.Write(Encode(image, ImageFormat.Png));
                        barrier.SignalAndWait();
                    });
                    Interlocked.Increment(ref written);
                }
                catch (OutputExistsException)
                {
                    Interlocked.Increment(ref refused);
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            Assert.Equal((1, writers - 1), (written, refused));
            Assert.Equal(1, ImageFile.Read(path).Width);
        }

        Assert.Equal(20, Directory.GetFileSystemEntries(_folder).Length);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    public void Of_many_writers_of_one_name_each_gets_a_number_of_its_own(int writers)
    {
        for (int round = 0; round < 20; round++)
        {
            string folder = Directory.CreateDirectory(Path.Combine(_folder, $"{round}")).FullName;
            string[] written = new string[writers];
            using Barrier barrier = new(writers);
            Thread[] threads = [.. Enumerable.Range(0, writers).Select(writer => new Thread(() =>
            {
                // All of them are ready to take the name before one of them has it.
                written[writer] = OutputFile.WriteNumbered(Path.Combine(folder, "a.png"), stream =>
                {
                    stream.Write(Encode(new DiffusionImage(1, 1, [(byte)writer, 0, 0]), ImageFormat.Png));
                    barrier.SignalAndWait();
                });
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            string[] names = ["a.png", .. Enumerable.Range(2, writers - 1).Select(number => $"a-{number}.png")];
            Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
            Assert.All(written, (path, writer) => Assert.Equal(writer, ImageFile.Read(path).Pixels[0]));
        }
    }

    [Fact]
    public void An_image_whose_name_may_get_a_number_says_where_it_is()
    {
        string path = Path.Combine(_folder, "a.png");
        File.WriteAllText(path, "mine");
        DiffusionImage image = Picture();

        Assert.Equal(Path.Combine(_folder, "a-2.png"), ImageFile.Write(image, path, new ImageWriteOptions { AddsNumber = true }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(Path.Combine(_folder, "a-2.png"), image.Path);
        Assert.Equal("mine", File.ReadAllText(path));
    }

    [Fact]
    public void A_target_may_lie_in_a_folder_that_can_be_made_and_in_no_other()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "mine");

        ImageFile.CheckTarget(Path.Combine(_folder, "new", "deep", "a.png"), overwrite: false);
        OutputWriteException error = Assert.Throws<OutputWriteException>(() => ImageFile.CheckTarget(Path.Combine(_folder, "file", "deep", "a.png"), overwrite: false));
        Assert.Contains(Path.Combine(_folder, "file") + "' is a file", error.Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_disk_that_is_full_leaves_nothing_behind()
    {
        string path = Path.Combine(_folder, "a.png");
        OutputWriteException error = Assert.Throws<OutputWriteException>(() => OutputFile.Write(path, overwrite: false, stream =>
        {
            stream.Write(new byte[100_000]);
            throw new IOException("No space left on device.");
        }));

        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_failure_of_another_kind_leaves_nothing_behind_and_keeps_the_old_file()
    {
        string path = Path.Combine(_folder, "a.png");
        File.WriteAllText(path, "mine");

        Assert.Throws<OperationCanceledException>(() => OutputFile.Write(path, overwrite: true, stream =>
        {
            stream.WriteByte(1);
            throw new OperationCanceledException();
        }));
        Assert.Equal("mine", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("none/a.png")]
    [InlineData("file.png/a.png")]
    [InlineData("folder.png")]
    [InlineData("a\0b.png")]
    public void A_place_where_no_file_can_be_is_named(string name)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "folder.png"));
        File.WriteAllText(Path.Combine(_folder, "file.png"), "mine");
        string path = _folder + "/" + name;

        foreach (bool overwrite in (bool[])[false, true])
        {
            OutputWriteException error = Assert.Throws<OutputWriteException>(() => ImageFile.Write(Picture(), path, new ImageWriteOptions { Overwrite = overwrite }, cancellationToken: TestContext.Current.CancellationToken));
            Assert.Contains(Path.GetFileName(_folder), error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(2, Directory.GetFileSystemEntries(_folder).Length);
    }

    [Fact]
    public void A_folder_that_may_not_be_written_to_is_named()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere there is no folder that not even an administrator may write to.");

        OutputWriteException error = Assert.Throws<OutputWriteException>(() => ImageFile.Write(Picture(), "/proc/a.png", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("/proc/a.png", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.png")]
    [InlineData("a.jpg")]
    [InlineData("a.webp")]
    public void Nothing_remains_of_a_file_whose_writing_was_cancelled(string name)
    {
        DiffusionImage image = Picture();

        Assert.ThrowsAny<OperationCanceledException>(() => ImageFile.Write(image, Path.Combine(_folder, name), cancellationToken: new CancellationToken(canceled: true)));

        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        Assert.Null(image.Path);
    }

    private static DiffusionImage Picture(GenerationInfo? info = null)
    {
        byte[] pixels = new byte[37 * 23 * 3];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(128 + (100 * Math.Sin(i / 3 % 37 / 6.0) * Math.Cos((i / 111 / 5.0) + (i % 3))));
        return new DiffusionImage(37, 23, pixels, info);
    }

    private static byte[] Encode(DiffusionImage image, ImageFormat format, ImageWriteOptions? options = null) =>
        ImageFile.Encode(image, format, options ?? new ImageWriteOptions());

    private static List<(string Type, byte[] Data)> Chunks(byte[] png)
    {
        List<(string, byte[])> chunks = [];
        for (int position = 8; position < png.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(position));
            ReadOnlySpan<byte> body = png.AsSpan(position + 4, 4 + length);
            Assert.Equal(Crc32.HashToUInt32(body), BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(position + 8 + length)));
            chunks.Add((Encoding.Latin1.GetString(body[..4]), body[4..].ToArray()));
            position += 12 + length;
        }

        return chunks;
    }

    // Reads as the standards say: the segment or chunk, then from directory to directory, then the comment.
    private static string? UserComment(byte[] file, ImageFormat format)
    {
        ReadOnlySpan<byte> tiff = format == ImageFormat.Jpeg ? JpegExif(file) : WebPExif(file);
        if (tiff.IsEmpty)
            return null;

        Assert.True(tiff.StartsWith("MM\0*"u8));
        ReadOnlySpan<byte> comment = Entry(tiff, Value(tiff, 4), 0x8769) is int directory ? Data(tiff, Entry(tiff, Value(tiff, directory + 8), 0x9286)!.Value) : [];
        Assert.True(comment.StartsWith("UNICODE\0"u8));
        return Encoding.BigEndianUnicode.GetString(comment[8..]);

        static int Value(ReadOnlySpan<byte> tiff, int offset) => BinaryPrimitives.ReadInt32BigEndian(tiff[offset..]);

        static ReadOnlySpan<byte> Data(ReadOnlySpan<byte> tiff, int entry) => tiff.Slice(Value(tiff, entry + 8), Value(tiff, entry + 4));

        static int? Entry(ReadOnlySpan<byte> tiff, int directory, ushort tag)
        {
            int count = BinaryPrimitives.ReadUInt16BigEndian(tiff[directory..]);
            for (int entry = directory + 2; entry < directory + 2 + (count * 12); entry += 12)
            {
                if (BinaryPrimitives.ReadUInt16BigEndian(tiff[entry..]) == tag)
                    return entry;
            }

            return null;
        }
    }

    private static ReadOnlySpan<byte> JpegExif(byte[] file)
    {
        int position = 2;
        while (file[position + 1] != 0xDA)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(file.AsSpan(position + 2));
            ReadOnlySpan<byte> data = file.AsSpan(position + 4, length - 2);
            if (file[position + 1] == 0xE1 && data.StartsWith("Exif\0\0"u8))
                return data[6..];
            position += 2 + length;
        }

        return [];
    }

    private static ReadOnlySpan<byte> WebPExif(byte[] file)
    {
        for (int position = 12; position < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(position + 4));
            if (file.AsSpan(position).StartsWith("EXIF"u8))
                return file.AsSpan(position + 8, length);
            position += 8 + length + (length & 1);
        }

        return [];
    }
}
