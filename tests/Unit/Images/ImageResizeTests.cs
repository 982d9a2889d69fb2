using System.Text.RegularExpressions;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Images;

public sealed partial class ImageResizeTests
{
    public static TheoryData<string> References() =>
        [.. Directory.GetFiles(Repository.Data("images")).Select(path => Path.GetFileName(path)).Where(file => ReferenceName().IsMatch(file)).Order()];

    // The references are Pillow's Lanczos filter; crop and pad as A1111's resize_image places them. The two filters round
    // at other places, so single levels may differ.
    [Theory]
    [MemberData(nameof(References))]
    public void The_pixels_are_those_of_Pillow(string file)
    {
        Match name = ReferenceName().Match(file);
        ResizeMode mode = Enum.Parse<ResizeMode>(name.Groups["mode"].Value, ignoreCase: true);
        DiffusionImage expected = ImageFile.Read(Repository.Data("images", file));

        DiffusionImage image = ImageResize.Resize(ImageFile.Read(Repository.Data("images", "scene.png")), expected.Width, expected.Height, mode);

        Assert.Equal((expected.Width, expected.Height), (image.Width, image.Height));
        int[] differences = [.. expected.Pixels.Zip(image.Pixels, (left, right) => Math.Abs(left - right))];
        Assert.InRange(differences.Max(), 0, 2);
    }

    [Fact]
    public void There_are_references_of_every_mode()
    {
        Assert.Equal(5 + 3 + 3, References().Count);
    }

    [Fact]
    public void A_picture_of_the_right_size_stays_itself()
    {
        DiffusionImage image = new(3, 2, new byte[18]);

        foreach (ResizeMode mode in Enum.GetValues<ResizeMode>())
            Assert.Same(image, ImageResize.Resize(image, 3, 2, mode));
    }

    [Fact]
    public void Without_a_mode_another_size_is_refused_and_the_modes_are_named()
    {
        ImageInvalidException error = Assert.Throws<ImageInvalidException>(() => ImageResize.Resize(new DiffusionImage(3, 2, new byte[18]), 2, 3, ResizeMode.None));

        Assert.Contains("3x2", error.Message, StringComparison.Ordinal);
        Assert.Contains("Stretch, Crop or Pad", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_made_a_picture_goes_with_it()
    {
        GenerationInfo info = new() { Prompt = "p", Width = 3, Height = 2 };

        GenerationInfo resized = ImageResize.Resize(new DiffusionImage(3, 2, new byte[18], info), 6, 4, ResizeMode.Stretch).Info;

        Assert.Equal(info, resized with { Stages = null });
        Assert.Equal([StageOperation.Edit, StageOperation.Resize], resized.Stages!.Select(static stage => stage.Operation));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(5, -1)]
    [InlineData(100_000, 100_000)]
    public void A_size_that_cannot_be_made_is_refused(int width, int height)
    {
        Assert.Throws<InvalidSettingException>(() => ImageResize.Resize(new DiffusionImage(3, 2, new byte[18]), width, height, ResizeMode.Stretch));
    }

    [Fact]
    public void A_thread_of_pixels_is_padded_but_not_cropped()
    {
        DiffusionImage thread = new(20_000, 1, new byte[60_000]);

        Assert.Throws<ImageInvalidException>(() => ImageResize.Resize(thread, 512, 512, ResizeMode.Crop));
        Assert.Equal(512, ImageResize.Resize(thread, 512, 512, ResizeMode.Pad).Height);
    }

    [Fact]
    public void A_mask_is_resized_as_a_grey_picture_is()
    {
        DiffusionImage scene = ImageFile.Read(Repository.Data("images", "scene.png"));
        MaskImage mask = MaskImage.FromImage(scene);
        byte[] grey = [.. mask.Pixels.SelectMany(value => (byte[])[value, value, value])];

        foreach (ResizeMode mode in (ResizeMode[])[ResizeMode.Stretch, ResizeMode.Crop, ResizeMode.Pad])
        {
            DiffusionImage expected = ImageResize.Resize(new DiffusionImage(64, 64, grey), 40, 24, mode);
            Assert.Equal(expected.Pixels.Where((_, index) => index % 3 == 0), ImageResize.Resize(mask, 40, 24, mode).Pixels);
        }
    }

    [GeneratedRegex("^(?<mode>stretch|crop|pad)-[0-9]+x[0-9]+\\.png$")]
    private static partial Regex ReferenceName();
}
