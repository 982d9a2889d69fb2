using System.Globalization;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Images;

public sealed class ResamplerTests
{
    public static TheoryData<string> References => [.. Directory.GetFiles(Repository.Data("upscalers"), "resample-*.png").Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Fact]
    public void There_are_references_of_every_filter() => Assert.Equal(3 * Enum.GetValues<ResampleFilter>().Length, References.Count);

    /// <summary>The references are written by Pillow 9.4. The same whole numbers are added up, so that no byte differs.</summary>
    [Theory]
    [MemberData(nameof(References))]
    public void The_bytes_are_those_of_Pillow(string file)
    {
        string[] words = Path.GetFileNameWithoutExtension(file).Split('-');
        DiffusionImage source = ImageFile.Read(Repository.Data("images", "scene.png")), expected = ImageFile.Read(Repository.Data("upscalers", file));
        Assert.Equal(words[2], string.Create(CultureInfo.InvariantCulture, $"{expected.Width}x{expected.Height}"));

        Assert.Equal(expected.Pixels, Resampler.Resize(source.Pixels, source.Width, source.Height, expected.Width, expected.Height, Enum.Parse<ResampleFilter>(words[1], ignoreCase: true), cancellationToken: TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(20, 40, 70, 9)]
    [InlineData(40, 30, 11, 50)]
    public void Strips_of_columns_make_no_difference(int fromWidth, int fromHeight, int width, int height)
    {
        byte[] pixels = new byte[fromWidth * fromHeight * 3];
        new Random(7).NextBytes(pixels);
        Assert.All(Enum.GetValues<ResampleFilter>(), filter => Assert.Equal(
            Resampler.Resize(pixels, fromWidth, fromHeight, width, height, filter, cancellationToken: TestContext.Current.CancellationToken),
            Resampler.Resize(pixels, fromWidth, fromHeight, width, height, filter, mostBetween: 4 * fromHeight * 3, cancellationToken: TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void An_image_of_the_right_size_stays_itself()
    {
        byte[] pixels = new byte[18];
        Assert.All(Enum.GetValues<ResampleFilter>(), filter => Assert.Same(pixels, Resampler.Resize(pixels, 3, 2, 3, 2, filter, cancellationToken: TestContext.Current.CancellationToken)));
    }
}
