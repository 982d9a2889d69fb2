using System.Management.Automation;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Metadata;
using StableDiffusion.Tests.Pipelines;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Images of another autoencoder than the model's own.</summary>
public sealed class VaeTests : CommandTests
{
    private const string Cmdlet = "NewDiffusionImage";

    private readonly string _store = StorageFolders.FromEnvironment().Vaes;

    public VaeTests(CommandShell fixture)
        : base(fixture)
    {
        File.Copy(Scene, Folder["scene.png"]);
        TinyVaeFiles.WriteOriginal(_store);
        TinyVaeFiles.CopyFolder(Path.Combine(_store, "folder"));
        File.Copy(TinyVaeFiles.Weights, Folder["local.safetensors"]);
    }

    public override void Dispose()
    {
        Directory.Delete(_store, recursive: true);
        base.Dispose();
    }

    [Fact]
    public void A_name_or_a_path_decodes_with_another_autoencoder_and_says_so()
    {
        IReadOnlyList<DiffusionImage> images = RunWell("""
            $common = @{ Seed = 1; Steps = 2 }
            New-DiffusionImage 'a' @common
            New-DiffusionImage 'a' @common -Vae taesd -OutFile out.png
            New-DiffusionImage 'a' @common -Vae folder
            New-DiffusionImage 'a' @common -Vae local.safetensors
            [pscustomobject]@{ Prompt = 'a'; Vae = 'taesd_decoder' } | New-DiffusionImage @common
            Get-TextEmbedding 'a' | Invoke-Denoise @common | ConvertFrom-Latent -Vae taesd
            """).Values<DiffusionImage>();

        Assert.NotEqual(images[0].Pixels, images[1].Pixels);
        Assert.All(images.Skip(1), image => Assert.Equal(images[1].Pixels, image.Pixels));
        Assert.Equal([null, "taesd", "folder", Folder["local.safetensors"], "taesd", "taesd"], images.Select(static image => image.Vae));
        Assert.Matches("VAE hash: [0-9a-f]{10}, VAE: taesd,", Infotext.Format(images[1].Info));
        ImageMetadata read = MetadataReader.Read(Folder["out.png"]);
        Assert.Equal(("taesd", images[1].Info.VaeHash), (read.Vae, read.Info.VaeHash));
        Assert.Equal("folder", RecordedNames.Only(images[2].Info).Vae);
        Assert.Equal("local.safetensors", RecordedNames.Only(images[3].Info).Vae);
    }

    [Fact]
    public void Work_is_resumed_if_the_autoencoder_is_the_same()
    {
        const string arguments = "New-DiffusionImage 'a' -Seed 1 -Steps 2 -OutFile out.png";
        RunWell($"$null = {arguments} -Vae taesd");
        Assert.True((bool)RunWell($"({arguments} -Vae taesd -Resume).IsUnchanged").Output.Single().BaseObject);
        Assert.Contains("Vae ('taesd', not set)", AssertError(Run($"{arguments} -Resume"), "OutputDiffers", ErrorCategory.ResourceExists, "NewDiffusionImage").Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_completion_and_the_list_have_the_names_of_pairs_files_and_folders()
    {
        IEnumerable<string> offered = RunWell("$text = 'New-DiffusionImage a -Vae '; (TabExpansion2 $text $text.Length).CompletionMatches.CompletionText").Output.Select(static item => $"{item}");
        Assert.Equal(["folder", "taesd"], offered.Take(2));
    }

    [Theory]
    [InlineData("New-DiffusionImage 'a' @common -Vae taesd -OutFile out.png")]
    [InlineData("New-DiffusionImage 'a' @common -Vae taesd -InitImage scene.png -OutFile out.png")]
    [InlineData("Get-TextEmbedding 'a' | Invoke-Denoise @common | ConvertFrom-Latent -Vae taesd | Export-DiffusionImage out.png -PassThru")]
    [InlineData("ConvertTo-Latent scene.png -Vae taesd -Seed 1 | Invoke-Denoise (Get-TextEmbedding 'a') @common | ConvertFrom-Latent | Export-DiffusionImage out.png -PassThru")]
    [InlineData("ConvertTo-Latent scene.png -Seed 1 | Invoke-Denoise (Get-TextEmbedding 'a') @common | ConvertFrom-Latent -Vae folder | Export-DiffusionImage out.png -PassThru")]
    public void An_image_is_made_again_from_its_file_its_object_and_its_script(string command)
    {
        RunWell($"$common = @{{ Seed = 1; Steps = 2 }}; $null = {command}");
        DiffusionImage expected = ImageFile.Read(Folder["out.png"]);
        string start = command.Contains("scene.png", StringComparison.Ordinal) ? "-InitImage scene.png" : string.Empty;
        IReadOnlyList<DiffusionImage> images = RunWell($$"""
            Get-DiffusionMetadata out.png | New-DiffusionImage {{start}}
            $global:script = ConvertTo-DiffusionScript out.png
            & ([scriptblock]::Create($script))
            """).Values<DiffusionImage>();

        Assert.Equal(2, images.Count);
        Assert.All(images, image => Assert.Equal(expected.Pixels, image.Pixels));
        Assert.Contains("-NamesOnly", $"{RunWell("$script").Output[0]}", StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_is_made_again_with_the_autoencoder_that_its_manifest_names()
    {
        RunWell("New-DiffusionImage 'a' -Seed 1 -Steps 2 -Vae taesd -OutFile images/a.png");
        DiffusionImage expected = ImageFile.Read(Folder["images", "a.png"]);
        RunWell("Export-DiffusionManifest images");
        File.Delete(Folder["images", "a.png"]);
        RunWell("Restore-DiffusionManifest images");
        Assert.Equal(expected.Pixels, ImageFile.Read(Folder["images", "a.png"]).Pixels);
        Assert.Contains("\"Vae\"", File.ReadAllText(Directory.EnumerateFiles(Folder["images"], "*.json").Single()), StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_has_changed_since_is_named_in_a_warning()
    {
        RunWell("New-DiffusionImage 'a' -Seed 1 -Steps 2 -InitImage scene.png -Vae taesd -OutFile out.png");
        SafetensorsWriter.Change(Path.Combine(_store, "taesd_decoder.safetensors"), static tensors => tensors["19.bias"].Values[0] += 0.25f);
        RunWell("Clear-DiffusionCache");
        ShellResult result = Run("Get-DiffusionMetadata out.png -WarningAction Ignore | New-DiffusionImage -InitImage scene.png -Vae taesd");
        Assert.Empty(result.Errors);
        Assert.NotEqual(ImageFile.Read(Folder["out.png"]).Pixels, Assert.Single(result.Values<DiffusionImage>()).Pixels);

        // Stages that are repeated as they were are compared with the record.
        RunWell("ConvertTo-Latent scene.png -Seed 1 | Invoke-Denoise (Get-TextEmbedding 'a') -Steps 2 | ConvertFrom-Latent -Vae taesd | Export-DiffusionImage other.png");
        TinyVaeFiles.WriteOriginal(_store);
        RunWell("Clear-DiffusionCache");
        result = Run("Get-DiffusionMetadata other.png -WarningAction Ignore | New-DiffusionImage -InitImage scene.png");
        Assert.Contains("The VAE 'taesd' of the stage Decode had the hash", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_latent_encoded_by_a_tiny_autoencoder_carries_its_name_and_its_seed()
    {
        IReadOnlyList<Latent> latents = RunWell("""
            ConvertTo-Latent scene.png -Vae taesd
            ConvertTo-Latent scene.png -Vae taesd -Seed 5
            ConvertTo-Latent scene.png -Vae taesd -Seed 5 | Invoke-Denoise (Get-TextEmbedding 'a') -Steps 2
            """).Values<Latent>();
        Assert.Equal(latents[0].Tensor.Values, latents[1].Tensor.Values);
        Assert.Equal((5L, "taesd"), (latents[1].Seed!.Value, latents[1].Vae));
        Assert.Equal((5L, "taesd"), (latents[2].Seed!.Value, latents[2].Vae));
    }

    [Fact]
    public void One_that_is_missing_is_an_error_of_its_record_alone()
    {
        ShellResult result = Run("[pscustomobject]@{ Prompt = 'bad'; Vae = 'nope' }, [pscustomobject]@{ Prompt = 'good' } | New-DiffusionImage -Steps 1");
        string message = AssertError(result, "VaeNotFound", ErrorCategory.ObjectNotFound, Cmdlet).ToString();
        Assert.Contains("'nope'", message, StringComparison.Ordinal);
        Assert.Contains("folder, taesd", message, StringComparison.Ordinal);
        Assert.Equal(["good"], result.Values<DiffusionImage>().Select(static image => image.Prompt!));
        AssertError(Run("New-DiffusionImage a -Vae nope -WhatIf"), "VaeNotFound", ErrorCategory.ObjectNotFound, Cmdlet);
        AssertError(Run("Get-TextEmbedding a | Invoke-Denoise -Vae nope"), "VaeNotFound", ErrorCategory.ObjectNotFound, "InvokeDenoise");
        AssertError(Run("ConvertTo-Latent scene.png -Vae nope"), "VaeNotFound", ErrorCategory.ObjectNotFound, "ConvertToLatent");
    }

    [Theory]
    [InlineData("[pscustomobject]@{ Prompt = 'a'; Vae = 'local.safetensors' } | New-DiffusionImage -NamesOnly", Cmdlet)]
    [InlineData("[pscustomobject]@{ Prompt = 'a'; Vae = \"$folder/local.safetensors\" } | New-DiffusionImage -NamesOnly", Cmdlet)]
    [InlineData("New-DiffusionImage a -Vae ./local.safetensors -NamesOnly", Cmdlet)]
    [InlineData("ConvertTo-Latent scene.png -Vae local.safetensors -NamesOnly", "ConvertToLatent")]
    [InlineData("Get-DiffusionMetadata foreign.png | New-DiffusionImage", Cmdlet)]
    [InlineData("Get-DiffusionMetadata foreign.png | New-DiffusionImage -Vae local.safetensors -NamesOnly", Cmdlet)]
    public void A_name_of_someone_else_opens_no_file(string command, string cmdlet)
    {
        DiffusionImage image = Assert.Single(RunWell("New-DiffusionImage 'a' -Seed 1 -Steps 1 -Vae local.safetensors -OutFile foreign.png").Values<DiffusionImage>());
        Assert.NotNull(image.Vae);
        Assert.Contains("Only names of what is in that folder", AssertError(Run(command), "VaeNotFound", ErrorCategory.ObjectNotFound, cmdlet).Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void That_of_another_tool_is_named_and_not_chosen()
    {
        File.WriteAllBytes(Folder["image.png"], MetadataFiles.Png(MetadataFiles.TextChunk("parameters", "a\nSteps: 1, Sampler: Euler, Seed: 1, VAE hash: 0123456789, VAE: taesd, Version: v1.10.1")));
        ShellResult result = Run("Get-DiffusionMetadata image.png");
        Assert.Null(Assert.Single(result.Values<ImageMetadata>()).Vae);
        Assert.Contains("VAE 'taesd'", Assert.Single(result.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tiny_autoencoder_is_no_model_and_no_part_of_one()
    {
        ErrorRecord error = AssertError(Run("Import-DiffusionModel local.safetensors -Name tiny"), "ModelInvalid", ErrorCategory.InvalidData, "ImportDiffusionModel");
        Assert.Contains("a tiny autoencoder (TAESD)", error.ToString(), StringComparison.Ordinal);
        Set("model", FamilyReference.Find("sd1", "sd1-tiny.safetensors"));
        Set("tiny", TinyVaeFiles.Folder);
        foreach (string vae in (string[])["local.safetensors", "$tiny"])
        {
            error = AssertError(Run($"Import-DiffusionModel $model -Name tiny -Vae {vae}"), "ModelInvalid", ErrorCategory.InvalidData, "ImportDiffusionModel");
            Assert.Contains("setting Vae", error.ToString(), StringComparison.Ordinal);
        }
    }
}
