using System.Management.Automation;
using StableDiffusion.Building;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Adapters;
using StableDiffusion.Tests.Families;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Single files as models, without an import.</summary>
public sealed class CheckpointFileTests(CommandShell fixture) : StoreTests(fixture)
{
    private const string Settings = "-Seed 1 -Steps 2 -Width 64 -Height 64";

    [Fact]
    public void A_file_makes_the_picture_of_the_imported_model_and_is_built_once()
    {
        string path = Folder["files [1]", "tiny.safetensors"];
        Directory.CreateDirectory(Folder["files [1]"]);
        File.WriteAllBytes(path, TinyCheckpoint.Unique());
        string built = BuiltFolder(path);
        Assert.False(Directory.Exists(built));

        DiffusionImage image = Picture($"New-DiffusionImage 'a house' -Model './files [1]/tiny.safetensors' {Settings}");
        Assert.Equal(path, image.Model);
        DateTime written = Directory.GetLastWriteTimeUtc(built);

        RunWell("Clear-DiffusionCache; $null = $ExecutionContext.SessionState.Path.SetLocation([System.IO.Path]::GetTempPath())");
        Set("drive", new PSDriveInfo("files", ((ProviderInfo)RunWell("$ExecutionContext.SessionState.Provider.GetOne('FileSystem')").Output[0].BaseObject), Folder.Path, string.Empty, credential: null));
        RunWell("$null = $ExecutionContext.SessionState.Drive.New($drive, 'Global')");
        Assert.Equal(image.Pixels, Picture($"New-DiffusionImage 'a house' -Model 'files:/files [1]/tiny.safetensors' {Settings}").Pixels);
        RunWell("$ExecutionContext.SessionState.Drive.Remove('files', $true, 'Global')");
        Assert.Equal(written, Directory.GetLastWriteTimeUtc(built));

        RunWell("$ExecutionContext.SessionState.Path.SetLocation($folder); $null = Import-DiffusionModel -LiteralPath './files [1]/tiny.safetensors' -Name mine");
        DiffusionImage imported = Picture($"New-DiffusionImage 'a house' -Model mine {Settings}");
        Assert.Equal(imported.Pixels, image.Pixels);
        Assert.Equal((10, imported.Info.ModelHash), (image.Info.ModelHash!.Length, image.Info.ModelHash));
        Directory.Delete(built, recursive: true);
    }

    [Fact]
    public void A_checkpoint_is_told_from_other_files_before_it_is_opened_as_a_model()
    {
        File.WriteAllBytes(Folder["model.safetensors"], TinyCheckpoint.Unique());
        File.Copy(Folder["model.safetensors"], Folder["model.txt"]);
        File.WriteAllText(Folder["broken.ckpt"], "<html>");

        Assert.True(ModelStore.IsCheckpoint(Folder["model.safetensors"]));
        Assert.False(ModelStore.IsCheckpoint(Folder["model.txt"]));
        Assert.False(ModelStore.IsCheckpoint(Folder["broken.ckpt"]));
        Assert.False(ModelStore.IsCheckpoint(Folder["missing.safetensors"]));
        Assert.False(ModelStore.IsCheckpoint(Repository.Data("adapters", "my-style.safetensors")));
        Assert.False(ModelStore.IsCheckpoint(Path.Combine(Repository.DemoModel, "vae", "diffusion_pytorch_model.safetensors")));
    }

    [Fact]
    public void A_file_of_PyTorch_is_built_too()
    {
        File.WriteAllBytes(Folder["tiny.ckpt"], TinyCheckpoint.Pickle());
        File.WriteAllBytes(Folder["tiny.safetensors"], TinyCheckpoint.Bytes());
        Assert.Equal(Picture($"New-DiffusionImage 'a' -Model tiny.safetensors {Settings}").Pixels, Picture($"New-DiffusionImage 'a' -Model tiny.ckpt {Settings}").Pixels);
    }

    [Fact]
    public void The_stages_take_a_file_and_the_picture_makes_itself_again()
    {
        File.WriteAllBytes(Folder["tiny.safetensors"], TinyCheckpoint.Bytes());
        IReadOnlyList<DiffusionImage> images = RunWell($$"""
            New-DiffusionImage 'a' -Model tiny.safetensors {{Settings}} -OutFile first.png
            Get-TextEmbedding 'a' -Model tiny.safetensors | Invoke-Denoise {{Settings}} | ConvertFrom-Latent
            $latent = Invoke-Denoise -Model tiny.safetensors -Embedding (Get-TextEmbedding 'a' -Model tiny.safetensors) {{Settings}}
            ConvertFrom-Latent $latent -Model tiny.safetensors
            Get-DiffusionMetadata first.png -WarningAction SilentlyContinue | New-DiffusionImage -Model tiny.safetensors
            ConvertTo-Latent first.png -Model tiny.safetensors -Seed 1 | ConvertFrom-Latent
            """).Values<DiffusionImage>();

        Assert.Equal(5, images.Count);
        Assert.All(images.Take(4), image => Assert.Equal(images[0].Pixels, image.Pixels));
        Assert.Equal((Folder["tiny.safetensors"], 64), (images[4].Model, images[4].Width));
    }

    [Fact]
    public void A_file_is_described_and_tested_by_its_path()
    {
        File.WriteAllBytes(Folder["tiny.safetensors"], TinyCheckpoint.Bytes());
        ModelInfo model = Assert.Single(RunWell("Get-DiffusionModel ./tiny.safetensors").Values<ModelInfo>());
        Assert.Equal((Folder["tiny.safetensors"], Folder["tiny.safetensors"], false), (model.Name, model.Path, model.IsEmbedded));
        Assert.Equal(("StableDiffusion1", 512, 20, 7.5, 4), (model.Family, model.Width, model.Steps, model.GuidanceScale, model.LatentChannels));
        Assert.Equal(new FileInfo(model.Path).Length, model.Length);

        // What a file says of itself is what its import says.
        ModelInfo imported = Assert.Single(RunWell("Import-DiffusionModel tiny.safetensors").Values<ModelImport>()).Model;
        Assert.Equal(imported with { Name = model.Name, Path = model.Path, Length = model.Length, Hash = model.Hash }, model);

        ModelTestReport report = Assert.Single(RunWell("Test-DiffusionModel ./tiny.safetensors").Values<ModelTestReport>());
        Assert.True(report.IsValid && report.HasRun);
        AssertError(Run("Remove-DiffusionModel ./tiny.safetensors"), "ModelNotFound", ErrorCategory.ObjectNotFound, "RemoveDiffusionModel");
        Assert.True(File.Exists(model.Path));
    }

    [Theory]
    [InlineData("sd2", "sd2-v-tiny.safetensors", "StableDiffusion2", "v_prediction")]
    [InlineData("sdxl", "sdxl-tiny.safetensors", "StableDiffusionXL", "epsilon")]
    public void The_family_of_a_file_is_seen_without_a_build(string family, string file, string expected, string prediction)
    {
        string path = FamilyReference.Find(family, file);
        Set("file", path);
        ModelInfo model = Assert.Single(RunWell("Get-DiffusionModel $file").Values<ModelInfo>());
        Assert.Equal((expected, prediction), (model.Family, model.PredictionType));
        Assert.False(Directory.Exists(BuiltFolder(path)));
    }

    [Theory]
    [InlineData("page.safetensors", "ModelInvalid", ErrorCategory.InvalidData, "web page")]
    [InlineData("./lora.safetensors", "ModelInvalid", ErrorCategory.InvalidData, "a LoRA")]
    [InlineData("notes", "ModelInvalid", ErrorCategory.InvalidData, "unknown type")]
    public void A_file_that_is_no_model_is_an_error_with_its_path_and_the_next_has_its_turn(string path, string id, ErrorCategory category, string text)
    {
        File.WriteAllText(Folder["page.safetensors"], "<!DOCTYPE html><html>Not found</html>");
        File.WriteAllText(Folder["notes"], "not a model");
        LoraTensors lora = new();
        lora.Add("lora_unet_mid_block.lora_down.weight", 4, 8);
        lora.Save(Folder, "lora.safetensors");
        Set("path", path);

        ShellResult result = Run("[pscustomobject]@{ Prompt = 'a'; Model = $path }, [pscustomobject]@{ Prompt = 'b'; Model = 'demo' } | New-DiffusionImage -Steps 1");

        Assert.Equal("b", Assert.Single(result.Values<DiffusionImage>()).Prompt);
        string message = AssertError(result, id, category, "NewDiffusionImage").ToString();
        Assert.Contains($"'{Folder[Path.GetFileName(path)]}' is", message, StringComparison.Ordinal);
        Assert.Contains(text, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named_as_it_was_given() =>
        Assert.Contains("'./nope.safetensors'", AssertError(Run("New-DiffusionImage a -Model ./nope.safetensors"), "ModelNotFound", ErrorCategory.ObjectNotFound, "NewDiffusionImage").ToString(), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_lacks_weights_is_an_error_and_leaves_no_build()
    {
        File.WriteAllBytes(Folder["cut.safetensors"], TinyCheckpoint.Only(static name => !name.EndsWith("time_embed.0.weight", StringComparison.Ordinal)));
        string message = AssertError(Run($"New-DiffusionImage a -Model cut.safetensors {Settings}"), "ModelInvalid", ErrorCategory.InvalidData, "NewDiffusionImage").ToString();
        Assert.Contains(Folder["cut.safetensors"], message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(BuiltFolder(Folder["cut.safetensors"])));
    }

    // The other method for a key refuses a file that lacks weights.
    private static string BuiltFolder(string path)
    {
        CheckpointSource source = new(path, new ImportOptions());
        FileHashes hashes = FileHashes.Forgetful(path);
        return Path.Combine(
            StorageFolders.FromEnvironment().Cache,
            ModelBuilder.GetKey(source.Options, source.Inputs.Select(input => (input.Name, hashes.Get(input.Path, static _ => { }, TestContext.Current.CancellationToken)))));
    }
}
