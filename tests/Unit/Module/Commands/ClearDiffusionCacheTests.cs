using StableDiffusion.Hub;
using StableDiffusion.Tests.Hub;

namespace StableDiffusion.Tests.Module.Commands;

public sealed class ClearDiffusionCacheTests(CommandShell fixture, SharedShell shell) : CommandTests(fixture)
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
        Assert.Equal(["Open models closed: 1.", "Open models closed: 0.", "3", "True"], result.Lines.Where(line => !line.StartsWith("What if:", StringComparison.Ordinal) && !line.StartsWith("Performing", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Graphs_are_deleted_on_demand_and_not_with_WhatIf()
    {
        Directory.CreateDirectory(Folder["graphs", "0123"]);
        File.WriteAllText(Folder["graphs", "0123", "model.onnx"], "a graph");
        File.WriteAllText(Folder["other.txt"], "the user's own");
        ShellProcess.Result result = await shell.Run($"""
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
    public async Task Unfinished_downloads_are_deleted_on_demand_and_those_in_progress_are_left()
    {
        foreach (string name in (string[])["first", "running", "second"])
        {
            Directory.CreateDirectory(Folder["downloads", name, "parts"]);
            File.WriteAllBytes(Folder["downloads", name, "parts", "a.part"], new byte[600]);
        }

        File.WriteAllText(Folder["other.txt"], "the user's own");
        string[] said = await Clear("-Graphs -Downloads -WhatIf");
        Assert.Contains(said, line => line.Contains("Delete unfinished downloads", StringComparison.Ordinal) && line.Contains(Folder["downloads"], StringComparison.Ordinal));
        await Clear("-Graphs");
        Assert.Equal(3, Directory.GetDirectories(Folder["downloads"]).Length);

        using (DownloadFolder.TryOpen(Folder["downloads", "running"]))
        {
            string[] lines = await Clear("-Downloads -Verbose");
            Assert.Contains(lines, line => line.Contains($"'{Folder["downloads", "running"]}' is in progress", StringComparison.Ordinal));
            Assert.Contains(FormattableString.CurrentCulture($"Unfinished downloads deleted: 2, {1.2:0.00} kB."), lines);
            Assert.Equal([Folder["downloads", "running"]], Directory.GetDirectories(Folder["downloads"]));
            Assert.True(File.Exists(Folder["downloads", "running", "parts", "a.part"]));
        }

        Assert.Contains("Unfinished downloads deleted: 1, 600 B.", await Clear("-Downloads -Verbose"));
        Assert.Empty(Directory.GetDirectories(Folder["downloads"]));
        Assert.True(File.Exists(Folder["other.txt"]));

        async Task<string[]> Clear(string arguments)
        {
            ShellProcess.Result result = await shell.Run($$"""
                $env:STABLEDIFFUSION_CACHE = '{{Folder.Path}}'
                Clear-DiffusionCache {{arguments}} 3>&1 4>&1 | ForEach-Object { "$_" }
                """);
            Assert.Equal(string.Empty, result.Errors);
            return [.. result.Lines];
        }
    }

    [Fact]
    public async Task A_download_that_broke_off_begins_anew_once_it_is_cleared()
    {
        using FakeHub hub = new();
        hub.Files["a.safetensors"] = new byte[1000];
        hub.Script = request => request.Path.EndsWith("/a.safetensors", StringComparison.Ordinal) && hub.FileRequests("a.safetensors").Count() <= 2
            ? request.Range is null ? new FakeHub.Answer(200, new byte[500]) { StatedLength = 1000 } : new FakeHub.Answer(404)
            : null;
        ShellProcess.Result result = await shell.Run($"""
            $env:STABLEDIFFUSION_CACHE = $env:STABLEDIFFUSION_MODELS = $env:HF_HOME = '{Folder.Path}'
            $env:HF_ENDPOINT = '{hub.Endpoint.AbsoluteUri}'
            $null = Save-DiffusionModel owner/name -Include * -ErrorAction SilentlyContinue -ErrorVariable problem
            $problem.FullyQualifiedErrorId
            Clear-DiffusionCache -Downloads
            (Save-DiffusionModel owner/name -Include *).Name
            """);

        Assert.Equal(string.Empty, result.Errors);
        Assert.Equal(["DownloadFailed,SdPowerShell.Commands.SaveDiffusionModelCommand", "a.safetensors"], result.Lines);
        Assert.Equal([null, "bytes=500-", null], hub.FileRequests("a.safetensors").Select(request => request.Range));
    }
}
