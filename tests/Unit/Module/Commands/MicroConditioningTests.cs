using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>What Stable Diffusion XL is told besides the prompt, as the cmdlets take it.</summary>
public sealed class MicroConditioningTests : CommandTests
{
    public MicroConditioningTests(CommandShell fixture, SharedModels models)
        : base(fixture)
    {
        ArgumentNullException.ThrowIfNull(models);
        Set("xl", models.Large);
        Set("refiner", models.Refiner);
    }

    [Fact]
    public void Parameters_rows_stages_pictures_and_files_give_the_same_picture()
    {
        ShellResult result = RunWell("""
            $common = @{ Model = $xl; Seed = 1; Steps = 1; Width = 64; Height = 64 }
            New-DiffusionImage 'a' @common
            $told = New-DiffusionImage 'a' @common -OriginalWidth 512 -OriginalHeight 256 -CropTop 16 -CropLeft 8 -TargetWidth 128 -TargetHeight 96 -OutFile told.png
            $told
            [pscustomobject]@{ Prompt = 'a'; OriginalWidth = '512'; OriginalHeight = '256'; CropTop = '16'; CropLeft = '8'; TargetWidth = '128'; TargetHeight = '96'; AestheticScore = '' } | New-DiffusionImage @common
            Get-TextEmbedding 'a' -Model $xl | Invoke-Denoise @common -OriginalWidth 512 -OriginalHeight 256 -CropTop 16 -CropLeft 8 -TargetWidth 128 -TargetHeight 96 | ConvertFrom-Latent
            $told | New-DiffusionImage -Model $xl
            Get-DiffusionMetadata told.png | New-DiffusionImage -Model $xl
            """);

        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(6, images.Count);
        Assert.NotEqual(images[0].Pixels, images[1].Pixels);
        Assert.Equal((null, null), (images[0].OriginalWidth, images[0].CropTop));
        Assert.All(images.Skip(1), image =>
        {
            Assert.Equal(images[1].Pixels, image.Pixels);
            Assert.Equal((512, 256, 16, 8, 128, 96), (image.OriginalWidth, image.OriginalHeight, image.CropTop, image.CropLeft, image.TargetWidth, image.TargetHeight));
        });
    }

    [Fact]
    public void A_latent_of_the_base_model_goes_on_with_the_refiner_and_its_scores()
    {
        ShellResult result = RunWell("""
            $half = Get-TextEmbedding 'a' -Model $xl | Invoke-Denoise -Model $xl -Seed 1 -Steps 2 -Width 64 -Height 64 -OriginalWidth 512 -TargetWidth 128 -StopStep 1
            $embedding = Get-TextEmbedding 'a' -Model $refiner
            $half | Invoke-Denoise $embedding -Model $refiner -TargetWidth $null -AestheticScore 9
            $half | Invoke-Denoise $embedding -Model $refiner -TargetWidth $null
            """);

        IReadOnlyList<Latent> latents = result.Values<Latent>();
        Assert.Equal((512, null, 9.0, null), (latents[0].OriginalWidth, latents[0].TargetWidth, latents[0].AestheticScore, latents[0].NegativeAestheticScore));
        Assert.NotEqual(latents[0].Tensor.Values, latents[1].Tensor.Values);
    }

    [Theory]
    [InlineData("-Model $xl -AestheticScore 7", "AestheticScoreInvalid")]
    [InlineData("-Model $xl -CropLeft -1", "CropLeftInvalid")]
    [InlineData("-Model $refiner -TargetHeight 64", "TargetHeightInvalid")]
    [InlineData("-OriginalWidth 1024", "OriginalWidthInvalid")]
    [InlineData("-NegativeAestheticScore 2.5", "NegativeAestheticScoreInvalid")]
    public void What_the_model_is_not_told_is_an_error_of_the_setting(string settings, string id) =>
        AssertError(Run($"New-DiffusionImage 'a' -Steps 1 {settings}"), id, ErrorCategory.InvalidArgument, "NewDiffusionImage");
}
