#Requires -Version 7.6
<#
.SYNOPSIS
Kills processes that share the rows of one table, at random, until all rows are made, and checks what is there.

.DESCRIPTION
Each round starts some processes with the same command (New-DiffusionImage -Claim -Checkpoint), kills one of them with SIGKILL
after a random time, starts another one in its place, and goes on until a process finds nothing left to do. Then every row must
be one whole file with the bytes of an undisturbed run, and nothing else may be in the folder. The calls of the U-Net are counted
from the progress that the processes write, and from their journals.

.EXAMPLE
bench/kill.ps1 -Module out/StableDiffusion/StableDiffusion.psd1 -Rows 200 -Processes 4 -Rounds 20
#>
param(
    # The module to test.
    [string] $Module = "$PSScriptRoot/../out/StableDiffusion/StableDiffusion.psd1",

    # The number of rows, steps, processes at once, and rounds.
    [int] $Rows = 40,
    [int] $Steps = 4,
    [int] $Processes = 4,
    [int] $Rounds = 3,

    # A process is killed after so many seconds, drawn between the two.
    [double] $Soonest = 1,
    [double] $Latest = 6,

    # The most kills of a round.
    [int] $Kills = 20,

    # The command's parameters besides; without -Checkpoint, an image that was killed is made from its start.
    [string] $Options = '-Checkpoint',

    # The signal that ends a process.
    [ValidateSet('KILL', 'TERM', 'USR1')]
    [string] $Signal = 'KILL',

    # The seed of the times.
    [int] $Seed = 1
)

$ErrorActionPreference = 'Stop'
$Module = Resolve-Path $Module
$random = [Random]::new($Seed)
$folder = (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "kill-$([Guid]::NewGuid().ToString('N'))")).FullName
$table = "$folder/jobs.csv"
1..$Rows | ForEach-Object { [pscustomobject]@{ Prompt = "a red house $_"; Steps = $Steps } } | Export-Csv $table

# Progress goes to standard error as XML, line by line.
function Start-Worker([string] $out, [string] $log, [string] $options) {
    $script = "Import-Module '$Module'; Import-Csv '$table' | New-DiffusionImage -OutDirectory '$out' $options -Journal '$out.jsonl' | Out-Null"
    $encoded = [Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes($script))
    Start-Process ([Environment]::ProcessPath) -ArgumentList "$PSHOME/pwsh.dll", '-NoProfile', '-NonInteractive', '-OutputFormat', 'XML', '-EncodedCommand', $encoded -PassThru -RedirectStandardError "$log.err" -RedirectStandardOutput "$log.out"
}

function Get-Hashes([string] $of) {
    Get-ChildItem $of -Force | Sort-Object Name | ForEach-Object { "$($_.Name) $((Get-FileHash $_).Hash)" }
}

# The steps that a process was seen to make: of each denoising from the step where it began to the last that was shown.
function Measure-Steps([string] $log) {
    $sum = $last = 0
    foreach ($match in [regex]::Matches("$(Get-Content $log -Raw)", '>starting<|>step (\d+) of \d+<')) {
        $step = $match.Groups[1].Success ? [int]$match.Groups[1].Value : 0
        if ($step -gt $last) {
            $sum += $last -eq -1 ? 1 : $step - $last
        }

        # The first step that is shown is the first that was made, at a checkpoint or at the start.
        $last = $step -eq 0 ? -1 : $step
    }

    $sum
}

$worker = Start-Worker "$folder/whole" "$folder/whole" '-Resume'
$worker.WaitForExit()
$good = Get-Hashes "$folder/whole"
if (@($good).Count -ne $Rows) { throw "The undisturbed run made $(@($good).Count) of $Rows images; see $folder." }

for ($round = 1; $round -le $Rounds; $round++) {
    $out = "$folder/round$round"
    $begun = Get-Date
    $running = [System.Collections.Generic.List[object]]::new()
    $number = $killed = 0
    while ($killed -lt $Kills -and @(Get-ChildItem "$out/*.png" -ErrorAction Ignore).Count -lt $Rows) {
        while ($running.Count -lt $Processes) {
            $running.Add((Start-Worker $out "$out-$((++$number))" "-Claim $Options"))
        }

        $until = (Get-Date).AddSeconds($Soonest + ($Latest - $Soonest) * $random.NextDouble())
        while ((Get-Date) -lt $until -and @(Get-ChildItem "$out/*.png" -ErrorAction Ignore).Count -lt $Rows) { Start-Sleep -Milliseconds 50 }
        $victim = $running[$random.Next($running.Count)]
        if (-not $victim.HasExited) {
            & /bin/sh -c "kill -$Signal $($victim.Id)"
            $killed++
        }

        $victim.WaitForExit()
        $null = $running.Remove($victim)
    }

    $running | ForEach-Object { $_.WaitForExit() }
    (Start-Worker $out "$out-last" "-Claim $Options").WaitForExit()
    $found = Get-Hashes $out
    $lines = @(Get-Content "$out.jsonl" | ForEach-Object { try { $_ | ConvertFrom-Json } catch { } } | Where-Object status -EQ Made)
    $seen = (Get-ChildItem "$out-*.err" | ForEach-Object { Measure-Steps $_ } | Measure-Object -Sum).Sum
    [pscustomobject]@{
        Round = $round
        Kills = $killed
        Processes = $number + 1
        Files = @($found).Count
        SameBytes = ($found -join "`n") -eq ($good -join "`n")
        MadeLines = $lines.Count
        MadeTwice = @($lines.file | Group-Object | Where-Object Count -GT 1).Count
        StepsSeen = $seen
        MostSteps = $Rows * $Steps + $killed * ($Options -match 'Checkpoint' -and $Signal -ne 'KILL' ? 1 : $Steps)
        Seconds = [int]((Get-Date) - $begun).TotalSeconds
    }
    if (($found -join "`n") -ne ($good -join "`n")) { throw "Round $round has other files: $(Compare-Object $good $found | Out-String) See $folder." }
}

Remove-Item -Recurse -Force $folder
