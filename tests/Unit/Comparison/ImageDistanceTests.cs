using StableDiffusion.Comparison;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Comparison;

public sealed class ImageDistanceTests
{
    private const double C1 = 0.01 * 255 * 0.01 * 255;
    private const double C2 = 0.03 * 255 * 0.03 * 255;

    [Fact]
    public void Equal_pictures_are_as_near_as_can_be()
    {
        DiffusionImage image = Draw(20, 15, static (x, y) => (byte)((x * 37 + y * 91) % 256));

        Assert.Equal(double.PositiveInfinity, ImageDistance.Psnr(image, image));
        Assert.Equal(1, ImageDistance.Ssim(image, image), 12);
    }

    [Theory]
    [InlineData(1, 48.1308036087)]
    [InlineData(16, 24.0484039556)]
    [InlineData(255, 0)]
    public void The_noise_ratio_of_a_constant_difference_is_that_of_its_square(byte difference, double decibels)
    {
        DiffusionImage black = Draw(12, 12, static (_, _) => 0);
        DiffusionImage grey = Draw(12, 12, (_, _) => difference);

        Assert.Equal(decibels, ImageDistance.Psnr(black, grey), 9);
    }

    [Fact]
    public void The_noise_ratio_counts_each_colour()
    {
        DiffusionImage black = Draw(2, 1, static (_, _) => 0);
        DiffusionImage other = new(2, 1, [0, 30, 0, 0, 0, 0]);

        Assert.Equal(10 * Math.Log10(255.0 * 255 * 6 / 900), ImageDistance.Psnr(black, other), 9);
    }

    [Fact]
    public void Flat_pictures_are_similar_by_their_lightness_alone()
    {
        DiffusionImage dark = Draw(11, 11, static (_, _) => 100);
        DiffusionImage light = Draw(11, 11, static (_, _) => 150);

        double expected = ((2 * 100 * 150) + C1) / ((100 * 100) + (150 * 150) + C1);
        Assert.Equal(expected, ImageDistance.Ssim(dark, light), 9);
    }

    /// <summary>The window is symmetric, so stripes that exchange light and dark have known means, variances and covariance.</summary>
    [Fact]
    public void A_negative_is_similar_by_contrast_and_opposite_by_structure()
    {
        DiffusionImage stripes = Draw(11, 11, static (x, _) => (byte)(x % 2 == 0 ? 200 : 100));
        DiffusionImage negative = Draw(11, 11, static (x, _) => (byte)(x % 2 == 0 ? 100 : 200));
        double[] window = [.. Enumerable.Range(-5, 11).Select(static x => Math.Exp(-x * x / 4.5))];
        double even = window.Where(static (_, i) => i % 2 == 0).Sum() / window.Sum();
        double mean = 100 + (100 * even);
        double negativeMean = 200 - (100 * even);
        double variance = 10_000 * even * (1 - even);

        double expected = ((2 * mean * negativeMean) + C1) * ((-2 * variance) + C2)
            / (((mean * mean) + (negativeMean * negativeMean) + C1) * ((2 * variance) + C2));
        Assert.Equal(expected, ImageDistance.Ssim(stripes, negative), 9);
    }

    [Fact]
    public void The_similarity_is_the_mean_over_all_windows_within()
    {
        DiffusionImage a = Draw(13, 12, static (x, y) => (byte)((x * 53 + y * 17) % 256));
        DiffusionImage b = Draw(13, 12, static (x, y) => (byte)((x * 29 + y * 71) % 256));

        double sum = 0;
        for (int top = 0; top <= 1; top++)
        {
            for (int left = 0; left <= 2; left++)
                sum += ImageDistance.Ssim(Crop(a, left, top), Crop(b, left, top));
        }

        Assert.Equal(sum / 6, ImageDistance.Ssim(a, b), 9);
    }

    /// <summary>
    /// Computed by scikit-image 0.19.3: <c>peak_signal_noise_ratio(a, b, data_range=255)</c> and, of the luma
    /// <c>a @ [0.299, 0.587, 0.114]</c>, <c>structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
    /// use_sample_covariance=False, data_range=255)</c>.
    /// </summary>
    [Theory]
    [InlineData("noise", 40.10488110929942, 0.9881245607359093)]
    [InlineData("shift", 18.854293103412033, 0.8278270898198323)]
    [InlineData("contrast", 15.082392827895681, 0.8717958539191843)]
    public void The_measures_are_those_of_scikit_image(string change, double decibels, double similarity)
    {
        Assert.Equal(decibels, ImageDistance.Psnr(ComparedImages.Reference, ComparedImages.Changed(change)), 10);
        Assert.Equal(similarity, ImageDistance.Ssim(ComparedImages.Reference, ComparedImages.Changed(change)), 10);
    }

    [Fact]
    public void Pictures_of_different_sizes_and_too_small_ones_are_refused()
    {
        DiffusionImage small = Draw(10, 11, static (_, _) => 0);

        Assert.Contains("10x11", Assert.Throws<ImageInvalidException>(() => ImageDistance.Psnr(small, Draw(11, 10, static (_, _) => 0))).Message, StringComparison.Ordinal);
        Assert.Contains("11x11", Assert.Throws<ImageInvalidException>(() => ImageDistance.Ssim(small, small)).Message, StringComparison.Ordinal);
    }

    private static DiffusionImage Draw(int width, int height, Func<int, int, byte> value)
    {
        byte[] pixels = new byte[width * height * DiffusionImage.Channels];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = value(i / DiffusionImage.Channels % width, i / DiffusionImage.Channels / width);
        return new DiffusionImage(width, height, pixels);
    }

    private static DiffusionImage Crop(DiffusionImage image, int left, int top) =>
        Draw(11, 11, (x, y) => image.Pixels[((((top + y) * image.Width) + left + x) * DiffusionImage.Channels)]);
}
