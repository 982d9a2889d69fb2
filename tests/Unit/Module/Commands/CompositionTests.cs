using StableDiffusion.Images;
using StableDiffusion.Metadata;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>The four stages one by one give the very files that New-DiffusionImage gives.</summary>
public sealed class CompositionTests(CommandShell fixture) : CommandTests(fixture)
{
    private const string Prompt = "a red house on the grass in daylight";

    [Theory]
    [InlineData("-Scheduler DDIM")]
    [InlineData("-Scheduler 'Euler a'")]
    [InlineData("-Scheduler 'DPM++ 2M SDE Karras' -GuidanceScale 3 -GuidanceRescale 0.7")]
    [InlineData("-Scheduler Heun -Width 72 -Height 48")]
    [InlineData("-GuidanceScale 1")]
    [InlineData("-Scheduler 'Euler a' -RandomSource cuda -VariationSeed 9 -VariationStrength 0.3 -SeedResizeWidth 48 -SeedResizeHeight 80 -EtaNoiseSeedDelta 31337 -BatchSize 3 -BatchIndex 2")]
    public void Text_to_image(string settings) => AssertSame(
        $"New-DiffusionImage '{Prompt}' -Seed 7 -Steps 3 {settings} -OutFile whole.png",
        $"Get-TextEmbedding '{Prompt}' | Invoke-Denoise -Seed 7 -Steps 3 {settings} | ConvertFrom-Latent | Export-DiffusionImage parts.png");

    [Fact]
    public void With_a_negative_prompt()
    {
        byte[] file = AssertSame(
            $"New-DiffusionImage '{Prompt}' -NegativePrompt 'a tree' -Seed 7 -Steps 3 -OutFile whole.png",
            $"""
            $negative = Get-TextEmbedding 'a tree'
            Get-TextEmbedding '{Prompt}' | Invoke-Denoise -NegativeEmbedding $negative -Seed 7 -Steps 3 | ConvertFrom-Latent | Export-DiffusionImage parts.png
            """);

        RunWell($"New-DiffusionImage '{Prompt}' -Seed 7 -Steps 3 -OutFile other.png");
        Assert.NotEqual(file, File.ReadAllBytes(Folder["other.png"]));
    }

    [Theory]
    [InlineData("Euler", "TorchCpu")]
    [InlineData("Euler a", "TorchCpu")]
    [InlineData("Euler a", "Cuda")]
    public void From_a_picture(string scheduler, string source)
    {
        Set("scene", Scene);
        AssertSame(
            $"New-DiffusionImage '{Prompt}' -InitImage $scene -Strength 0.6 -Seed 7 -RandomSource {source} -Steps 4 -Scheduler '{scheduler}' -OutFile whole.png",
            $"""
            $embedding = Get-TextEmbedding '{Prompt}'
            ConvertTo-Latent $scene -Seed 7 -RandomSource {source} | Invoke-Denoise -Embedding $embedding -Strength 0.6 -Steps 4 -Scheduler '{scheduler}' | ConvertFrom-Latent | Export-DiffusionImage parts.png
            """);
    }

    [Fact]
    public void A_part_of_a_picture()
    {
        Set("scene", Scene);
        RunWell("$mask = $input | Export-DiffusionImage mask.png -PassThru", LeftHalf());
        RunWell($"New-DiffusionImage '{Prompt}' -InitImage $scene -MaskImage mask.png -NoPasteBack -Strength 1 -Seed 7 -Steps 3 -OutFile whole.png");
        RunWell($"""
            $embedding = Get-TextEmbedding '{Prompt}'
            ConvertTo-Latent $scene -Seed 7 | Invoke-Denoise -Embedding $embedding -MaskImage mask.png -Strength 1 -Steps 3 | ConvertFrom-Latent | Export-DiffusionImage parts.png
            """);
        RunWell($"New-DiffusionImage '{Prompt}' -InitImage $scene -Strength 1 -Seed 7 -Steps 3 -OutFile all.png");

        // The record of the first says that nothing was pasted back.
        byte[] masked = ImageFile.Read(Folder["whole.png"]).Pixels;
        Assert.Equal(masked, ImageFile.Read(Folder["parts.png"]).Pixels);
        Assert.NotEqual(masked, ImageFile.Read(Folder["all.png"]).Pixels);
    }

    [Fact]
    public void A_picture_that_is_piped_back_is_made_again()
    {
        RunWell($"New-DiffusionImage '{Prompt}' -NegativePrompt 'a tree' -Seed 7 -Steps 3 -Scheduler Heun -GuidanceScale 3 -RandomSource Cuda -VariationStrength 0.3 -OutFile first.png | New-DiffusionImage -OutFile second.png");
        Assert.Equal(File.ReadAllBytes(Folder["first.png"]), File.ReadAllBytes(Folder["second.png"]));
    }

    private byte[] AssertSame(string whole, string parts)
    {
        RunWell(whole);
        RunWell(parts);
        byte[] bytes = File.ReadAllBytes(Folder["whole.png"]);
        Assert.Equal(bytes, File.ReadAllBytes(Folder["parts.png"]));
        return bytes;
    }

    private static DiffusionImage LeftHalf()
    {
        byte[] pixels = new byte[64 * 64 * DiffusionImage.Channels];
        for (int row = 0; row < 64; row++)
            pixels.AsSpan(row * 64 * DiffusionImage.Channels, 32 * DiffusionImage.Channels).Fill(255);
        return new DiffusionImage(64, 64, pixels);
    }
}
