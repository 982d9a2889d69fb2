using System.Management.Automation;
using StableDiffusion.Images;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Models that edit a picture by instructions, as the cmdlets take them.</summary>
public sealed class PictureEditTests : CommandTests
{
    public PictureEditTests(CommandShell fixture, SharedModels models)
        : base(fixture)
    {
        ArgumentNullException.ThrowIfNull(models);
        File.Copy(Scene, Folder["scene.png"]);
        Set("edit", models.Edit);
    }

    [Fact]
    public void The_image_guidance_scale_is_taken_by_name_by_alias_of_rows_of_pictures_and_of_files()
    {
        ShellResult result = RunWell("""
            $common = @{ Model = $edit; InitImage = 'scene.png'; Seed = 1; Steps = 1 }
            New-DiffusionImage 'make it red' @common
            $picture = New-DiffusionImage 'make it red' @common -ImageGuidanceScale 4 -OutFile out.png
            $picture
            New-DiffusionImage 'make it red' @common -ImageCfgScale 4
            [pscustomobject]@{ Prompt = 'make it red'; ImageGuidanceScale = '4' } | New-DiffusionImage @common
            [pscustomobject]@{ Prompt = 'make it red'; ImageCfgScale = 4 } | New-DiffusionImage @common
            $picture | New-DiffusionImage -Model $edit -InitImage scene.png
            Get-DiffusionMetadata out.png | New-DiffusionImage -Model $edit -InitImage scene.png
            [pscustomobject]@{ Prompt = 'make it red'; ImageGuidanceScale = '' } | New-DiffusionImage @common
            """);

        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal([1.5, 4, 4, 4, 4, 4, 4, 1.5], images.Select(image => image.ImageGuidanceScale!.Value));
        Assert.All(images.Skip(1).SkipLast(1), image => Assert.Equal(images[1].Pixels, image.Pixels));
        Assert.Equal(images[0].Pixels, images[^1].Pixels);
        Assert.NotEqual(images[0].Pixels, images[1].Pixels);
    }

    [Fact]
    public void The_stages_take_the_image_guidance_scale_too()
    {
        ShellResult result = RunWell("""
            $embedding = Get-TextEmbedding 'make it red' -Model $edit
            $half = ConvertTo-Latent scene.png -Model $edit -Seed 1 | Invoke-Denoise $embedding -Model $edit -Seed 1 -Steps 2 -ImageGuidanceScale 4 -StopStep 1
            $half | Invoke-Denoise $embedding -Model $edit | ConvertFrom-Latent -Model $edit
            New-DiffusionImage 'make it red' -Model $edit -InitImage scene.png -Seed 1 -Steps 2 -ImageGuidanceScale 4
            """);

        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(images[1].Pixels, images[0].Pixels);
        Assert.Equal([4, 4], images.Select(image => image.ImageGuidanceScale!.Value));
    }

    [Theory]
    [InlineData("-ImageGuidanceScale 2", "ImageGuidanceScaleInvalid", "instruct-pix2pix")]
    [InlineData("-ImageGuidanceScale 101 -Model $edit", "ImageGuidanceScaleInvalid", "between 0 and 100")]
    [InlineData("-Model $edit -InitImage scene.png -Strength 0.5", "StrengthInvalid", "ImageGuidanceScale")]
    public void What_does_not_go_with_the_model_is_an_error_of_the_setting(string settings, string id, string message)
    {
        ErrorRecord error = AssertError(Run($"New-DiffusionImage 'make it red' -Steps 1 {settings}"), id, ErrorCategory.InvalidArgument, "NewDiffusionImage");
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ControlNets_are_refused_before_anything_is_opened()
    {
        ShellResult result = Run("New-DiffusionImage 'make it red' -Model $edit -Steps 1 -InitImage scene.png -ControlNet no-such-net -ControlImage scene.png -Verbose");

        ErrorRecord error = AssertError(result, "ControlNetInvalid", ErrorCategory.InvalidArgument, "NewDiffusionImage");
        Assert.Contains("edits images by instructions", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(result.Verbose, line => line.StartsWith("Opening", StringComparison.Ordinal));
    }
}
