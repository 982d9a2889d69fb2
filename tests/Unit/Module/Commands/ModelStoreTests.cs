using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Quantization;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Import-, Test- and Remove-DiffusionModel over a store of their own.</summary>
public sealed class ModelStoreTests : StoreTests
{
    public ModelStoreTests(CommandShell fixture)
        : base(fixture) => Set("demo", Repository.DemoModel);

    /// <summary>The demo model with fewer steps to a picture, in a folder of its own.</summary>
    private string QuickDemo
    {
        get
        {
            string folder = Repository.CopyDemoModel(Folder["quick"]);
            File.WriteAllText(Path.Combine(folder, "generation_config.json"), """{ "num_inference_steps": 4, "guidance_scale": 5.0 }""");
            return folder;
        }
    }

    [Fact]
    public void A_diffusers_folder_is_imported_listed_tested_used_and_removed()
    {
        ModelImport import = Assert.Single(RunWell("Import-DiffusionModel $demo -Name mine").Values<ModelImport>());
        Assert.Equal(("mine", "StableDiffusion1", "epsilon", false), (import.Name, import.Family, import.PredictionType, import.WasThere));
        Assert.Equal(Repository.DemoModel, import.Source);
        Assert.True(import.Length > 0 && import.SourceLength > 0);

        ModelInfo listed = Assert.Single(RunWell("Get-DiffusionModel mine").Values<ModelInfo>());
        Assert.Equal((64, 25), (listed.Width, listed.Steps));
        Assert.Equal(10, listed.Hash?.Length);

        ModelTestReport report = Assert.Single(RunWell("Test-DiffusionModel mine").Values<ModelTestReport>());
        Assert.Empty(report.Problems);
        Assert.True(report.IsValid && report.HasRun && report.CheckedFiles > 8);

        byte[] own = Pixels("New-DiffusionImage 'a red house' -Model mine -Seed 1 -Steps 2");
        Assert.Equal(Pixels("New-DiffusionImage 'a red house' -Seed 1 -Steps 2"), own);

        RunWell("Remove-DiffusionModel mine");
        Assert.DoesNotContain(Directory.EnumerateFiles(Folder["store"], "*", SearchOption.AllDirectories), file => !file.Contains(".hashes", StringComparison.Ordinal) && !file.EndsWith(".lock", StringComparison.Ordinal));
        AssertError(Run("Get-DiffusionModel mine"), "ModelNotFound", ErrorCategory.ObjectNotFound, "GetDiffusionModel");
    }

    [Fact]
    public void The_same_content_is_kept_once_and_goes_with_its_last_name()
    {
        RunWell("Import-DiffusionModel $demo -Name first");
        ModelImport second = Assert.Single(RunWell("Import-DiffusionModel $demo -Name second").Values<ModelImport>());
        Assert.True(second.WasThere);
        Assert.Single(Directory.GetDirectories(Folder["store", ".content"]));

        RunWell("Remove-DiffusionModel first");
        Assert.True(Assert.Single(RunWell("Test-DiffusionModel second").Values<ModelTestReport>()).IsValid);
        RunWell("'second' | Remove-DiffusionModel");
        Assert.Empty(Directory.GetDirectories(Folder["store", ".content"]));
    }

    [Fact]
    public void A_model_in_integers_is_compared_with_full_precision_once()
    {
        Set("quick", QuickDemo);
        PSObject output = Assert.Single(RunWell("Import-DiffusionModel $quick -Name small -Precision Int8").Output);
        ModelImport import = Assert.IsType<ModelImport>(output.BaseObject);
        PrecisionComparison comparison = Assert.IsType<PrecisionComparison>(import.Comparison);

        Assert.Equal(Enumerable.Range(0, PrecisionComparer.Seeds), comparison.Distances.Select(distance => (int)distance.Seed));
        Assert.InRange(comparison.Psnr, comparison.LowestPsnr, 60);
        Assert.InRange(comparison.Ssim, comparison.LowestSsim, 0.99999);
        Assert.True(comparison.LowestPsnr > 20 && comparison.LowestSsim > 0.8 && comparison.Speedup > 0);
        Assert.Equal("StableDiffusion.Library.ModelImport#Compared", output.TypeNames[0]);
        Assert.DoesNotContain(Directory.GetDirectories(StorageFolders.FromEnvironment().Cache, ".building-*"), folder => File.Exists(Path.Combine(folder, "model_index.json")));

        Assert.Null(Assert.Single(RunWell("Import-DiffusionModel $quick -Name again -Precision Int8").Values<ModelImport>()).Comparison);
    }

    [Fact]
    public void The_comparison_with_full_precision_can_be_left_out()
    {
        Set("quick", QuickDemo);
        Assert.Null(Assert.Single(RunWell("Import-DiffusionModel $quick -Name small -Precision Int8 -SkipComparison").Values<ModelImport>()).Comparison);
    }

    [Fact]
    public void A_name_that_is_taken_is_refused_without_force()
    {
        RunWell("Import-DiffusionModel $demo -Name mine");
        Set("other", Repository.Data("exports", "current"));

        AssertError(Run("Import-DiffusionModel $other -Name mine"), "FileExists", ErrorCategory.ResourceExists, "ImportDiffusionModel");
        Assert.Equal(25, Assert.Single(RunWell("Get-DiffusionModel mine").Values<ModelInfo>()).Steps);

        RunWell("Import-DiffusionModel $other -Name mine -Force");
        Assert.Single(Directory.GetDirectories(Folder["store", ".content"]));
        Assert.True(Assert.Single(RunWell("Test-DiffusionModel mine").Values<ModelTestReport>()).IsValid);
    }

    [Fact]
    public void What_if_imports_and_removes_nothing()
    {
        RunWell("Import-DiffusionModel $demo -Name mine -WhatIf");
        Assert.False(Directory.Exists(Folder["store"]));

        RunWell("Import-DiffusionModel $demo -Name mine; Remove-DiffusionModel m* -WhatIf");
        Assert.Single(RunWell("Get-DiffusionModel mine").Values<ModelInfo>());
    }

    [Fact]
    public void A_file_that_was_changed_is_found_when_the_model_is_tested_and_when_it_is_used()
    {
        ModelImport import = Assert.Single(RunWell("Import-DiffusionModel $demo -Name mine").Values<ModelImport>());
        string graph = Path.Combine(import.Model.Path, "unet", "model.onnx_data");
        File.SetAttributes(graph, FileAttributes.Normal);
        using (FileStream file = new(graph, FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = file.Length / 2;
            int value = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(value ^ 1));
        }

        ModelTestReport report = Assert.Single(RunWell("Test-DiffusionModel mine").Values<ModelTestReport>());
        Assert.Contains(graph, Assert.Single(report.Problems), StringComparison.Ordinal);
        Assert.False(report.IsValid || report.HasRun);
        Assert.Contains(graph, AssertError(Run("New-DiffusionImage x -Model mine -Steps 1"), "ModelInvalid", ErrorCategory.InvalidData, "NewDiffusionImage").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_names_that_differ_in_case_only_the_given_one_is_removed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other file systems do not distinguish case.");
        RunWell("Import-DiffusionModel $demo -Name good -SkipTest; Import-DiffusionModel $demo -Name GOOD -SkipTest");

        RunWell("Remove-DiffusionModel good");
        ModelInfo left = Assert.Single(RunWell("Get-DiffusionModel good").Values<ModelInfo>());
        Assert.Equal(("GOOD", null), (left.Name, left.Problem));
        Assert.Single(Directory.GetDirectories(Folder["store", ".content"]));

        RunWell("Remove-DiffusionModel GOOD");
        Assert.Empty(Directory.GetDirectories(Folder["store", ".content"]));
    }

    [Fact]
    public void A_bad_file_is_an_error_and_the_next_has_its_turn()
    {
        File.WriteAllText(Folder["bad.safetensors"], "<!DOCTYPE html><html>Not found</html>");
        Set("paths", new[] { Folder["bad.safetensors"], Repository.DemoModel });

        ShellResult result = Run("$paths | Import-DiffusionModel");

        Assert.Equal(["demo-model"], result.Values<ModelImport>().Select(import => import.Name));
        ErrorRecord error = AssertError(result, "ModelInvalid", ErrorCategory.InvalidData, "ImportDiffusionModel");
        Assert.Contains("web page", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(Folder["bad.safetensors"], Unwrap(error.TargetObject));
    }

    [Theory]
    [InlineData("../out")]
    [InlineData("demo")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("con")]
    public void A_name_that_cannot_be_one_is_refused(string name)
    {
        Set("name", name);
        AssertError(Run("Import-DiffusionModel $demo -Name $name"), "NameInvalid", ErrorCategory.InvalidArgument, "ImportDiffusionModel");
        Assert.False(Directory.Exists(Folder["store"]));
    }

    [Fact]
    public void The_model_of_the_module_cannot_be_removed() =>
        AssertError(Run("Remove-DiffusionModel demo"), "NameInvalid", ErrorCategory.InvalidArgument, "RemoveDiffusionModel");

    [Fact]
    public void A_damaged_model_is_listed_is_not_offered_cannot_be_used_and_can_be_removed()
    {
        Repository.CopyDemoModel(Folder["store", "good"]);
        Repository.CopyDemoModel(Folder["store", "damaged"]);
        File.WriteAllText(Folder["store", "damaged", "unet", "config.json"], """{"sample_size": "\ud800"}""");

        Assert.Equal(["demo", "damaged", "good"], RunWell("Get-DiffusionModel").Values<ModelInfo>().Select(model => model.Name));
        Assert.Contains("config.json", Assert.Single(RunWell("Get-DiffusionModel damaged").Values<ModelInfo>()).Problem, StringComparison.Ordinal);
        Assert.False(Assert.Single(RunWell("Test-DiffusionModel damaged").Values<ModelTestReport>()).IsValid);
        Assert.Empty(RunWell("(TabExpansion2 'Get-DiffusionModel da' 21).CompletionMatches").Output);
        Assert.Equal(["damaged"], RunWell("(TabExpansion2 'Remove-DiffusionModel da' 24).CompletionMatches.CompletionText").Values<string>());
        AssertError(Run("New-DiffusionImage a -Model damaged"), "ModelInvalid", ErrorCategory.InvalidData, "NewDiffusionImage");

        RunWell("Get-DiffusionModel | Where-Object Problem | Remove-DiffusionModel");
        Assert.Equal(["demo", "good"], RunWell("Get-DiffusionModel").Values<ModelInfo>().Select(model => model.Name));
    }

    [Fact]
    public void A_model_that_does_not_work_is_imported_only_without_the_test()
    {
        string folder = Repository.CopyDemoModel(Folder["bad"]);
        SafetensorsWriter.Change(Path.Combine(folder, "vae", "diffusion_pytorch_model.safetensors"), static tensors =>
        {
            foreach (StableDiffusion.Tensors.Tensor tensor in tensors.Values)
                tensor.Values.AsSpan().Fill(1e30f);
        });
        Set("bad", folder);

        string message = AssertError(Run("Import-DiffusionModel $bad"), "ModelInvalid", ErrorCategory.InvalidData, "ImportDiffusionModel").ErrorDetails.Message;
        Assert.Contains("-SkipTest", message, StringComparison.Ordinal);
        Assert.Contains(folder, message, StringComparison.Ordinal);
        Assert.Single(RunWell("Import-DiffusionModel $bad -SkipTest").Values<ModelImport>());
    }

    [Fact]
    public void What_is_seen_without_a_run_is_refused_without_the_test_too()
    {
        string folder = Repository.CopyDemoModel(Folder["bad"]);
        File.WriteAllText(Path.Combine(folder, "tokenizer", "merges.txt"), "no merges");
        Set("bad", folder);
        foreach (string test in (string[])["", "-SkipTest"])
        {
            string message = AssertError(Run($"Import-DiffusionModel $bad {test}"), "ModelInvalid", ErrorCategory.InvalidData, "ImportDiffusionModel").ToString();
            Assert.Contains(Path.Combine(folder, "tokenizer"), message, StringComparison.Ordinal);
            Assert.DoesNotContain("-SkipTest", message, StringComparison.Ordinal);
        }

        Assert.Equal(["demo"], RunWell("Get-DiffusionModel").Values<ModelInfo>().Select(static model => model.Name));
    }

    private byte[] Pixels(string script) => Assert.Single(RunWell(script).Values<DiffusionImage>()).Pixels.ToArray();
}
