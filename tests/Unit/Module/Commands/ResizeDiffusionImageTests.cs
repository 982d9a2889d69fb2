using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>What images say of the upscaler that enlarged them, and how they are made again.</summary>
public sealed class ResizeDiffusionImageTests : CommandTests
{
    private const string Cmdlet = "ResizeDiffusionImage";

    private readonly string _store = StorageFolders.FromEnvironment().Upscalers;

    public ResizeDiffusionImageTests(CommandShell fixture)
        : base(fixture)
    {
        File.Copy(Scene, Folder["scene.png"]);
        Directory.CreateDirectory(_store);
        File.Copy(Repository.Data("upscalers", "compact-2x.safetensors"), Path.Combine(_store, "compact.safetensors"));
        File.Copy(Repository.Data("upscalers", "realesrgan-2x.safetensors"), Folder["local.safetensors"]);
    }

    public override void Dispose()
    {
        Directory.Delete(_store, recursive: true);
        base.Dispose();
    }

    [Fact]
    public void An_image_keeps_its_settings_and_says_how_it_was_enlarged()
    {
        IReadOnlyList<DiffusionImage> images = RunWell("""
            $image = New-DiffusionImage 'a' -Seed 1 -Steps 2 -OutFile small.png
            $image | Resize-DiffusionImage -Scale 2 -Upscaler compact
            $image | Resize-DiffusionImage -Width 100 -Height 70 -Upscaler local.safetensors
            Resize-DiffusionImage small.png -Height 32
            """).Values<DiffusionImage>();

        Assert.Equal([(128, 128), (100, 70), (32, 32)], images.Select(static image => (image.Width, image.Height)));
        Assert.All(images, static image => Assert.Equal(("a", 1L, 2), (image.Prompt, image.Seed!.Value, image.Steps!.Value)));
        Assert.Contains("Postprocess upscale by: 2, Postprocess upscaler: compact", Infotext.Format(images[0].Info), StringComparison.Ordinal);
        Assert.Contains("Postprocess upscale to: 100x70, Postprocess upscaler: local", Infotext.Format(images[1].Info), StringComparison.Ordinal);
        Assert.Contains("Postprocess upscaler: Lanczos", Infotext.Format(images[2].Info), StringComparison.Ordinal);
        Assert.Contains("Size: 64x64", Infotext.Format(images[0].Info), StringComparison.Ordinal);
        Assert.Equal("local.safetensors", RecordedNames.Only(images[1].Info).Stages![^1].Text("Upscaler"));
        Assert.All(images.Take(2), static image => Assert.Equal(Reproducibility.Exact, image.Reproducibility));
    }

    [Theory]
    [InlineData("New-DiffusionImage 'a' -Seed 1 -Steps 2 | Resize-DiffusionImage -Scale 1.5 -Upscaler compact -TileSize 40 -TileOverlap 3")]
    [InlineData("New-DiffusionImage 'a' -Seed 1 -Steps 2 | Resize-DiffusionImage -Width 90 -Height 50 -ResizeMode Stretch -Upscaler Nearest")]
    [InlineData("New-DiffusionImage 'a' -Seed 1 -Steps 2 | Resize-DiffusionImage -Scale 2 -Upscaler compact | Resize-DiffusionImage -Width 64 | New-DiffusionImage 'b' -Seed 2 -Steps 2 -Strength 0.9")]
    [InlineData("Resize-DiffusionImage scene.png -Scale 2 -Upscaler compact")]
    public void An_image_is_made_again_from_its_file_its_object_and_its_script(string command)
    {
        RunWell($"$null = {command.Replace("| New-DiffusionImage 'b'", "| ForEach-Object { New-DiffusionImage 'b' -InitImage $_", StringComparison.Ordinal)}{(command.Contains("'b'", StringComparison.Ordinal) ? " }" : string.Empty)} | Export-DiffusionImage out.png -PassThru -OutVariable made");
        DiffusionImage expected = ImageFile.Read(Folder["out.png"]);
        string start = command.Contains("scene.png", StringComparison.Ordinal) ? "-InitImage scene.png" : string.Empty;
        IReadOnlyList<DiffusionImage> images = RunWell($$"""
            Get-DiffusionMetadata out.png | New-DiffusionImage {{start}}
            $script = ConvertTo-DiffusionScript out.png
            & ([scriptblock]::Create($script))
            """).Values<DiffusionImage>();

        Assert.Equal(2, images.Count);
        Assert.All(images, image => Assert.Equal(expected.Pixels, image.Pixels));
    }

    [Fact]
    public void A_folder_is_made_again_with_the_upscaler_that_its_manifest_names()
    {
        RunWell("""
            $null = New-DiffusionImage 'a' -Seed 1 -Steps 2 | Resize-DiffusionImage -Scale 2 -Upscaler compact | Export-DiffusionImage -OutDirectory images
            Export-DiffusionManifest images
            """);
        string file = Directory.EnumerateFiles(Folder["images"], "*.png").Single();
        DiffusionImage expected = ImageFile.Read(file);
        Assert.Contains("\"Upscaler\"", File.ReadAllText(Folder["images", "manifest.json"]), StringComparison.Ordinal);
        File.Delete(file);
        RunWell("Restore-DiffusionManifest images");
        Assert.Equal(expected.Pixels, ImageFile.Read(file).Pixels);
    }

    [Fact]
    public void One_that_has_changed_since_is_named_in_a_warning_and_one_that_is_missing_in_an_error()
    {
        RunWell("$null = New-DiffusionImage 'a' -Seed 1 -Steps 2 | Resize-DiffusionImage -Scale 2 -Upscaler compact | Export-DiffusionImage out.png");
        SafetensorsWriter.Change(Path.Combine(_store, "compact.safetensors"), static tensors => tensors["body.10.bias"].Values[0] += 0.25f);
        ShellResult result = Run("Get-DiffusionMetadata out.png | New-DiffusionImage");
        Assert.Contains("The upscaler 'compact' of the stage Upscale had the hash", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.NotEqual(ImageFile.Read(Folder["out.png"]).Pixels, Assert.Single(result.Values<DiffusionImage>()).Pixels);

        File.Delete(Path.Combine(_store, "compact.safetensors"));
        AssertError(Run("Get-DiffusionMetadata out.png | New-DiffusionImage"), "UpscalerNotFound", ErrorCategory.ObjectNotFound, "NewDiffusionImage");
        Assert.Contains("# Not on this computer: the upscaler 'compact'", $"{RunWell("ConvertTo-DiffusionScript out.png").Output[0]}", StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_someone_else_opens_no_file()
    {
        RunWell("$null = New-DiffusionImage 'a' -Seed 1 -Steps 2 | Resize-DiffusionImage -Scale 2 -Upscaler local.safetensors | Export-DiffusionImage foreign.png");
        Assert.Contains("Only names of what is in that folder", AssertError(Run("Get-DiffusionMetadata foreign.png | New-DiffusionImage"), "UpscalerNotFound", ErrorCategory.ObjectNotFound, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_shown_tile_by_tile_and_ends()
    {
        List<ProgressRecord> records = [];
        ProgressWritten += records.Add;
        RunWell("$ProgressPreference = 'Continue'; $null = Resize-DiffusionImage scene.png -Scale 2 -Upscaler compact -TileSize 32");
        ProgressWritten -= records.Add;
        Assert.Contains(records, static record => record is { Activity: "Upscaling", RecordType: ProgressRecordType.Processing });
        Assert.Equal(ProgressRecordType.Completed, records[^1].RecordType);
    }

    [Fact]
    public void A_graph_is_no_model_and_the_error_says_where_it_belongs()
    {
        File.WriteAllBytes(Folder["graph.onnx"], [8, 7, 0x12, 4, .. "test"u8]);
        Assert.Contains("folder of upscalers", AssertError(Run("Import-DiffusionModel graph.onnx"), "ModelInvalid", ErrorCategory.InvalidData, "ImportDiffusionModel").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_cannot_be_read_is_an_error_of_its_own()
    {
        File.WriteAllText(Folder["broken.png"], "no image");
        ShellResult result = Run("'broken.png', 'scene.png' | Resize-DiffusionImage -Scale 2 -Upscaler compact");
        AssertError(result, "ImageInvalid", ErrorCategory.InvalidData, Cmdlet);
        Assert.Equal(128, Assert.Single(result.Values<DiffusionImage>()).Width);
    }
}
