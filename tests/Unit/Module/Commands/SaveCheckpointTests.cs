using System.Management.Automation;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Families;
using StableDiffusion.Tests.Hub;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Save-DiffusionModel of repositories that hold a single file.</summary>
public sealed class SaveCheckpointTests : StoreTests
{
    private const string Settings = "-Seed 1 -Steps 1 -Width 64 -Height 64";

    private readonly FakeHub _hub = new();
    private readonly SharedShell _shell;

    public SaveCheckpointTests(CommandShell fixture, SharedShell shell)
        : base(fixture)
    {
        _shell = shell;
        Set("endpoint", _hub.Endpoint.AbsoluteUri);
        RunWell("$env:HF_ENDPOINT = $endpoint; $env:HF_HOME = $folder");
    }

    // Other tests leave some.
    private static string[] Downloads => Directory.Exists(StorageFolders.FromEnvironment().Downloads) ? [.. Directory.GetDirectories(StorageFolders.FromEnvironment().Downloads).Order(StringComparer.Ordinal)] : [];

    public override void Dispose()
    {
        RunWell("$env:HF_ENDPOINT = $null; $env:HF_HOME = $null");
        _hub.Dispose();
        base.Dispose();
    }

    [Theory]
    [InlineData("Save-DiffusionModel owner/name -Name mine -Verbose")]
    [InlineData("[pscustomobject]@{ Id = 'owner/name'; Name = 'mine'; File = 'tiny.safetensors' } | Save-DiffusionModel -Verbose")]
    public void It_is_imported_and_can_be_used_at_once(string script)
    {
        _hub.Files["tiny.safetensors"] = TinyCheckpoint.Bytes();
        _hub.Files["README.md"] = [1];

        ShellResult result = RunWell(script);

        ModelInfo model = Assert.Single(result.Values<ModelInfo>());
        Assert.Equal(("mine", "StableDiffusion1", 10), (model.Name, model.Family, model.Hash!.Length));
        Assert.Empty(result.Warnings);
        Assert.Contains(result.Verbose, line => line.StartsWith("tiny.safetensors: The file is pruned", StringComparison.Ordinal));
        Assert.Contains(result.Verbose, line => line.StartsWith("mine: 12.8 MB read, ", StringComparison.Ordinal));
        Assert.Contains(result.Progress, record => record.Activity.StartsWith("Fetching", StringComparison.Ordinal));
        Assert.Equal(ProgressRecordType.Completed, result.Progress[^1].RecordType);
        Assert.Single(result.Progress.Select(record => record.ActivityId).Distinct());
        Assert.Equal(model, Assert.Single(RunWell("Get-DiffusionModel mine, m*n*").Values<ModelInfo>().Distinct()));

        Set("file", TinyCheckpoint.Path);
        IReadOnlyList<DiffusionImage> images = RunWell($"New-DiffusionImage a -Model mine {Settings}; New-DiffusionImage a -Model $file {Settings}").Values<DiffusionImage>();
        Assert.Equal(images[1].Pixels, images[0].Pixels);
        Assert.Equal("mine", images[0].Model);

        ShellResult second = RunWell(script);
        Assert.Equal(model, Assert.Single(second.Values<ModelInfo>()));
        Assert.Contains(second.Verbose, line => line.Contains(" is already in '", StringComparison.Ordinal));
        Assert.Single(_hub.FileRequests("tiny.safetensors"));

        RunWell("Remove-DiffusionModel mine");
        Assert.Empty(Directory.EnumerateFiles(Folder["store"], "*.model"));
    }

    [Fact]
    public void What_if_says_what_would_be_fetched_and_imported_or_only_named()
    {
        _hub.Files["tiny.safetensors"] = TinyCheckpoint.Bytes();
        string script = "Save-DiffusionModel owner/name -WhatIf -Verbose";
        Assert.Empty(RunWell(script).Output);
        Assert.False(Directory.Exists(Folder["store"]));
        Assert.Empty(_hub.FileRequests("tiny.safetensors"));

        RunWell("Save-DiffusionModel owner/name -Name first");
        Assert.Empty(RunWell(script).Output);
        Assert.Equal(["first.model"], Directory.EnumerateFiles(Folder["store"], "*.model").Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public void As_a_file_it_can_be_imported_with_options()
    {
        _hub.Files["tiny.safetensors"] = TinyCheckpoint.Bytes();
        ModelImport import = Assert.Single(RunWell("Save-DiffusionModel owner/name -Include *.safetensors -Name files | Import-DiffusionModel -Name half -Precision Half").Values<ModelImport>());
        Assert.Equal(("half", Folder["store", "files", "tiny.safetensors"]), (import.Name, import.Source));
        Assert.True(File.Exists(Path.Combine(import.Model.Path, "unet", "model_full.onnx")));
    }

    [Fact]
    public void A_damaged_one_is_an_error_and_the_next_has_its_turn()
    {
        _hub.Files["a.safetensors"] = TinyCheckpoint.Only(static name => !name.EndsWith("time_embed.0.weight", StringComparison.Ordinal));
        _hub.Files["b.ckpt"] = TinyCheckpoint.Bytes();
        string[] before = Downloads;
        ShellResult result = Run("[pscustomobject]@{ Id = 'owner/name'; File = 'a.safetensors' }, [pscustomobject]@{ Id = 'owner/name'; File = 'b.ckpt' } | Save-DiffusionModel");

        Assert.Equal("b", Assert.Single(result.Values<ModelInfo>()).Name);
        ErrorRecord error = AssertError(result, "ModelInvalid", ErrorCategory.InvalidData, "SaveDiffusionModel");
        Assert.Equal("owner/name", Unwrap(error.TargetObject));
        Assert.Contains("'a.safetensors' of 'owner/name'", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Names, name => name.Contains("a.safetensors", StringComparison.Ordinal) || name.EndsWith("/b.ckpt", StringComparison.Ordinal));
        Assert.Equal(before, Downloads);
    }

    [Fact]
    public async Task What_if_names_the_files_and_the_model()
    {
        _hub.Files["tiny.safetensors"] = TinyCheckpoint.Bytes();
        ShellProcess.Result result = await _shell.Run($"""
            $env:HF_ENDPOINT = '{_hub.Endpoint.AbsoluteUri}'
            $env:HF_HOME = '{Folder.Path}'
            $env:STABLEDIFFUSION_MODELS = '{Folder["store"]}'
            $env:STABLEDIFFUSION_CACHE = '{Folder["cache"]}'
            Save-DiffusionModel owner/name -WhatIf
            "model: $((Save-DiffusionModel owner/name).Name)"
            Save-DiffusionModel owner/name -Name second -WhatIf
            $env:HF_HUB_OFFLINE = '1'
            "offline: $((Save-DiffusionModel owner/name).Name)"
            """);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Contains(result.Lines, line => line.EndsWith("1 file, 12.8 MB, and import it as 'name':", StringComparison.Ordinal));
        Assert.Contains("  tiny.safetensors (12.8 MB)", result.Lines);
        Assert.Contains("model: name", result.Lines);
        Assert.Contains(result.Lines, line => line.Contains("Name the model 'second'", StringComparison.Ordinal));
        Assert.Contains("offline: name", result.Lines);
    }
}
