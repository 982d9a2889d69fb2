using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Comparison;

public sealed class ImageComparisonTests
{
    private static readonly GenerationInfo s_info = new() { Prompt = "a red house", Seed = 1, Steps = 20, Scheduler = "DDIM", Model = "demo", ModelHash = "0123456789" };

    /// <summary>The counts are those of NumPy: <c>d = abs(a - b).max(axis=2)</c>, <c>(d &gt; 0).sum()</c>, <c>d.max()</c> and the extremes of <c>d.nonzero()</c>.</summary>
    [Theory]
    [InlineData("noise", 8800, 5, "80x110 at 10,20")]
    [InlineData("shift", 13676, 254, "97x141 at 0,0")]
    [InlineData("contrast", 13677, 88, "97x141 at 0,0")]
    public void The_pixels_that_differ_are_counted_and_bounded(string change, int count, int largest, string bounds)
    {
        ImageComparison comparison = new(ComparedImages.Reference, ComparedImages.Changed(change));

        Assert.Equal(count, comparison.DifferentPixels);
        Assert.Equal(largest, comparison.LargestDifference);
        Assert.Equal(bounds, $"{comparison.Bounds}");
    }

    [Fact]
    public void Equal_images_have_no_difference()
    {
        ImageComparison comparison = new(ComparedImages.Reference, ComparedImages.Reference);

        Assert.Equal(0, comparison.DifferentPixels);
        Assert.Equal(0, comparison.LargestDifference);
        Assert.Null(comparison.Bounds);
        Assert.Equal(double.PositiveInfinity, comparison.Psnr);
        Assert.Equal(1, comparison.Ssim);
        Assert.All(comparison.HeatMap!.Pixels, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Pixels_that_a_script_changed_are_not_blamed_on_the_device()
    {
        DiffusionImage made = Made();
        DiffusionImage edited = Made();
        Assert.Equal(ComparisonVerdict.Equal, new ImageComparison(made, edited).Verdict);
        edited.Pixels[0] ^= 1;
        ImageComparison comparison = new(made, edited);
        Assert.Equal(ComparisonVerdict.OtherSettings, comparison.Verdict);
        Assert.Equal(nameof(GenerationInfo.Stages), Assert.Single(comparison.SettingDifferences).Name);

        static DiffusionImage Made()
        {
            byte[] pixels = new byte[8 * 8 * DiffusionImage.Channels];
            return new DiffusionImage(8, 8, pixels, s_info with { Stages = new StageList().Append(StageOperation.Decode, StageList.Hash<byte>(pixels)) });
        }
    }

    [Fact]
    public void The_heat_map_is_black_where_nothing_differs_and_lightest_where_most_does()
    {
        DiffusionImage black = Draw(0, 0, 0, 0);
        DiffusionImage heat = new ImageComparison(black, Draw(0, 1, 50, 100)).HeatMap!;

        Assert.Equal([0, 0, 0], Pixel(heat, 0));
        Assert.Equal([90, 17, 110], Pixel(heat, 1));
        Assert.Equal([222, 88, 52], Pixel(heat, 2));
        Assert.Equal([252, 255, 164], Pixel(heat, 3));
    }

    [Fact]
    public void A_difference_of_one_is_seen_in_the_heat_map()
    {
        DiffusionImage heat = new ImageComparison(Draw(0, 7), Draw(0, 8)).HeatMap!;

        Assert.Equal([0, 0, 0, 252, 255, 164], heat.Pixels);
    }

    [Fact]
    public void The_images_and_the_heat_map_stand_side_by_side()
    {
        ImageComparison comparison = new(ComparedImages.Reference, ComparedImages.Changed("noise"));
        DiffusionImage sheet = comparison.SideBySide!;

        Assert.Equal((3 * 97) + (2 * 4), sheet.Width);
        Assert.Equal(141, sheet.Height);
        Assert.Equal(comparison.ReferenceImage.Pixels[..(97 * 3)], sheet.Pixels[..(97 * 3)]);
        Assert.Equal(comparison.DifferenceImage.Pixels[..(97 * 3)], sheet.Pixels[(101 * 3)..(198 * 3)]);
        Assert.Equal(comparison.HeatMap!.Pixels[..(97 * 3)], sheet.Pixels[(202 * 3)..(299 * 3)]);
    }

    [Fact]
    public void What_is_computed_on_demand_is_computed_once()
    {
        ImageComparison comparison = new(ComparedImages.Reference, ComparedImages.Changed("noise"));

        Assert.Same(comparison.HeatMap, comparison.HeatMap);
        Assert.Same(comparison.SideBySide, comparison.SideBySide);
    }

    [Fact]
    public void Images_of_other_sizes_are_only_judged_and_shown()
    {
        DiffusionImage small = Draw(1, 2);
        ImageComparison comparison = new(ComparedImages.Reference, small);

        Assert.Equal(ComparisonVerdict.OtherSize, comparison.Verdict);
        Assert.Contains("97x141 and 2x1", comparison.Reason, StringComparison.Ordinal);
        Assert.Null(comparison.Psnr);
        Assert.Null(comparison.Ssim);
        Assert.Null(comparison.LargestDifference);
        Assert.Null(comparison.DifferentPixels);
        Assert.Null(comparison.Bounds);
        Assert.Null(comparison.HeatMap);
        Assert.Equal((2 * 97) + 4, comparison.SideBySide!.Width);
        Assert.Equal([1, 1, 1, 2, 2, 2, 128, 128, 128], comparison.SideBySide.Pixels[(101 * 3)..(104 * 3)]);
    }

    [Fact]
    public void Images_that_are_smaller_than_a_window_have_no_structural_similarity()
    {
        ImageComparison comparison = new(Draw(1, 2), Draw(1, 3));

        Assert.Null(comparison.Ssim);
        Assert.NotNull(comparison.Psnr);
    }

    [Fact]
    public void The_verdict_names_what_differs()
    {
        GenerationInfo other = s_info with { Steps = 25 };

        AssertVerdict(ComparisonVerdict.Equal, "The pixels and the settings are equal.", s_info, s_info, 1);
        AssertVerdict(ComparisonVerdict.EqualPixels, "Steps (20, 25)", s_info, other, 1);
        AssertVerdict(ComparisonVerdict.OtherPixels, "device", s_info, s_info with { }, 2);
        AssertVerdict(ComparisonVerdict.OtherPixels, "made from", s_info with { Strength = 0.5 }, s_info with { Strength = 0.5 }, 2);
        AssertVerdict(ComparisonVerdict.OtherSettings, "Steps (20, 25)", s_info, other, 2);
        AssertVerdict(ComparisonVerdict.NoRecord, "the reference does not say", null, s_info, 2);
        AssertVerdict(ComparisonVerdict.NoRecord, "the other image does not say", s_info, null, 2);
        AssertVerdict(ComparisonVerdict.NoRecord, "neither image says", null, null, 2);
        AssertVerdict(ComparisonVerdict.Equal, "neither image says", null, null, 1);
        AssertVerdict(ComparisonVerdict.Equal, "the other image does not say", s_info, null, 1);
    }

    [Fact]
    public void A_lossy_file_is_named_as_a_cause()
    {
        using TemporaryFolder folder = new();
        DiffusionImage image = new(97, 141, ComparedImages.Reference.Pixels, s_info);
        ImageFile.Write(image, folder["a.png"], cancellationToken: TestContext.Current.CancellationToken);
        DiffusionImage lossless = ImageFile.ReadWithSettings(folder["a.png"], TestContext.Current.CancellationToken);
        ImageFile.Write(image, folder["a.jpg"], cancellationToken: TestContext.Current.CancellationToken);
        DiffusionImage lossy = ImageFile.ReadWithSettings(folder["a.jpg"], TestContext.Current.CancellationToken);

        Assert.Equal(ComparisonVerdict.Equal, new ImageComparison(image, lossless).Verdict);
        ImageComparison comparison = new(lossless, lossy);
        Assert.Equal(ComparisonVerdict.OtherPixels, comparison.Verdict);
        Assert.Contains("JPEG", comparison.Reason, StringComparison.Ordinal);
        Assert.Equal((folder["a.png"], folder["a.jpg"]), (comparison.ReferencePath, comparison.DifferencePath));
    }

    [Fact]
    public void The_words_about_settings_are_few_and_safe_to_show()
    {
        GenerationInfo many = s_info with { Prompt = "\u001b[2J" + new string('x', 5000), NegativePrompt = "a", Seed = 2, Steps = 1, GuidanceScale = 2.5, ClipSkip = 2, Scheduler = "LMS" };
        ImageComparison comparison = Compare(s_info, many, 2);

        Assert.Equal(7, comparison.SettingDifferences.Count);
        Assert.EndsWith(", and 2 more.", comparison.Reason, StringComparison.Ordinal);
        Assert.InRange(comparison.Reason.Length, 1, 500);
        Assert.DoesNotContain('\u001b', comparison.Reason);
        Assert.All(comparison.SettingDifferences, difference => Assert.DoesNotContain('\u001b', difference.ToString()));
    }

    private static void AssertVerdict(ComparisonVerdict verdict, string words, GenerationInfo? reference, GenerationInfo? difference, byte value)
    {
        ImageComparison comparison = Compare(reference, difference, value);

        Assert.Equal(verdict, comparison.Verdict);
        Assert.Contains(words, comparison.Reason, StringComparison.Ordinal);
        Assert.Equal($"{verdict}: {comparison.Reason}", comparison.ToString());
    }

    private static ImageComparison Compare(GenerationInfo? reference, GenerationInfo? difference, byte value) =>
        new(new DiffusionImage(1, 1, [1, 1, 1], reference), new DiffusionImage(1, 1, [value, value, value], difference));

    private static DiffusionImage Draw(params byte[] values) => new(values.Length, 1, [.. values.SelectMany(static value => Enumerable.Repeat(value, 3))]);

    private static byte[] Pixel(DiffusionImage image, int x) => image.Pixels[(x * 3)..((x + 1) * 3)];
}
