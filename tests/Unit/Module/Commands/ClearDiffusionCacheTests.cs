namespace StableDiffusion.Tests.Module.Commands;

public sealed class ClearDiffusionCacheTests(CommandShell fixture) : CommandTests(fixture)
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
}
