using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Denoising;

/// <summary>Latents resized as by torch's <c>interpolate</c>, whose modes A1111 offers, and by ComfyUI's <c>bislerp</c>.</summary>
public sealed class LatentResizeTests
{
    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("hires", "hires.safetensors")));

    public static TheoryData<string, string, LatentResizeMode, bool> References
    {
        get
        {
            TheoryData<string, string, LatentResizeMode, bool> cases = [];
            foreach (int number in Enumerable.Range(0, 5))
            {
                foreach ((string name, LatentResizeMode mode, bool antialias) in ((string, LatentResizeMode, bool)[])
                [
                    ("Latent", LatentResizeMode.Bilinear, false), ("Latent (antialiased)", LatentResizeMode.Bilinear, true),
                    ("Latent (bicubic)", LatentResizeMode.Bicubic, false), ("Latent (bicubic antialiased)", LatentResizeMode.Bicubic, true),
                    ("Latent (nearest)", LatentResizeMode.Nearest, false), ("Latent (nearest-exact)", LatentResizeMode.NearestExact, false),
                    ("bislerp", LatentResizeMode.Bislerp, false),
                ])
                    cases.Add($"upscale-{number}", name, mode, antialias);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(References))]
    public void Each_mode_gives_the_numbers_of_the_original(string id, string name, LatentResizeMode mode, bool antialias)
    {
        Tensor expected = s_tensors.Value.Read($"{id}.{name}");
        Tensor resized = LatentResize.Resize(s_tensors.Value.Read($"{id}.latent"), expected.Shape[2], expected.Shape[3], mode, antialias);
        double mean = expected.Values.Average(static value => Math.Abs(value));
        Assert.All(resized.Values.Zip(expected.Values), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-5 * mean));
    }

    [Fact]
    public void The_references_are_all_tested()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Repository.Data("hires", "hires.json")));
        JsonElement[] upscales = [.. reference.RootElement.GetProperty("cases").EnumerateArray().Where(static item => item.GetProperty("kind").GetString() == "latent_upscale")];
        Assert.Equal(References.Count, upscales.Sum(static item => item.GetProperty("modes").EnumerateObject().Count()));
    }

    [Theory]
    [InlineData(LatentResizeMode.Bislerp)]
    [InlineData(LatentResizeMode.Bilinear)]
    public void Cells_of_zeros_and_opposite_ones_give_numbers(LatentResizeMode mode)
    {
        Tensor latent = new([0, 1, -1, 0, 0, 2, -2, 0, 0, 0, 0, 0, 0, 0, 0, 3], 1, 4, 2, 2);
        Tensor resized = LatentResize.Resize(latent, 5, 7, mode, antialias: false);
        Assert.Equal([1, 4, 5, 7], resized.Shape);
        Assert.All(resized.Values, static value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void A_scale_gives_whole_cells_and_the_record_says_how_it_was_resized()
    {
        Latent latent = new(new Tensor(1, 4, 8, 12), new GenerationInfo { Width = 96, Height = 64, Seed = 3 });
        Latent resized = LatentResize.Scale(latent, 1.6, LatentResizeMode.Bicubic, antialias: true);
        Assert.Equal((152, 96, 3), (resized.Width, resized.Height, resized.Seed));
        Assert.Equal([1, 4, 12, 19], resized.Tensor.Shape);
        GenerationStage stage = resized.Recorded.Stages![^1];
        Assert.Equal("ResizeLatent (Width 152, Height 96, Mode 'Bicubic', Antialias True)", stage.ToString());
    }

    [Theory]
    [InlineData(0, 64, "Width")]
    [InlineData(68, 64, "Width")]
    [InlineData(64, -8, "Height")]
    [InlineData(1 << 20, 1 << 20, "Width")]
    public void Sizes_that_a_latent_cannot_have_are_refused(int width, int height, string setting)
    {
        Latent latent = new(new Tensor(1, 4, 8, 8), new GenerationInfo());
        Assert.Equal(setting, Assert.Throws<InvalidSettingException>(() => LatentResize.Resize(latent, width, height, LatentResizeMode.Nearest, antialias: false)).Setting);
        Assert.All((double[])[0, -1, double.NaN, double.PositiveInfinity, 65], scale => Assert.Throws<InvalidSettingException>(() => LatentResize.Scale(latent, scale, LatentResizeMode.Nearest, antialias: false)));
    }

    [Fact]
    public void A_mode_without_antialiasing_and_a_latent_that_was_stopped_are_refused()
    {
        Latent latent = new(new Tensor(1, 4, 8, 8), new GenerationInfo());
        Assert.Equal("Antialias", Assert.Throws<InvalidSettingException>(() => LatentResize.Scale(latent, 2, LatentResizeMode.Bislerp, antialias: true)).Setting);
        Latent stopped = new(new Tensor(1, 4, 8, 8), new GenerationInfo(), step: 2, stepCount: 4);
        Assert.Equal("Latent", Assert.Throws<InvalidSettingException>(() => LatentResize.Scale(stopped, 2, LatentResizeMode.Nearest, antialias: false)).Setting);
    }
}
