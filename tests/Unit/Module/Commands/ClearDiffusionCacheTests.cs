using System.Management.Automation;
using StableDiffusion.Models.Hub;
using StableDiffusion.Tests.Models.Hub;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ClearDiffusionCacheTests(CommandShell fixture) : StoreTests(fixture)
{
    [Fact]
    public async Task It_closes_the_open_models_and_the_next_picture_opens_its_own()
    {
        ShellProcess.Result result = await ShellProcess.Run("""
            $first = New-DiffusionImage 'a' -Seed 1 -Steps 1
            Clear-DiffusionCache -WhatIf
            $null = New-DiffusionImage 'a' -Seed 1 -Steps 1 -Verbose 4>&1 | ForEach-Object { if ("$_" -like 'Opening*') { 'opened although -WhatIf closes nothing' } }
            Clear-DiffusionCache -Verbose 4>&1 | ForEach-Object { "$_" }
            Clear-DiffusionCache -Verbose 4>&1 | ForEach-Object { "$_" }
            $opened = New-DiffusionImage 'a' -Seed 1 -Steps 1 -Verbose 4>&1 | ForEach-Object { if ("$_" -like 'Opening*') { 'opened' } else { $second = $_ } }
            $opened.Count
            [System.Linq.Enumerable]::SequenceEqual([byte[]]$first.Pixels, [byte[]]$second.Pixels)
            """);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(["Closed 1 open models.", "Closed 0 open models.", "3", "True"], result.Lines.Where(line => !line.StartsWith("What if:", StringComparison.Ordinal) && !line.StartsWith("Performing", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Graphs_are_deleted_on_demand_and_not_with_WhatIf()
    {
        Directory.CreateDirectory(Folder["graphs", "0123"]);
        File.WriteAllText(Folder["graphs", "0123", "model.onnx"], "a graph");
        File.WriteAllText(Folder["other.txt"], "the user's own");
        ShellProcess.Result result = await ShellProcess.Run($"""
            $env:STABLEDIFFUSION_CACHE = '{Folder.Path}'
            Clear-DiffusionCache
            [System.IO.File]::Exists("$env:STABLEDIFFUSION_CACHE/graphs/0123/model.onnx")
            Clear-DiffusionCache -Graphs -WhatIf
            [System.IO.File]::Exists("$env:STABLEDIFFUSION_CACHE/graphs/0123/model.onnx")
            Clear-DiffusionCache -Graphs
            [System.IO.File]::Exists("$env:STABLEDIFFUSION_CACHE/graphs/0123/model.onnx")
            Clear-DiffusionCache -Graphs
            """);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(["True", "True", "False"], result.Lines.Where(line => line is "True" or "False"));
        Assert.True(File.Exists(Folder["other.txt"]));
        Assert.Contains(result.Lines, line => line.Contains(Folder["graphs"], StringComparison.Ordinal));
    }

    [Fact]
    public void Unfinished_downloads_are_deleted_on_demand_and_those_in_progress_are_left()
    {
        foreach (string name in (string[])["first", "running", "second"])
        {
            Directory.CreateDirectory(Folder["cache", "downloads", name, "parts"]);
            File.WriteAllBytes(Folder["cache", "downloads", name, "parts", "a.part"], new byte[600]);
        }

        RunWell("Clear-DiffusionCache; Clear-DiffusionCache -Downloads -WhatIf");
        Assert.Equal(3, KeptDownloads.List().Count);

        using (DownloadFolder.TryOpen(Folder["cache", "downloads", "running"]))
        {
            ShellResult result = RunWell("Clear-DiffusionCache -Downloads -Verbose");
            Assert.Contains($"'{Folder["cache", "downloads", "running"]}' is in progress", Assert.Single(result.Warnings), StringComparison.Ordinal);
            Assert.Contains(FormattableString.CurrentCulture($"Deleted 2 unfinished downloads, {1.2:0.00} kB."), result.Verbose);
            Assert.Equal([Folder["cache", "downloads", "running"]], KeptDownloads.List());
            Assert.True(File.Exists(Folder["cache", "downloads", "running", "parts", "a.part"]));
        }

        Assert.Empty(RunWell("Clear-DiffusionCache -Downloads").Warnings);
        Assert.Empty(KeptDownloads.List());
        Assert.DoesNotContain(RunWell("Clear-DiffusionCache -Downloads -Verbose").Verbose, line => line.StartsWith("Deleted", StringComparison.Ordinal));
    }

    [Fact]
    public void A_download_that_broke_off_begins_anew_once_it_is_cleared()
    {
        using FakeHub hub = new();
        hub.Files["a.safetensors"] = new byte[1000];
        bool breaks = true;
        hub.Script = request => breaks && request.Path.EndsWith("/a.safetensors", StringComparison.Ordinal) ? request.Range is null
            ? new FakeHub.Answer(200, new byte[500]) { StatedLength = 1000 }
            : new FakeHub.Answer(404) : null;
        Set("endpoint", hub.Endpoint.AbsoluteUri);
        string script = "$env:HF_ENDPOINT = $endpoint; $env:HF_HOME = $folder; try { Save-DiffusionModel owner/name -Include * } finally { $env:HF_ENDPOINT = $null; $env:HF_HOME = $null }";

        AssertError(Run(script), "DownloadFailed", ErrorCategory.ConnectionError, "SaveDiffusionModel");
        Assert.Single(KeptDownloads.List());
        RunWell("Clear-DiffusionCache -Downloads");
        breaks = false;
        Assert.Single(RunWell(script).Values<FileInfo>());
        Assert.Null(hub.FileRequests("a.safetensors").Last().Range);
    }
}
