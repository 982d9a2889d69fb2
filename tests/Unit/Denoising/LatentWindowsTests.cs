using StableDiffusion.Denoising;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Denoising;

/// <summary>The windows of a large latent: where they lie, and how they are averaged.</summary>
public sealed class LatentWindowsTests
{
    [Theory]
    [InlineData(DiffusionTiling.MultiDiffusion)]
    [InlineData(DiffusionTiling.Mixture)]
    public void The_average_of_a_constant_is_the_constant(DiffusionTiling tiling)
    {
        Random random = new(5);
        for (int number = 0; number < 300; number++)
        {
            int height = random.Next(1, 40), width = random.Next(1, 40), side = random.Next(1, 20), overlap = random.Next(side);
            if (LatentWindows.Divide(height, width, side, overlap, 8, tiling) is not LatentWindows windows)
            {
                Assert.True(height <= side && width <= side);
                continue;
            }

            Tensor latent = new(1, 3, height, width), sum = new(1, 3, height, width);
            latent.Span.Fill(0.7f);
            for (int window = 0; window < windows.Count; window++)
                windows.Add(windows.Cut(latent, window).Span, window, sum);
            Assert.All(sum.Values, static value => Assert.Equal(0.7, value, 1e-5));
        }
    }

    [Fact]
    public void Windows_that_do_not_overlap_give_back_what_was_cut()
    {
        Tensor latent = new([.. Enumerable.Range(0, 2 * 8 * 12).Select(static i => (float)i)], 1, 2, 8, 12), sum = new(1, 2, 8, 12), image = new([.. Enumerable.Range(0, 3 * 16 * 24).Select(static i => (float)i)], 1, 3, 16, 24);
        LatentWindows windows = LatentWindows.Divide(8, 12, 4, 0, 8, DiffusionTiling.MultiDiffusion)!;
        Assert.Equal((6, 4, 4), (windows.Count, windows.Height, windows.Width));
        for (int window = 0; window < windows.Count; window++)
            windows.Add(windows.Cut(latent, window).Span, window, sum);
        Assert.Equal(latent.Values, sum.Values);

        // Of an image twice as large, the same part.
        Tensor part = windows.Cut(image, 4);
        Assert.Equal([1, 3, 8, 8], part.Shape);
        Assert.Equal(image.Values[(8 * 24) + 8], part.Values[0]);
        Assert.Equal(image.Values[^9], part.Values[^1]);
    }

    [Fact]
    public void The_middle_of_a_window_weighs_more_in_a_mixture()
    {
        // Of two windows of 8 over 12 columns, column 5 is near the middle of the first one and at the edge of the second one.
        Tensor sum = new(1, 1, 8, 12), mean = new(1, 1, 8, 12);
        float[] ones = [.. Enumerable.Repeat(1f, 64)];
        LatentWindows.Divide(8, 12, 8, 4, 8, DiffusionTiling.Mixture)!.Add(ones, 0, sum);
        LatentWindows.Divide(8, 12, 8, 4, 8, DiffusionTiling.MultiDiffusion)!.Add(ones, 0, mean);
        Assert.Equal(1, sum.Values[2]);
        Assert.Equal(1 / (1 + Math.Exp((1.5 * 1.5 - 2.5 * 2.5) / (64 * 0.02))), sum.Values[5], 1e-6);
        Assert.InRange(sum.Values[5], 0.9, 0.99);
        Assert.InRange(sum.Values[6], 0.01, 0.1);
        Assert.Equal(0.5, mean.Values[5]);
        Assert.Equal(0, sum.Values[8]);
    }

    [Theory]
    [InlineData("DiffusionTileOverlap", 64, 64)]
    [InlineData("DiffusionTileOverlap", null, 512)]
    [InlineData("DiffusionTileSize", 32, 24)]
    public void Windows_that_cannot_be_are_refused(string setting, int? size, int? overlap)
    {
        GenerationSettings settings = new() { DiffusionTiling = "mixture", DiffusionTileSize = size, DiffusionTileOverlap = overlap };
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => LatentWindows.Of(settings, 1024, 1024, 8, 512)).Setting);
    }

    [Fact]
    public void The_defaults_are_the_size_of_the_model_and_half_of_it()
    {
        GenerationSettings settings = new() { DiffusionTiling = nameof(DiffusionTiling.MultiDiffusion) };
        LatentWindows windows = LatentWindows.Of(settings, 96, 128, 8, 512)!;
        Assert.Equal((6, 64, 64), (windows.Count, windows.Height, windows.Width));
        GenerationInfo info = LatentWindows.Record(new GenerationInfo { DiffusionTileSize = 515 }, windows);
        Assert.Equal(("MultiDiffusion", 512, 256), (info.DiffusionTiling, info.DiffusionTileSize, info.DiffusionTileOverlap));
        Assert.Null(LatentWindows.Of(settings, 64, 64, 8, 512));
        Assert.Null(LatentWindows.Record(info, null).DiffusionTileSize);
        Assert.Equal(int.MaxValue, LatentWindows.SideOf(new GenerationSettings { DiffusionTileSize = 64 }, 512));
        Assert.Throws<InvalidSettingException>(() => LatentWindows.Of(new GenerationSettings { DiffusionTiling = "Tiles" }, 8, 8, 8, 64));
        Assert.Equal("DiffusionTiling", Assert.Throws<InvalidSettingException>(() => LatentWindows.Of(settings with { Tiling = "X" }, 8, 8, 8, 64)).Setting);
    }
}
