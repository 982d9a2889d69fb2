using System.Text.Json;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Previews;
using StableDiffusion.Images;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Denoising.Previews;

/// <summary>Latents by the colors of their cells, against ComfyUI's numbers.</summary>
public sealed class LatentPreviewTests
{
    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Repository.Data("previews", "previews.safetensors")));

    public static TheoryData<int, string, string> References { get; } = new()
    {
        { 0, "StableDiffusion1", "SD15" }, { 1, "StableDiffusion1", "SD15" }, { 0, "StableDiffusionXL", "SDXL" }, { 1, "StableDiffusionXL", "SDXL" },
    };

    [Theory]
    [MemberData(nameof(References))]
    public void The_colors_are_those_of_ComfyUI(int number, string name, string format)
    {
        Tensor latent = s_tensors.Value.Read($"approximations-{number}.latent"), expected = s_tensors.Value.Read($"approximations-{number}.comfy-{format}");
        Tensor colors = LatentPreview.ToColors(latent, LatentColors.Find(name)!);
        Assert.Equal(expected.Length, colors.Length);
        Assert.All(colors.Values.Zip(expected.Values), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, 1e-5));

        // As ComfyUI makes bytes of them: truncated.
        DiffusionImage image = LatentPreview.Create(new Latent(latent, new GenerationInfo()), LatentColors.Find(name)!);
        Assert.Equal((latent.Shape[3], latent.Shape[2]), (image.Width, image.Height));
        int cells = latent.Shape[2] * latent.Shape[3];
        for (int i = 0; i < cells * 3; i++)
        {
            double level = Math.Clamp((expected.Values[((i % 3) * cells) + (i / 3)] + 1.0) / 2, 0, 1) * 255;
            Assert.InRange(image.Pixels[i], Math.Floor(level - 1e-3), Math.Floor(level + 1e-3));
        }
    }

    // A1111 has another fit of the same autoencoder: the two agree in what is light and what is dark.
    [Theory]
    [InlineData(0, "StableDiffusion1", "sd1")]
    [InlineData(1, "StableDiffusion1", "sd1")]
    [InlineData(0, "StableDiffusionXL", "sdxl")]
    [InlineData(1, "StableDiffusionXL", "sdxl")]
    public void The_colors_are_like_those_of_A1111(int number, string name, string format)
    {
        float[] expected = s_tensors.Value.Read($"approximations-{number}.cheap-{format}").Values;
        float[] colors = LatentPreview.ToColors(s_tensors.Value.Read($"approximations-{number}.latent"), LatentColors.Find(name)!).Values;
        double mean = colors.Average(), other = expected.Average();
        double product = colors.Zip(expected, (a, b) => (a - mean) * (b - other)).Sum();
        double correlation = product / Math.Sqrt(colors.Sum(a => (a - mean) * (a - mean)) * expected.Sum(b => (b - other) * (b - other)));
        Assert.InRange(correlation, 0.95, 1);
    }

    [Fact]
    public void The_weights_are_those_of_the_reference()
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Repository.Data("previews", "previews.json")));
        foreach (JsonElement item in reference.RootElement.GetProperty("cases").EnumerateArray())
        {
            foreach ((string format, string name) in ((string, string)[])[("SD15", "StableDiffusion1"), ("SDXL", "StableDiffusionXL")])
            {
                LatentColors colors = LatentColors.Find(name)!;
                JsonElement expected = item.GetProperty("comfy").GetProperty(format);
                Assert.Equal(expected.GetProperty("factors").EnumerateArray().SelectMany(static row => row.EnumerateArray().Select(static weight => weight.GetSingle())), colors.Factors.SelectMany(static row => (float[])[row.Red, row.Green, row.Blue]));
                JsonElement bias = expected.GetProperty("bias");
                Assert.Equal(bias.ValueKind == JsonValueKind.Null ? [0, 0, 0] : bias.EnumerateArray().Select(static weight => weight.GetSingle()), [colors.Bias.Red, colors.Bias.Green, colors.Bias.Blue]);
            }
        }
    }

    // By hand: (1, -1, 0.5, 2) of Stable Diffusion 1 is (-0.53925, -0.7028, -1.21165); zeros of XL are its bias.
    [Fact]
    public void A_cell_is_the_color_that_comes_out_by_hand()
    {
        Assert.Equal([(byte)(255 * 0.230375), (byte)(255 * 0.1486), 0], LatentPreview.Create(new Latent(new Tensor([1, -1, 0.5f, 2], 1, 4, 1, 1), new GenerationInfo()), LatentColors.Find("StableDiffusion1")!).Pixels);
        Assert.Equal([(byte)(255 * 0.5542), (byte)(255 * 0.49125), (byte)(255 * 0.49945)], LatentPreview.Create(new Latent(new Tensor(1, 4, 1, 1), new GenerationInfo()), LatentColors.Find("StableDiffusionXL")!).Pixels);
    }

    [Theory]
    [InlineData(4, 8, 0.18215f, "StableDiffusion1")]
    [InlineData(4, 8, 0.13025f, "StableDiffusionXL")]
    [InlineData(4, 8, 0.510425f, null)]
    [InlineData(16, 8, 0.18215f, null)]
    [InlineData(4, 4, 0.18215f, null)]
    public void Latents_are_known_by_their_form(int channels, int factor, float scale, string? expected) =>
        Assert.Equal(expected, LatentColors.Of(new LatentSpace("a", channels, factor, scale))?.Name);

    [Fact]
    public void The_record_says_that_it_is_a_preview()
    {
        GenerationInfo info = new() { Prompt = "a", Seed = 1 };
        DiffusionImage image = LatentPreview.Create(new Latent(new Tensor(1, 4, 2, 3), info), LatentColors.Find("StableDiffusion1")!);
        GenerationStage stage = image.Stages![^1];
        Assert.Equal((StageOperation.Preview, "StableDiffusion1"), (stage.Operation, stage.Text(LatentPreview.ColorsSetting)));
        Assert.Equal(StageList.Hash<byte>(image.Pixels), stage.Output);
        Assert.Equal(("a", 1L), (image.Prompt, image.Seed));
    }

    [Fact]
    public void A_latent_that_cannot_be_shown_is_an_error()
    {
        LatentColors colors = LatentColors.Find("StableDiffusion1")!;
        Assert.Throws<ShapeMismatchException>(() => LatentPreview.Create(new Latent(new Tensor(1, 16, 2, 2), new GenerationInfo()), colors));
        Latent latent = new(new Tensor(1, 4, 2, 2), new GenerationInfo());
        latent.Tensor.Values[3] = float.NaN;
        Assert.Throws<NotFiniteException>(() => LatentPreview.Create(latent, colors));
    }
}
