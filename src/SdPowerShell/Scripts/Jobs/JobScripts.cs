using System.Collections;
using StableDiffusion.Batches.Jobs;
using StableDiffusion.Onnx;
using StableDiffusion.Storage;

namespace SdPowerShell.Scripts.Jobs;

/// <summary>The scripts of a job: what a worker does, the job script for Slurm, and what starts local workers.</summary>
internal sealed class JobScripts
{
    /// <summary>The name of the script of a worker.</summary>
    public const string WorkFile = "run.ps1";

    /// <summary>The name of the job script for Slurm.</summary>
    public const string BatchFile = "job.sh";

    /// <summary>The name of the script that starts local workers.</summary>
    public const string SuperviseFile = "supervise.ps1";

    /// <summary>The exit code of a worker that was told to end and has given back its row. Source: EX_TEMPFAIL of sysexits.h.</summary>
    public const int InterruptedCode = 75;

    // A worker that was killed while it had just begun: 128 and the number of USR1.
    private const int KilledByUsr1 = 138;

    /// <summary>The folder of the job.</summary>
    public required JobFolder Folder { get; init; }

    /// <summary>The full path of the module's manifest.</summary>
    public required string Module { get; init; }

    /// <summary>The version of the module.</summary>
    public required Version Version { get; init; }

    /// <summary>The folder that paths of the table begin at.</summary>
    public required string Location { get; init; }

    /// <summary>The name of the table's copy.</summary>
    public required string Table { get; init; }

    /// <summary>The template of the names of files; null for none.</summary>
    public string? FileName { get; init; }

    /// <summary>Settings for all rows.</summary>
    public required IDictionary Parameters { get; init; }

    private string Origin => $"Written by Submit-DiffusionJob of StableDiffusion {Version}.";

    /// <summary>The script of a worker.</summary>
    public string Work()
    {
        string environment = string.Concat(Variables().Select(static variable => $"$env:{variable.Name} = {Literal.Of(variable.Value)}\n"));
        string parameters = string.Concat(Parameters.Keys.Cast<object>().OrderBy(static key => $"{key}", StringComparer.Ordinal).Select(key => $"    {Literal.Of($"{key}")} = {Value(Parameters[key])}\n"));
        string name = FileName is null ? string.Empty : $" -FileName {Literal.Of(FileName)}";
        return $$"""
            # {{Origin}} What one worker of the job does:
            # it goes over the whole table, and makes the images that no other worker has made or is making.
            param([string] $Worker = '1', [string] $Log)
            $ErrorActionPreference = 'Stop'
            $PSStyle.OutputRendering = 'PlainText'

            # The paths of the table begin here.
            Set-Location -LiteralPath {{Literal.Of(Location)}}
            {{environment}}Import-Module -Name {{Literal.Of(Module)}} -RequiredVersion {{Version}}

            # Get-DiffusionJob and Stop-DiffusionJob read which process the worker is.
            @{
                host      = [Environment]::MachineName
                processId = $PID
                started   = (Get-Process -Id $PID).StartTime.ToUniversalTime().ToString('o')
            } | ConvertTo-Json | Set-Content -LiteralPath "$PSScriptRoot/workers/$Worker.json"

            # Stopped meanwhile, before anyone could know of this worker. 'stopped' names the runs that were stopped.
            $run = $Log ? '{{JobFolder.LocalRun}}' : ($env:SLURM_ARRAY_JOB_ID ?? $env:SLURM_JOB_ID)
            if ((Get-Content -LiteralPath "$PSScriptRoot/stopped" -ErrorAction Ignore) -contains $run) { exit {{InterruptedCode}} }

            # Settings for all rows.
            $parameters = @{
            {{parameters}}}

            $journal = "$PSScriptRoot/journals/$Worker.jsonl"
            $work = {
                Import-DiffusionTable -LiteralPath "$PSScriptRoot/{{Table}}" -Journal $journal -ErrorAction Continue |
                    New-DiffusionImage -OutDirectory {{Literal.Of(Folder.OutDirectory)}}{{name}} -Claim -Checkpoint -Journal $journal -ErrorAction Continue @parameters |
                    Out-Null
            }

            # The exit code: 0 if all rows are done, 1 if some had errors, {{InterruptedCode}} if the worker was told to end.
            $Error.Clear()
            $code = 0
            try {
                if ($Log) { & $work *>&1 | Out-File -LiteralPath $Log -Append -Width 500 } else { & $work }
                if ($Error.Count -gt 0) { $code = 1 }
            }
            catch {
                $code = $_.FullyQualifiedErrorId -like 'Interrupted,*' ? {{InterruptedCode}} : 1
                if ($Log) { $_ | Out-File -LiteralPath $Log -Append -Width 500 } else { $_ | Out-Host }
            }

            exit $code

            """.ReplaceLineEndings("\n");
    }

    /// <summary>The job script for Slurm.</summary>
    /// <param name="options">What it asks for.</param>
    /// <param name="shell">The command that starts PowerShell.</param>
    /// <param name="arraySize">How many tasks it has.</param>
    /// <exception cref="StableDiffusion.InvalidSettingException">An option is not one line of text.</exception>
    public string Batch(SlurmOptions options, IReadOnlyList<string> shell, int arraySize) => $$"""
        #!/bin/bash
        # {{Origin}} To go on with the job once it has ended: cd to its folder,
        # and sbatch {{BatchFile}}. Images that are there are not made again.
        {{string.Join('\n', options.Lines(Folder.Name, arraySize))}}

        cd {{ShellText.Bash(Folder.Path)}} || exit 1
        worker="${SLURM_ARRAY_TASK_ID:-1}"

        # Slurm tells the shell that the time is over soon (USR1), or that the job is stopped (TERM). The worker, which is told
        # so by USR1, keeps its half-done image, gives back its row, and ends with code {{InterruptedCode}}. Slurm sends TERM to the worker
        # too in most cases, and a second signal must not come before that.
        child=''
        signal=''
        last=''
        early=''
        pass() {
            signal="$1"
            last="$1"
            [ -n "$child" ] || early="$1"
            [ -z "$child" ] || { [ "$1" = USR1 ] || sleep 1; kill -USR1 "$child" 2> /dev/null; }
        }
        trap 'pass USR1' USR1
        trap 'pass TERM' TERM

        {{string.Join(' ', shell.Select(ShellText.Bash))}} -NoProfile -NonInteractive -File {{WorkFile}} "$worker" &
        child=$!

        # A signal that came while it was started is passed on now.
        [ -z "$early" ] || pass "$early"

        # A signal ends the waiting, and not the worker.
        while :; do
            signal=''
            wait "$child"
            code=$?
            [ -n "$signal" ] || break
        done

        # A worker that ran out of time goes on in a new turn, unless the job was stopped.
        if [ "$last" != TERM ] && ! grep -qsx "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" stopped && { [ "$code" = {{InterruptedCode}} ] || [ "$last$code" = USR1{{KilledByUsr1}} ]; }; then
            echo "Worker $worker has run out of time, and is put into the queue again."
            scontrol requeue "$SLURM_JOB_ID"
        fi

        exit "$code"

        """.ReplaceLineEndings("\n");

    /// <summary>The script that starts local workers.</summary>
    /// <param name="shell">The command that starts PowerShell.</param>
    /// <param name="workers">How many workers there are.</param>
    public string Supervise(IReadOnlyList<string> shell, int workers) => $$"""
        # {{Origin}} Starts the workers of the job on this computer,
        # and starts those again that were told to end or were killed, at most so many times. To go on with the job once it has
        # ended: pwsh {{SuperviseFile}}. Images that are there are not made again.
        param([int] $Workers = {{workers}}, [int] $MostRestarts = {{Math.Max(20, 5 * workers)}})
        $ErrorActionPreference = 'Stop'
        Set-Location -LiteralPath $PSScriptRoot
        $shell = @({{Literal.Of(shell)}})

        # Whoever starts this wants the job to go on.
        Remove-Item -LiteralPath stopped -ErrorAction Ignore

        # The workers share the processors, instead of each using all of them.
        if ($Workers -gt 1 -and -not $env:{{ThreadCount.Variable}}) {
            $env:{{ThreadCount.Variable}} = [Math]::Max(1, [Math]::Floor([Environment]::ProcessorCount / $Workers))
        }

        function Start-Worker([int] $Worker) {
            $start = [System.Diagnostics.ProcessStartInfo]::new($shell[0])
            $start.CreateNoWindow = $true
            $arguments = @($shell | Select-Object -Skip 1) + @('-NoProfile', '-NonInteractive', '-File', "$PSScriptRoot/{{WorkFile}}", "$Worker", "$PSScriptRoot/logs/$Worker.log")
            foreach ($argument in $arguments) { $start.ArgumentList.Add($argument) }
            [System.Diagnostics.Process]::Start($start)
        }

        $running = @{}
        foreach ($worker in 1..$Workers) { $running[$worker] = Start-Worker $worker }
        $restarts = 0
        while ($running.Count -gt 0) {
            Start-Sleep -Milliseconds 300
            foreach ($worker in @($running.Keys)) {
                $process = $running[$worker]
                if (-not $process.HasExited) { continue }
                $running.Remove($worker)
                $code = $process.ExitCode
                Write-Output "$(Get-Date -Format o) Worker $worker ended with code $code."

                # 0: it has gone over all rows. 1: some had errors, which they would have again.
                if ($code -in 0, 1 -or $restarts -ge $MostRestarts -or (Test-Path -LiteralPath stopped)) { continue }
                $restarts++
                $running[$worker] = Start-Worker $worker
            }
        }

        """.ReplaceLineEndings("\n");

    // A cluster may give a job another environment than that of the user.
    private static IEnumerable<(string Name, string Value)> Variables() =>
        from name in (string[])
        [
            StorageFolders.ModelsVariable, StorageFolders.CacheVariable, StorageFolders.LorasVariable, StorageFolders.EmbeddingsVariable,
            StorageFolders.ControlNetsVariable, StorageFolders.VaesVariable, StorageFolders.UpscalersVariable, StorageFolders.WildcardsVariable,
            StorageFolders.DetectorsVariable,
        ]
        let value = Environment.GetEnvironmentVariable(name)
        where !string.IsNullOrWhiteSpace(value)
        select (name, Path.GetFullPath(value));

    private static string Value(object? value) => value is IList { Count: not 1 } list ? $"@({Literal.Of(list)})" : Literal.Of(value);
}
