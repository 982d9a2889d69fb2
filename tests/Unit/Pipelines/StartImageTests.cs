using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Pipelines;

public sealed class StartImageTests
{
    [Theory]
    [InlineData(96, 64, null, null, 96, 64, ResizeMode.None)]
    [InlineData(100, 75, null, null, 96, 72, ResizeMode.Crop)]
    [InlineData(103, 79, null, null, 96, 72, ResizeMode.Crop)]
    [InlineData(5, 100, null, null, 8, 96, ResizeMode.Crop)]
    [InlineData(4000, 3000, 512, null, 512, 384, ResizeMode.Crop)]
    [InlineData(4000, 3000, null, 512, 680, 512, ResizeMode.Crop)]
    [InlineData(1000, 10, 64, null, 64, 8, ResizeMode.Crop)]
    [InlineData(100, 75, 64, 64, 64, 64, ResizeMode.Crop)]
    public void The_size_is_the_one_asked_for_or_follows_from_the_image(int width, int height, int? askedWidth, int? askedHeight, int expectedWidth, int expectedHeight, ResizeMode mode)
    {
        StartImage start = Fit(width, height, askedWidth, askedHeight, mode: null);
        Assert.Equal((expectedWidth, expectedHeight, mode), (start.Image.Width, start.Image.Height, start.ResizeMode));
    }

    [Theory]
    [InlineData(ResizeMode.Stretch)]
    [InlineData(ResizeMode.Pad)]
    public void The_mode_is_the_one_asked_for(ResizeMode mode)
    {
        DiffusionImage image = Image(100, 75);
        StartImage start = StartImage.Fit(image, null, 64, 64, mode, factor: 8);

        Assert.Equal(mode, start.ResizeMode);
        Assert.Equal(ImageResize.Resize(image, 64, 64, mode).Pixels, start.Image.Pixels);
    }

    [Fact]
    public void Without_a_mode_the_image_stays_as_it_is_or_is_refused()
    {
        DiffusionImage image = Image(100, 75);

        Assert.Same(image, StartImage.Fit(image, null, null, null, ResizeMode.None, factor: 8).Image);
        Assert.Throws<ImageInvalidException>(() => StartImage.Fit(image, null, 96, null, ResizeMode.None, factor: 8));
    }

    [Fact]
    public void The_mask_of_an_image_is_brought_along_and_one_of_another_size_is_not()
    {
        Assert.Equal((96, 72), SizeOf(White(100, 75)));
        Assert.Equal((64, 64), SizeOf(White(64, 64)));

        static MaskImage White(int width, int height) => new(width, height, [.. Enumerable.Repeat(byte.MaxValue, width * height)]);

        static (int, int) SizeOf(MaskImage mask)
        {
            MaskImage fitted = StartImage.Fit(Image(100, 75), mask, null, null, null, factor: 8).Mask!;
            return (fitted.Width, fitted.Height);
        }
    }

    private static StartImage Fit(int width, int height, int? askedWidth, int? askedHeight, ResizeMode? mode) =>
        StartImage.Fit(Image(width, height), null, askedWidth, askedHeight, mode, factor: 8);

    private static DiffusionImage Image(int width, int height)
    {
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        new Random(1).NextBytes(pixels);
        return new DiffusionImage(width, height, pixels);
    }
}
