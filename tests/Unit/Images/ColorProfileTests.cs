using System.Buffers.Binary;
using System.Text;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Tests.Metadata;

namespace StableDiffusion.Tests.Images;

public sealed class ColorProfileTests : IDisposable
{
    private static readonly byte[] s_colors = [200, 100, 50, 128, 128, 128, 60, 180, 90, 255, 0, 0, 30, 60, 200, 0, 0, 0, 255, 255, 255, 7, 8, 9];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The expected numbers follow from the two standards' chromaticities under D65, without the profiles' detour by D50.
    [Fact]
    public void Colours_of_Display_P3_become_sRGB()
    {
        byte[] pixels = Read(Png(s_colors, Profile("RGB ", [.. P3(), .. Curves("rTRC gTRC bTRC", SrgbCurve())])));

        byte[] expected = [215, 93, 31, 128, 128, 128, 0, 183, 78, 255, 0, 0, 17, 61, 208];
        Assert.All(expected.Zip(pixels), pair => Assert.InRange(pair.Second, pair.First - 1, pair.First + 1));
        Assert.Equal(s_colors[15..21], pixels[15..21]);
    }

    [Theory]
    [InlineData("JPEG")]
    [InlineData("WebP")]
    public void A_profile_counts_in_other_formats_too(string format)
    {
        byte[] profile = Profile("RGB ", [.. Srgb("gXYZ rXYZ bXYZ"), .. Curves("rTRC gTRC bTRC", SrgbCurve())]);
        byte[] plain = Encode(format == "JPEG" ? ImageFormat.Jpeg : ImageFormat.WebP);
        byte[] file = format == "JPEG"
            ? [.. plain[..2], 0xFF, 0xE2, .. BigEndian((short)(16 + profile.Length)), .. "ICC_PROFILE\0"u8, 1, 1, .. profile, .. plain[2..]]
            : WithProfile(plain, profile);

        byte[] before = Read(plain);
        byte[] after = Read(file);

        for (int i = 0; i < before.Length; i += 3)
            Assert.All((int[])[after[i] - before[i + 1], after[i + 1] - before[i], after[i + 2] - before[i + 2]], difference => Assert.InRange(difference, -1, 1));
        Assert.NotEqual(before, after);
    }

    [Fact]
    public void An_image_in_sRGB_keeps_each_pixel()
    {
        byte[] pixels = Read(Png(s_colors, Profile("RGB ", [.. Srgb("rXYZ gXYZ bXYZ"), .. Curves("rTRC gTRC bTRC", SrgbCurve())])));

        Assert.Equal(s_colors, pixels);
    }

    // A level of 128 as light of 128 / 255 has the level 188 in sRGB; as (128 / 255)^1.8 it has 146.4; by a table from 0 to 1 it is light again.
    [Theory]
    [InlineData("linear", 188)]
    [InlineData("gamma", 146)]
    [InlineData("table", 188)]
    [InlineData("formula", 146)]
    public void A_curve_for_grey_counts(string kind, byte expected)
    {
        byte[] curve = kind switch
        {
            "linear" => [.. "curv\0\0\0\0"u8, 0, 0, 0, 0],
            "gamma" => [.. "curv\0\0\0\0"u8, 0, 0, 0, 1, 0x01, 0xCD],
            "table" => [.. "curv\0\0\0\0"u8, 0, 0, 0, 3, 0, 0, 0x80, 0, 0xFF, 0xFF],
            _ => [.. "para\0\0\0\0"u8, 0, 0, 0, 0, .. Fixed(1.8)],
        };
        byte[] profile = Profile("GRAY", [("kTRC", curve)]);

        Assert.Equal([expected, expected, expected, 0, 0, 0, 255, 255, 255], Read(Png([128, 128, 128, 0, 0, 0, 255, 255, 255], profile)));
        Assert.Equal(s_colors, Read(Png(s_colors, profile)));
    }

    [Theory]
    [InlineData("CMYK", "A2B0")]
    [InlineData("RGB ", "A2B0")]
    public void A_profile_of_tables_is_refused_with_what_to_do(string space, string tag)
    {
        byte[] file = Png(s_colors, Profile(space, [(tag, new byte[32])]));

        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => Read(file));

        Assert.Contains(_folder["file"], error.Message, StringComparison.Ordinal);
        Assert.Contains("Convert the image to sRGB", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_profile_never_gives_another_error()
    {
        byte[] profile = Profile("RGB ", [.. P3(), .. Curves("rTRC gTRC bTRC", SrgbCurve())]);
        Random random = new(5);
        int converted = 0;
        for (int i = 0; i < 500; i++)
        {
            byte[] file = Png(s_colors, DamagedFiles.Damage(profile, random));
            if (Record.Exception(() => converted += Read(file).SequenceEqual(s_colors) ? 0 : 1) is Exception error)
                Assert.IsType<ImageInvalidException>(error);
        }

        Assert.InRange(converted, 50, 450);
    }

    private static (string, byte[])[] P3() => [("rXYZ", Xyz(0.51512, 0.24120, -0.00105)), ("gXYZ", Xyz(0.29198, 0.69225, 0.04189)), ("bXYZ", Xyz(0.15710, 0.06657, 0.78407))];

    private static (string, byte[])[] Srgb(string names)
    {
        string[] tags = names.Split(' ');
        return [(tags[0], Xyz(0.43607, 0.22249, 0.01392)), (tags[1], Xyz(0.38515, 0.71687, 0.09708)), (tags[2], Xyz(0.14307, 0.06061, 0.71410))];
    }

    private static (string, byte[])[] Curves(string names, byte[] curve) => [.. names.Split(' ').Select(name => (name, curve))];

    private static byte[] SrgbCurve() => [.. "para\0\0\0\0"u8, 0, 3, 0, 0, .. Fixed(2.4), .. Fixed(1 / 1.055), .. Fixed(0.055 / 1.055), .. Fixed(1 / 12.92), .. Fixed(0.04045)];

    private static byte[] Xyz(double x, double y, double z) => [.. "XYZ \0\0\0\0"u8, .. Fixed(x), .. Fixed(y), .. Fixed(z)];

    private static byte[] Fixed(double value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, (int)Math.Round(value * 65536));
        return bytes;
    }

    private static byte[] BigEndian(short value) => [(byte)(value >> 8), (byte)value];

    private static byte[] BigEndian(int value) => [.. BigEndian((short)(value >> 16)), .. BigEndian((short)value)];

    private static byte[] Profile(string space, (string Tag, byte[] Data)[] tags)
    {
        byte[] header = new byte[128];
        Encoding.ASCII.GetBytes(space).CopyTo(header, 16);
        "XYZ "u8.CopyTo(header.AsSpan(20));
        "acsp"u8.CopyTo(header.AsSpan(36));
        List<byte> table = [.. BigEndian(tags.Length)];
        List<byte> data = [];
        foreach ((string tag, byte[] bytes) in tags)
        {
            table.AddRange([.. Encoding.ASCII.GetBytes(tag), .. BigEndian(128 + 4 + (12 * tags.Length) + data.Count), .. BigEndian(bytes.Length)]);
            data.AddRange([.. bytes, .. new byte[(4 - (bytes.Length % 4)) % 4]]);
        }

        BigEndian(header.Length + table.Count + data.Count).CopyTo(header, 0);
        return [.. header, .. table, .. data];
    }

    // One row of the colours behind the profile.
    private static byte[] Png(byte[] colors, byte[] profile) =>
    [
        0x89, .. "PNG\r\n\u001A\n"u8,
        .. MetadataFiles.Chunk("IHDR", [.. BigEndian(colors.Length / 3), 0, 0, 0, 1, 8, 2, 0, 0, 0]),
        .. MetadataFiles.Chunk("iCCP", [.. "profile\0\0"u8, .. MetadataFiles.Deflate(profile)]),
        .. MetadataFiles.Chunk("IDAT", MetadataFiles.Deflate([0, .. colors])),
        .. MetadataFiles.Chunk("IEND", []),
    ];

    private static byte[] Encode(ImageFormat format)
    {
        byte[] pixels = [.. Enumerable.Range(0, 16 * 16).SelectMany(i => (byte[])[(byte)(40 + (i % 16 * 8)), (byte)(200 - (i / 16 * 6)), 90])];
        if (format != ImageFormat.WebP)
            return ImageFile.Encode(new DiffusionImage(16, 16, pixels), format, new ImageWriteOptions());

        // Without loss, which the module does not write.
        using Image<Rgb24> image = Image.LoadPixelData<Rgb24>(pixels, 16, 16);
        using MemoryStream stream = new();
        image.SaveAsWebp(stream, new WebpEncoder { FileFormat = WebpFileFormatType.Lossless });
        return stream.ToArray();
    }

    private static byte[] WithProfile(byte[] webp, byte[] profile)
    {
        byte[] chunks = [.. "WEBPVP8X"u8, 10, 0, 0, 0, 0x20, 0, 0, 0, 15, 0, 0, 15, 0, 0, .. "ICCP"u8, .. BitConverter.GetBytes(profile.Length), .. profile, .. webp[12..]];
        return [.. "RIFF"u8, .. BitConverter.GetBytes(chunks.Length), .. chunks];
    }

    private byte[] Read(byte[] file)
    {
        File.WriteAllBytes(_folder["file"], file);
        return ImageFile.Read(_folder["file"]).Pixels;
    }
}
