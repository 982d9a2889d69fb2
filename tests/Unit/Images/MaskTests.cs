using System.Globalization;
using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Images.Masks;
using StableDiffusion.Metadata;
using StableDiffusion.Replaying;
using StableDiffusion.Settings;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Images;

/// <summary>The preparation of masks and images for inpainting, against A1111's functions.</summary>
public sealed class MaskTests
{
    private const string Cases = "masking";

    public static TheoryData<string> Blurs => MaskingReference.Ids(Cases, "mask_blur");

    public static TheoryData<string> Fills => MaskingReference.Ids(Cases, "masked_content_fill");

    public static TheoryData<string> Resizes => MaskingReference.Ids(Cases, "resize");

    [Theory]
    [MemberData(nameof(Blurs))]
    public void A_mask_is_blurred_as_OpenCV_does(string id)
    {
        JsonElement item = MaskingReference.Find(Cases, id);
        MaskImage mask = MaskingReference.Mask(Cases, item);
        byte[] blurred = GaussianBlur.Blur(mask.Pixels, mask.Width, mask.Height, item.GetProperty("mask_blur_x").GetDouble(), item.GetProperty("mask_blur_y").GetDouble());
        Assert.InRange(MaskingReference.Difference(MaskingReference.Mask(Cases, item, "blurred").Pixels, blurred), 0, 1);
    }

    [Theory]
    [MemberData(nameof(Fills))]
    public void The_masked_part_is_filled_as_in_A1111(string id)
    {
        JsonElement item = MaskingReference.Find(Cases, id);
        DiffusionImage filled = MaskedContent.Fill(MaskingReference.Image(Cases, item, "source"), MaskingReference.Mask(Cases, item));
        Assert.InRange(MaskingReference.Difference(MaskingReference.Image(Cases, item, "filled").Pixels, filled.Pixels), 0, 2);
        Assert.Equal(StageOperation.FillMask, filled.Info.Stages![^1].Operation);
    }

    [Theory]
    [MemberData(nameof(Resizes))]
    public void An_image_is_resized_as_in_A1111(string id)
    {
        JsonElement item = MaskingReference.Find(Cases, id);
        ResizeMode mode = item.GetProperty("resize_mode").GetString() switch { "just resize" => ResizeMode.Stretch, "crop and resize" => ResizeMode.Crop, _ => ResizeMode.Fill };
        DiffusionImage resized = ImageResize.Resize(MaskingReference.Image(Cases, item, "source"), item.GetProperty("width").GetInt32(), item.GetProperty("height").GetInt32(), mode);
        Assert.InRange(MaskingReference.Difference(MaskingReference.Image(Cases, item, "resized").Pixels, resized.Pixels), 0, 1);
    }

    [Fact]
    public void The_region_around_a_mask_is_that_of_A1111_for_a_thousand_boxes()
    {
        string[] lines = File.ReadAllLines(Repository.Data("masking", "boxes.csv"));
        Assert.Equal(1001, lines.Length);
        foreach (int[] row in lines.Skip(1).Select(static line => Array.ConvertAll(line.Split(','), static text => int.Parse(text, CultureInfo.InvariantCulture))))
        {
            MaskImage mask = Rectangle(row[0], row[1], new MaskRegion(row[2], row[3], row[4], row[5]));
            MaskRegion padded = MaskRegion.Find(mask)!.Value.Pad(row[6], row[0], row[1]);
            Assert.Equal(new MaskRegion(row[9], row[10], row[11], row[12]), padded);
            Assert.Equal(new MaskRegion(row[13], row[14], row[15], row[16]), MaskRegion.Of(mask, row[6], row[7], row[8]));
        }
    }

    [Fact]
    public void The_region_around_a_mask_is_that_of_the_published_cases()
    {
        foreach (JsonElement row in MaskingReference.Find(Cases, "crop").GetProperty("rows").EnumerateArray())
        {
            int[] size = Numbers(row, "image"), box = Numbers(row, "mask_rectangle"), processing = Numbers(row, "processing"), expanded = Numbers(row, "expanded");
            MaskImage mask = Rectangle(size[0], size[1], new MaskRegion(box[0], box[1], box[2], box[3]));
            Assert.Equal(new MaskRegion(expanded[0], expanded[1], expanded[2], expanded[3]), MaskRegion.Of(mask, row.GetProperty("padding").GetInt32(), processing[0], processing[1]));
        }

        static int[] Numbers(JsonElement row, string name) => [.. row.GetProperty(name).EnumerateArray().Select(static number => number.GetInt32())];
    }

    [Fact]
    public void A_black_mask_has_no_region_and_a_mask_of_another_size_is_refused()
    {
        DiffusionImage image = new(16, 8, new byte[16 * 8 * 3]);
        Assert.Contains("black everywhere", Assert.Throws<ImageInvalidException>(() => MaskCrop.Crop(image, new MaskImage(16, 8, new byte[16 * 8]), 4, 8, 8)).Message, StringComparison.Ordinal);
        MaskImage other = new(8, 8, new byte[64]);
        Assert.Equal("The mask is 8x8 pixels, but the image is 16x8. Give a mask of the image's size.", Assert.Throws<ImageInvalidException>(() => MaskedContent.Fill(image, other)).Message);
        MaskImage white = Rectangle(16, 8, new MaskRegion(0, 0, 16, 8));
        Assert.Throws<InvalidSettingException>(() => MaskCrop.Crop(image, white, 4, int.MaxValue, 8));
        Assert.Throws<InvalidSettingException>(() => MaskCrop.Crop(white, 4, 8, 0));
        Assert.Throws<InvalidSettingException>(() => MaskCrop.Crop(white, -9, 8, 8));
        Assert.Throws<InvalidSettingException>(() => white.Blur(int.MaxValue));
        Assert.Throws<InvalidSettingException>(() => white.Blur(-1));
        Assert.Throws<ImageInvalidException>(() => PasteBack.Paste(image, image, other, padding: null, doubles: false));
        Assert.Throws<InvalidSettingException>(() => PasteBack.Paste(image, new DiffusionImage(8, 8, new byte[192]), other, padding: null, doubles: false));
    }

    [Fact]
    public void Outside_the_mask_the_pixels_are_those_of_the_source_and_inside_those_that_were_made()
    {
        Random random = new(24);
        for (int run = 0; run < 300; run++)
        {
            (int width, int height) = (random.Next(1, 90), random.Next(1, 90));
            DiffusionImage source = Noise(random, width, height);
            MaskImage mask = RandomMask(random, width, height);
            int? padding = run % 3 == 0 && MaskRegion.Find(mask) is not null ? random.Next(0, 40) : null;
            DiffusionImage made = padding is null ? Noise(random, width, height) : Noise(random, 8 * random.Next(1, 12), 8 * random.Next(1, 12));
            DiffusionImage pasted = PasteBack.Paste(made, source, mask, padding, doubles: run % 2 == 0);

            Assert.Equal((width, height), (pasted.Width, pasted.Height));
            for (int i = 0; i < mask.Pixels.Length; i++)
            {
                if (mask.Pixels[i] == 0)
                    Assert.Equal(source.Pixels.AsSpan(3 * i, 3), pasted.Pixels.AsSpan(3 * i, 3));
                else if (mask.Pixels[i] == byte.MaxValue && padding is null)
                    Assert.Equal(made.Pixels.AsSpan(3 * i, 3), pasted.Pixels.AsSpan(3 * i, 3));
            }
        }
    }

    [Fact]
    public void A_mask_is_inverted_before_it_is_blurred_and_only_once()
    {
        MaskImage mask = Rectangle(32, 32, new MaskRegion(0, 0, 16, 32));
        MaskImage prepared = mask.Prepare(inverts: true, blur: 2);
        Assert.Equal([StageOperation.InvertMask, StageOperation.BlurMask], prepared.Origin().Select(static stage => stage.Operation).TakeLast(2));
        Assert.Equal(GaussianBlur.Blur(Array.ConvertAll(mask.Pixels, static grey => (byte)(255 - grey)), 32, 32, 2, 2), prepared.Pixels);
        Assert.Same(prepared, prepared.Prepare(inverts: true, blur: 2));
        Assert.Equal(mask.Pixels, mask.Prepare(inverts: false, blur: 0).Pixels);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_opacity_of_a_file_is_the_mask_if_a_pixel_is_not_opaque(bool hasAlpha)
    {
        // An uncompressed TGA file of 16x2 pixels, blue, green, red and opacity.
        byte[] header = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 2, 0, 32, 0x28];
        byte[] pixels = [.. Enumerable.Range(0, 32).SelectMany(i => (byte[])[200, 200, 200, (byte)(hasAlpha ? i * 8 : 255)])];
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "mask.tga");
        File.WriteAllBytes(path, [.. header, .. pixels]);

        MaskImage mask = ImageFile.ReadMask(path);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (byte)(hasAlpha ? i * 8 : 200)), mask.Pixels);
        GenerationStage read = mask.Origin()[0];
        Assert.Equal(hasAlpha, read.Settings.ContainsKey("IsAlpha"));

        // It is read in the same way when it is made again.
        ReplayImages images = new() { OpensPaths = true };
        Assert.Equal(mask.Pixels, MaskImage.FromImage(images.Find(read, TestContext.Current.CancellationToken)!).Pixels);
    }

    [Fact]
    public void Borders_are_masked_as_in_ComfyUI_and_the_image_is_not_changed()
    {
        DiffusionImage image = Noise(new Random(5), 20, 12);
        ImageExpansion expansion = new() { Left = 4, Bottom = 8, Feather = 4 };
        foreach (ExpandFill fill in Enum.GetValues<ExpandFill>())
        {
            DiffusionImage expanded = (expansion with { Fill = fill }).Expand(image);
            Assert.Equal((24, 20), (expanded.Width, expanded.Height));
            for (int y = 0; y < image.Height; y++)
                Assert.Equal(image.Pixels.AsSpan(y * 60, 60), expanded.Pixels.AsSpan(((y * 24) + 4) * 3, 60));
        }

        // The square of the part of the feathering, from the nearest border.
        DiffusionImage mask = expansion.MaskOf(image);
        Assert.Equal((byte)255, mask.Pixels[0]);
        Assert.Equal(new byte[] { 255, 143, 64, 16, 0 }, Enumerable.Range(4, 5).Select(x => mask.Pixels[3 * x]));
        Assert.Equal(new byte[] { 0, 16, 64, 143, 255 }, Enumerable.Range(8, 5).Select(y => mask.Pixels[3 * ((24 * y) + 20)]));
        Assert.Equal(StageOperation.ExpandMask, mask.Info.Stages![^1].Operation);
        Assert.Equal(image.Pixels.AsSpan(0, 3), (expansion with { Fill = ExpandFill.Mirror }).Expand(image).Pixels.AsSpan(9, 3));
    }

    [Theory]
    [InlineData(64, 128, 16)]
    [InlineData(512, 512, 40)]
    public void Without_a_length_the_mask_fades_over_a_part_of_the_image(int width, int height, int feather)
    {
        DiffusionImage mask = new ImageExpansion { Right = 8 }.MaskOf(new DiffusionImage(width, height, new byte[width * height * 3]));
        Assert.Equal(feather, mask.Info.Stages![^1].Number<int>("Feather"));
        Assert.Equal((byte)0, mask.Pixels[3 * (width - feather)]);
        Assert.NotEqual((byte)0, mask.Pixels[3 * (width - 1)]);
    }

    private static MaskImage Rectangle(int width, int height, MaskRegion white)
    {
        byte[] greys = new byte[width * height];
        for (int y = white.Top; y < white.Bottom; y++)
            greys.AsSpan((y * width) + white.Left, white.Width).Fill(byte.MaxValue);
        return new MaskImage(width, height, greys);
    }

    // Rectangles of any gray, among them black and white.
    private static MaskImage RandomMask(Random random, int width, int height)
    {
        byte[] greys = new byte[width * height];
        for (int count = random.Next(4); count > 0; count--)
        {
            (int left, int top) = (random.Next(width), random.Next(height));
            byte grey = random.Next(3) == 0 ? (byte)random.Next(256) : byte.MaxValue;
            int length = random.Next(1, width - left + 1);
            for (int y = top; y < random.Next(top, height) + 1; y++)
                greys.AsSpan((y * width) + left, length).Fill(grey);
        }

        return new MaskImage(width, height, greys);
    }

    private static DiffusionImage Noise(Random random, int width, int height)
    {
        byte[] pixels = new byte[width * height * 3];
        random.NextBytes(pixels);
        return new DiffusionImage(width, height, pixels);
    }
}
