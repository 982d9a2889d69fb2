using System.Management.Automation;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Adapters;
using StableDiffusion.Tests.Hub;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class SaveDiffusionModelTests : CommandTests
{
    private readonly FakeHub _hub = new();
    private readonly SharedShell _shell;
    private readonly string _name = $"hub-test-{Guid.NewGuid():N}";

    // A file that is whole and no model.
    private readonly byte[] _lora;

    public SaveDiffusionModelTests(CommandShell fixture, SharedShell shell)
        : base(fixture)
    {
        _shell = shell;
        LoraTensors lora = new();
        lora.Add("lora_unet_mid_block.lora_down.weight", 4, 8);
        _lora = File.ReadAllBytes(lora.Save(Folder));
        Set("endpoint", _hub.Endpoint.AbsoluteUri);
        Set("name", _name);
        RunWell("$env:HF_ENDPOINT = $endpoint; $env:HF_HOME = $folder");
    }

    public override void Dispose()
    {
        RunWell("$env:HF_ENDPOINT = $null; $env:HF_HOME = $null");
        _hub.Dispose();
        string model = Path.Combine(StorageFolders.FromEnvironment().Models, _name);
        if (Directory.Exists(model))
            Directory.Delete(model, recursive: true);
        base.Dispose();
    }

    [Fact]
    public void A_warning_names_the_files_that_the_hub_lists_no_hash_of()
    {
        _hub.Files["a.safetensors"] = _lora;
        _hub.IsWithoutHashes = true;
        const string Script = "Save-DiffusionModel owner/name -Name $name -Include *.safetensors";

        Assert.EndsWith("only their lengths are checked: a.safetensors", Assert.Single(RunWell(Script).Warnings), StringComparison.Ordinal);
        Assert.Empty(RunWell(Script).Warnings);
    }

    [Theory]
    [InlineData("Save-DiffusionModel owner/name -Name $name -Verbose")]
    [InlineData("'owner/name@main' | Save-DiffusionModel -Name $name -Verbose")]
    [InlineData("[pscustomobject]@{ Id = 'owner/name'; Revision = 'main'; Name = $name; File = 'a.safetensors'; Variant = '' } | Save-DiffusionModel -Verbose")]
    [InlineData("Save-DiffusionModel owner/name -Name $name -Include *.SAFE* -Exclude b* -ThrottleLimit 1 -Verbose")]
    public void A_file_is_fetched_and_given_with_progress_and_the_next_time_it_is_there(string script)
    {
        _hub.Files["a.safetensors"] = _lora;
        _hub.Files["b.txt"] = [4];

        ShellResult result = RunWell(script);
        FileInfo file = Assert.Single(result.Values<FileInfo>());
        Assert.Equal(Path.Combine(StorageFolders.FromEnvironment().Models, _name, "a.safetensors"), file.FullName);
        Assert.Equal(_lora, File.ReadAllBytes(file.FullName));
        Assert.Equal(ProgressRecordType.Completed, result.Progress[^1].RecordType);

        // What is asked for as files needs no word on what it is.
        Assert.Equal(script.Contains("-Include", StringComparison.Ordinal) ? [] : [file.FullName], result.Warnings.Select(warning => warning.Split('\'')[1]));
        Assert.All(result.Warnings, warning => Assert.Contains("is a LoRA", warning, StringComparison.Ordinal));

        ShellResult second = RunWell(script);
        Assert.Empty(second.Warnings);
        Assert.Equal(file.FullName, Assert.Single(second.Values<FileInfo>()).FullName);
        Assert.Contains(second.Verbose, line => line.Contains("already", StringComparison.Ordinal));
        Assert.Single(_hub.FileRequests("a.safetensors"));
    }

    [Fact]
    public void A_model_that_is_not_there_is_an_error_and_the_next_has_its_turn()
    {
        _hub.Files["a.safetensors"] = _lora;
        ShellResult result = Run("'owner/none', 'owner/name' | Save-DiffusionModel -Name $name");

        Assert.Single(result.Values<FileInfo>());
        ErrorRecord error = AssertError(result, "DownloadFailed", ErrorCategory.ConnectionError, "SaveDiffusionModel");
        Assert.Equal("owner/none", Unwrap(error.TargetObject));
        Assert.Contains("owner/none", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Save-DiffusionModel name", "IdInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Revision 'a b'", "RevisionInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Name demo", "NameInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Name ../up", "NameInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Name .hidden", "NameInvalid")]
    [InlineData("Save-DiffusionModel owner/name -ThrottleLimit 0", "ThrottleLimitInvalid")]
    [InlineData("Save-DiffusionModel owner/name -File c", "FileInvalid")]
    [InlineData("Save-DiffusionModel owner/name", "FileInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Variant fp16", "VariantInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Include *.txt", "IncludeInvalid")]
    [InlineData("Save-DiffusionModel owner/name -Include a.ckpt -Name $name; Save-DiffusionModel owner/name -Include b.ckpt -Name $name", "FileExists")]
    public void A_setting_that_is_none_is_an_error(string script, string id)
    {
        _hub.Files["a.ckpt"] = [1];
        _hub.Files["b.ckpt"] = [2];
        ErrorCategory category = id == "FileExists" ? ErrorCategory.ResourceExists : ErrorCategory.InvalidArgument;
        AssertError(Run(script), id, category, "SaveDiffusionModel");
    }

    [Fact]
    public void One_name_is_not_given_to_several_models()
    {
        ShellResult result = Run("Save-DiffusionModel owner/name, owner/other -Name $name");
        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error => Assert.StartsWith("NameInvalid", error.FullyQualifiedErrorId, StringComparison.Ordinal));
        Assert.Empty(_hub.Requests);
    }

    [Fact]
    public async Task Stopping_ends_the_download_at_once()
    {
        using ManualResetEventSlim sent = new();
        _hub.Files["a.safetensors"] = new byte[1000];
        _hub.Script = request => request.Path.EndsWith("/a.safetensors", StringComparison.Ordinal)
            ? new FakeHub.Answer(200, new byte[500]) { StatedLength = 1000, Stalls = true, Sent = sent.Set }
            : null;
        Task<ShellResult> run = Task.Run(() => Run("$env:HF_HUB_DOWNLOAD_TIMEOUT = 600; Save-DiffusionModel owner/name -Name $name"), TestContext.Current.CancellationToken);
        Assert.True(sent.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        Stop();
        ShellResult result = await run;
        RunWell("$env:HF_HUB_DOWNLOAD_TIMEOUT = $null");

        Assert.True(result.Stopped);
        Assert.False(result.HadErrors);
        Assert.False(Directory.Exists(Path.Combine(StorageFolders.FromEnvironment().Models, _name)));
    }

    [Fact]
    public async Task A_whole_model_is_fetched_and_can_be_used_by_its_name()
    {
        foreach (string file in Directory.EnumerateFiles(Repository.DemoModel, "*", SearchOption.AllDirectories))
            _hub.Files[Path.GetRelativePath(Repository.DemoModel, file).Replace('\\', '/')] = File.ReadAllBytes(file);

        ShellProcess.Result result = await _shell.Run($"""
            $env:HF_ENDPOINT = '{_hub.Endpoint.AbsoluteUri}'
            $env:HF_HOME = '{Folder.Path}'
            $env:STABLEDIFFUSION_MODELS = '{Folder["models"]}'
            $env:STABLEDIFFUSION_CACHE = '{Folder["cache"]}'
            Save-DiffusionModel owner/name -WhatIf
            "listed: $([System.IO.Directory]::Exists($env:STABLEDIFFUSION_MODELS))"
            $model = Save-DiffusionModel owner/name
            "saved: $($model.Name) $($model.Width) $($model.IsEmbedded)"
            $env:HF_HUB_OFFLINE = '1'
            "offline: $((Save-DiffusionModel owner/name).Path)"
            "found: $((Get-DiffusionModel name).Steps)"
            """);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Contains(result.Lines, line => line.Contains("unet/diffusion_pytorch_model.safetensors (", StringComparison.Ordinal));
        Assert.Contains("listed: False", result.Lines);
        Assert.Contains("saved: name 64 False", result.Lines);
        Assert.Contains($"offline: {Folder["models", "name"]}", result.Lines);
        Assert.Contains("found: 25", result.Lines);
        Assert.False(File.Exists(Folder["models", "name", "README.md"]));
    }
}
