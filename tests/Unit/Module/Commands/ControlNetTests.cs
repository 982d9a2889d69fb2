using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ControlNetTests : CommandTests
{
    private const string Cmdlet = "NewDiffusionImage";

    public ControlNetTests(CommandShell fixture)
        : base(fixture)
    {
        File.Copy(Scene, Folder["scene.png"]);
        UntrainedControlNet.WriteDemo(Folder["net"]);
    }

    [Fact]
    public void Pictures_are_steered_and_say_by_what()
    {
        IReadOnlyList<DiffusionImage> images = RunWell("""
            $common = @{ Seed = 1; Steps = 2 }
            New-DiffusionImage 'a' @common
            New-DiffusionImage 'a' @common -ControlNet net -ControlImage scene.png -ControlScale 0
            New-DiffusionImage 'a' @common -ControlNet net -ControlImage scene.png -ControlPreprocessor canny -OutFile out.png
            """).Values<DiffusionImage>();

        Assert.Equal(images[0].Pixels, images[1].Pixels);
        Assert.NotEqual(images[0].Pixels, images[2].Pixels);
        Assert.Equal([Folder["net"]], images[2].ControlNet!);
        Assert.Equal([Folder["scene.png"]], images[2].ControlImage!);
        Assert.Equal(["Canny"], images[2].ControlPreprocessor!);
        Assert.Matches("""ControlNet 0: "Module: canny, Model: net \[[0-9a-f]{10}\], Weight: 1, Guidance Start: 0, Guidance End: 1",""", Infotext.Format(images[2].Info));
    }

    [Fact]
    public void Work_is_resumed_if_ControlNets_and_their_images_are_the_same()
    {
        const string arguments = "New-DiffusionImage 'a' -Seed 1 -Steps 2 -ControlNet net -OutFile out.png";
        RunWell($"$null = {arguments} -ControlImage scene.png -ControlPreprocessor canny; $null = New-DiffusionImage 'b' -Seed 1 -Steps 1 -OutFile other.png");
        Assert.True((bool)RunWell($"({arguments} -ControlImage scene.png -ControlPreprocessor Canny -ControlScale 1 -Resume).IsUnchanged").Output.Single().BaseObject);
        Assert.Contains("ControlImage (", AssertError(Run($"{arguments} -ControlImage other.png -ControlPreprocessor Canny -Resume"), "OutputDiffers", ErrorCategory.ResourceExists, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);
        Assert.Contains("ControlScale (", AssertError(Run($"{arguments} -ControlImage scene.png -ControlPreprocessor Canny -ControlScale 0.5 -Resume"), "OutputDiffers", ErrorCategory.ResourceExists, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pictures_and_files_make_themselves_again()
    {
        IReadOnlyList<DiffusionImage> images = RunWell("""
            $first = New-DiffusionImage 'a' -Seed 1 -Steps 2 -ControlNet net, net -ControlImage scene.png -ControlPreprocessor Tile, Invert -ControlScale 0.5, 0.25 -ControlEnd 0.5, 1 -OutFile out.png
            $first
            $first | New-DiffusionImage
            Get-DiffusionMetadata out.png -WarningAction SilentlyContinue | New-DiffusionImage -ControlNet net, net -ControlImage scene.png
            """).Values<DiffusionImage>();

        Assert.Equal([0.5, 0.25], images[0].ControlScale!);
        Assert.Equal(images[0].Pixels, images[1].Pixels);
        Assert.Equal(images[0].Pixels, images[2].Pixels);
    }

    [Fact]
    public void Stages_and_rows_take_the_same_settings()
    {
        ShellResult result = RunWell("""
            $picture = New-DiffusionImage 'a' -Seed 1 -Steps 2 -ControlNet net -ControlImage scene.png -ControlStart 0.5
            $half = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -ControlNet net -ControlImage scene.png -ControlStart 0.5 -StopStep 1
            $picture
            $half | Invoke-Denoise (Get-TextEmbedding 'a') | ConvertFrom-Latent
            [pscustomobject]@{ Prompt = 'a'; Seed = '1'; Steps = '2'; ControlNet = 'net'; ControlImage = 'scene.png'; ControlScale = ''; ControlStart = '0.5' } | New-DiffusionImage
            """);
        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(3, images.Count);
        Assert.All(images, image => Assert.Equal(images[0].Pixels, image.Pixels));
    }

    [Theory]
    [InlineData("-ControlImage $picture")]
    [InlineData("-ControlImage @($picture)")]
    [InlineData("-ControlImage ([System.IO.FileInfo]::new(\"$folder/scene.png\"))")]
    [InlineData("-ControlImage 'scene.png; scene.png' -ControlNet net, net -ControlScale 1, 0")]
    [InlineData("-ControlImage $picture, 'scene.png' -ControlNet net, net -ControlScale 1, 0")]
    public void Control_pictures_come_by_path_and_as_objects(string image)
    {
        Set("picture", ImageFile.Read(Scene));
        string net = image.Contains("-ControlNet", StringComparison.Ordinal) ? string.Empty : "-ControlNet net";
        IReadOnlyList<DiffusionImage> images = RunWell($$"""
            New-DiffusionImage a -Seed 1 -Steps 2 -ControlNet net -ControlImage scene.png
            New-DiffusionImage a -Seed 1 -Steps 2 {{net}} {{image}}
            [pscustomobject]@{ Prompt = 'a'; Seed = 1; Steps = 2; ControlNet = 'net'; ControlImage = $picture } | New-DiffusionImage
            """).Values<DiffusionImage>();

        Assert.Equal(3, images.Count);
        Assert.All(images, made => Assert.Equal(images[0].Pixels, made.Pixels));
    }

    [Fact]
    public void A_picture_whose_ControlNet_saw_no_file_is_made_again_with_what_its_record_makes()
    {
        ShellResult result = Run("$made = New-DiffusionImage 'a' -Seed 1 -Steps 2 -ControlNet net -ControlImage (ConvertTo-ControlImage scene.png Canny); $made; $made | New-DiffusionImage");
        Assert.Empty(result.Warnings);
        IReadOnlyList<DiffusionImage> images = result.Values<DiffusionImage>();
        Assert.Equal(images[0].Pixels, images[1].Pixels);

        AssertError(Run("$made | Export-DiffusionImage made.png; Get-DiffusionMetadata made.png -WarningAction Ignore | New-DiffusionImage"), "RecordNotRepeatable", ErrorCategory.InvalidData, Cmdlet);
        ErrorRecord error = AssertError(Run("Get-DiffusionMetadata made.png -WarningAction Ignore | New-DiffusionImage -Steps 3"), "RecordNotRepeatable", ErrorCategory.InvalidData, Cmdlet);
        Assert.Contains("-ControlImage 'scene.png'", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_picture_whose_control_image_is_not_known_is_made_without_it_with_a_warning()
    {
        DiffusionImage made = Assert.Single(RunWell("New-DiffusionImage 'a' -Seed 1 -Steps 2 -ControlNet net -ControlImage (ConvertTo-ControlImage scene.png Canny)").Values<DiffusionImage>());
        Set("made", new DiffusionImage(made.Width, made.Height, made.Pixels, made.Info with { Stages = null }));
        ShellResult result = Run("$made | New-DiffusionImage");
        Assert.Contains("is not known", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Null(Assert.Single(result.Values<DiffusionImage>()).ControlNet);
    }

    [Theory]
    [InlineData("-ControlNet net", "ControlImageInvalid", "needs an image")]
    [InlineData("-ControlNet net, net -ControlImage scene.png -ControlScale 1, 2, 3", "ControlScaleInvalid", "3 values")]
    [InlineData("-ControlNet net -ControlImage scene.png -ControlPreprocessor Depth", "ControlPreprocessorInvalid", "Canny")]
    [InlineData("-ControlNet net -ControlImage scene.png -ControlStart 0.7 -ControlEnd 0.7", "ControlStartInvalid", "below")]
    [InlineData("-ControlNet net -ControlImage 5", "ControlImageInvalid", "Int32")]
    public void What_cannot_be_is_an_error_of_the_setting(string settings, string id, string message)
    {
        ErrorRecord error = AssertError(Run($"New-DiffusionImage 'a' -Steps 1 {settings}"), id, ErrorCategory.InvalidArgument, Cmdlet);
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_ControlNet_that_is_missing_is_an_error_as_a_LoRA_is()
    {
        ErrorRecord error = AssertError(Run("New-DiffusionImage 'a' -Steps 1 -ControlNet nope -ControlImage scene.png"), "ControlNetNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
        Assert.Contains("'nope'", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("diffusion_pytorch_model.safetensors")]
    public void A_ControlNet_that_lacks_a_file_is_an_error_of_its_record_alone(string file)
    {
        File.Delete(Folder[$"net/{file}"]);
        ShellResult result = Run("[pscustomobject]@{ Prompt = 'bad'; ControlNet = 'net'; ControlImage = 'scene.png' }, [pscustomobject]@{ Prompt = 'good' } | New-DiffusionImage -Steps 1");

        Assert.Contains(file, AssertError(result, "ControlNetNotFound", ErrorCategory.ObjectNotFound, Cmdlet).ToString(), StringComparison.Ordinal);
        Assert.Equal(["good"], result.Values<DiffusionImage>().Select(image => image.Prompt!));
        AssertError(Run("New-DiffusionImage a -ControlNet net -ControlImage scene.png -WhatIf"), "ControlNetNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
    }

    [Theory]
    [InlineData("ConvertTo-ControlImage scene.png Canny")]
    [InlineData("[pscustomobject]@{ Path = 'scene.png' } | ConvertTo-ControlImage -Preprocessor Canny")]
    [InlineData("ConvertTo-ControlImage -InputObject $picture -Preprocessor Canny -LowThreshold 100 -HighThreshold 200")]
    public void What_a_ControlNet_looks_at_can_be_seen(string script)
    {
        Set("picture", ImageFile.Read(Scene));
        DiffusionImage image = Assert.Single(RunWell(script).Values<DiffusionImage>());
        Assert.Equal(ImageFile.Read(Repository.Data("images", "canny", "scene-100-200.png")).Pixels, image.Pixels);
    }
}
