<#
.SYNOPSIS
Makes many small images in one process, and samples what the process holds: resident memory, managed heap, compiled methods, file handles, threads. Memory is in MiB.

.DESCRIPTION
Each image has a prompt and a seed of its own, and is written to a file and to a journal. The files are deleted between the samples.
Resident memory and handles come from /proc, so it runs on Linux. The module is that of the build, unless another one is given.

.NET compiles hot code anew, also after thousands of images, which takes memory. With DOTNET_TieredCompilation=0 in the environment,
all code is compiled once, so that only what the images leave behind can grow.

.EXAMPLE
pwsh -NoProfile -File bench/steady.ps1 -Count 10000 -Every 1000
#>
param(
    [int] $Count = 10000,
    [int] $Every = 1000,
    [int] $Side = 64,
    [int] $Steps = 2,
    [hashtable] $Settings = @{},
    [string] $Module = (Join-Path $PSScriptRoot '../out/StableDiffusion/StableDiffusion.psd1')
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Import-Module $Module
$folder = (New-Item -ItemType Directory (Join-Path ([IO.Path]::GetTempPath()) "sd-steady-$PID")).FullName
$journal = Join-Path $folder 'made.jsonl'
$watch = [Diagnostics.Stopwatch]::StartNew()

function Get-Sample([int] $Images) {
    [double] $kilobytes = [IO.File]::ReadAllLines('/proc/self/status').Where{ $_.StartsWith('VmRSS:') }[0] -replace '\D'
    [pscustomobject]@{
        Images = $Images
        Resident = [Math]::Round($kilobytes / 1024, 1)
        Heap = [Math]::Round([GC]::GetTotalMemory($true) / 1MB, 1)
        Committed = [Math]::Round([GC]::GetGCMemoryInfo().TotalCommittedBytes / 1MB, 1)
        Methods = [Runtime.JitInfo]::GetCompiledMethodCount($false)
        Handles = [IO.Directory]::GetFileSystemEntries('/proc/self/fd').Length
        Threads = [Diagnostics.Process]::GetCurrentProcess().Threads.Count
        Seconds = [Math]::Round($watch.Elapsed.TotalSeconds)
    }
}

try {
    $made = 0
    & {
        for ($i = 0; $i -lt $Count; $i++) {
            [pscustomobject]@{ Prompt = "a red house number $i on the grass"; NegativePrompt = 'a tree'; Seed = $i; Steps = $Steps; Width = $Side; Height = $Side }
        }
    } | New-DiffusionImage -OutDirectory (Join-Path $folder images) -Journal $journal @Settings | ForEach-Object {
        $made++
        if ($made % $Every -eq 0) {
            Get-Sample $made
            [IO.Directory]::Delete((Join-Path $folder images), $true)
        }
    }
}
finally {
    Remove-Item -Recurse $folder
}
