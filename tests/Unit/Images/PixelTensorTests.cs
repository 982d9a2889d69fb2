using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Images;

public sealed class PixelTensorTests
{
    [Fact]
    public void Pixels_go_to_a_tensor_and_back_unchanged()
    {
        byte[] pixels = new byte[256 * 3 * 3];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)((i * 7) + (i / 256));
        DiffusionImage image = new(256, 3, pixels);

        Tensor tensor = PixelTensor.FromImage(image);

        Assert.True(tensor.HasShape(1, 3, 3, 256));
        Assert.Equal(pixels, PixelTensor.ToPixels(tensor));
    }

    [Fact]
    public void Planes_come_in_the_order_red_green_blue()
    {
        Tensor tensor = PixelTensor.FromImage(new DiffusionImage(2, 1, [255, 0, 128, 0, 255, 51]));

        Assert.Equal([1f, -1f, -1f, 1f, ((128f / 255f) * 2f) - 1f, ((51f / 255f) * 2f) - 1f], tensor.Values);
    }

    // ((x / 2) + 0.5) * 255 in single precision, by hand: 0.5 and 2.5 lie half way and go to the even neighbour.
    [Theory]
    [InlineData(-1f, 0)]
    [InlineData(-1.5f, 0)]
    [InlineData(-3e38f, 0)]
    [InlineData(1f, 255)]
    [InlineData(3e38f, 255)]
    [InlineData(0f, 128)]
    [InlineData(-0.0039215684f, 127)]
    [InlineData(0.2f, 153)]
    [InlineData(1f / 3f, 170)]
    public void A_value_becomes_the_level_that_diffusers_gives(float value, byte level)
    {
        Tensor tensor = new([value, value, value], 1, 3, 1, 1);

        Assert.Equal([level, level, level], PixelTensor.ToPixels(tensor));
    }

    [Fact]
    public void Every_level_is_the_one_of_the_plain_formula()
    {
        float[] values = new float[3 * 1000];
        for (int i = 0; i < values.Length; i++)
            values[i] = (i / 1200f) - 1.25f;
        byte[] pixels = PixelTensor.ToPixels(new Tensor(values, 1, 3, 10, 100));

        for (int i = 0; i < values.Length; i++)
        {
            float unit = Math.Clamp((values[i] / 2f) + 0.5f, 0f, 1f);
            int position = i % 1000;
            Assert.Equal((byte)MathF.Round(unit * 255f, MidpointRounding.ToEven), pixels[(position * 3) + (i / 1000)]);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_value_that_is_not_finite_is_refused(float value)
    {
        Tensor tensor = new(1, 3, 8, 8);
        tensor.Values[77] = value;

        Assert.Throws<NotFiniteException>(() => PixelTensor.ToPixels(tensor));
    }

    [Fact]
    public void Another_shape_is_refused()
    {
        Assert.Throws<ShapeMismatchException>(() => PixelTensor.ToPixels(new Tensor(1, 4, 8, 8)));
        Assert.Throws<ShapeMismatchException>(() => PixelTensor.ToPixels(new Tensor(2, 3, 8, 8)));
        Assert.Throws<ShapeMismatchException>(() => PixelTensor.ToPixels(new Tensor(1, 3, 0, 8)));
    }

    [Fact]
    public void A_picture_has_as_many_bytes_as_its_size_needs()
    {
        Assert.Throws<ArgumentException>(() => new DiffusionImage(2, 2, new byte[11]));
        Assert.Throws<ArgumentException>(() => new DiffusionImage(65536, 65536, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiffusionImage(0, 2, []));
        Assert.Throws<ArgumentException>(() => new MaskImage(2, 2, new byte[5]));
    }

    [Fact]
    public void A_picture_hands_on_what_made_it_and_is_not_unrolled()
    {
        GenerationInfo info = new() { Prompt = "p", NegativePrompt = "n", Seed = 1, Steps = 2, Scheduler = "Euler", GuidanceScale = 3, Model = "m" };
        DiffusionImage image = new(1, 1, [1, 2, 3], info);

        Assert.Equal(("p", "n", 1L, 2, "Euler", 3.0, "m"), (image.Prompt, image.NegativePrompt, image.Seed, image.Steps, image.Scheduler, image.GuidanceScale, image.Model));
        Assert.Null(image.Path);
        Assert.False(typeof(System.Collections.IEnumerable).IsAssignableFrom(typeof(DiffusionImage)));
    }
}
