# Jobs on a real Slurm, which tests/slurm.sh installs and starts; .ci/run does so.
Describe 'Jobs on a Slurm cluster' {
    BeforeAll {
        . "$PSScriptRoot/common.ps1"
        Push-Location $TestDrive
        $isThere = $env:SLURM_CONF -and (Get-Command sinfo -CommandType Application -ErrorAction Ignore) -and $(sinfo --noheader 2> $null; $LASTEXITCODE -eq 0)

        # Where .ci/run could not start a Slurm that it was to start, that is a failure.
        function Test-Slurm {
            if ($env:STABLEDIFFUSION_SLURM_FAULT) { throw "The Slurm for the tests did not start: $env:STABLEDIFFUSION_SLURM_FAULT" }
            if (-not $isThere) { Set-ItResult -Skipped -Because 'there is no Slurm (tests/slurm.sh starts one on Linux)' }
            $isThere
        }

        function Get-Log($Job) { Get-ChildItem "$($Job.Folder)/logs" | ForEach-Object { "--- $($_.Name)"; Get-Content -LiteralPath $_.FullName } | Out-String }

        function Wait-Until([scriptblock]$Condition, [string]$What, $Job) {
            for ($wait = 0; $wait -lt 600; $wait++) {
                if (& $Condition) { return }
                Start-Sleep -Milliseconds 100
            }

            throw "$What did not happen. $(squeue 2>&1 | Out-String)$(sinfo | Out-String)$(Get-Log $Job)"
        }

        # Figures equal what is there.
        function Assert-Complete($Job, [string]$Folder, [int]$Count) {
            $Job.State, $Job.Done, $Job.Failed, $Job.Left, $Job.Running | Should -Be 'Completed', $Count, 0, 0, 0 -Because (Get-Log $Job)
            (Get-ChildItem $Folder -File).Name | Sort-Object | Should -Be (1..$Count | ForEach-Object { "$_.png" } | Sort-Object)
            Get-ChildItem "$Folder/*.png" | Get-DiffusionMetadata | ForEach-Object { $_.Seed | Should -Be ([System.IO.Path]::GetFileNameWithoutExtension($_.Path)) }
        }

        function New-Table([string]$Path, [int]$Count, [int]$Steps) {
            1..$Count | ForEach-Object { [pscustomobject]@{ Prompt = 'a red house'; Seed = $_; Steps = $Steps; OutFile = "$_.png" } } | Export-Csv $Path
        }
    }

    AfterAll {
        if ($isThere) {
            scancel --user=$(id -un) 2> $null
            sinfo --noheader --Node --states=drain --format=%N | ForEach-Object { scontrol update nodename=$_ state=resume }
        }

        Pop-Location
    }

    It 'makes a table as an array job' {
        if (-not (Test-Slurm)) { return }
        New-Table six.csv 6 2
        $name = "it's `"six`" #1 é"
        $job = Submit-DiffusionJob six.csv six -ArraySize 2 -Name $name -Time 10 -Memory 100M -CpusPerTask 1 -SbatchArgument '--comment=a b'
        $job.Backend, $job.ArraySize | Should -Be 'Slurm', 2
        $job.State | Should -BeIn Pending, Running
        squeue --noheader --jobs=$($job.SlurmId) --format='%j|%k|%l|%m|%c' | Select-Object -First 1 | Should -Be "$name|a b|10:00|100M|1"
        Assert-Complete ($job | Wait-DiffusionJob -Timeout 120 -PollInterval 1) six 6
    }

    It 'makes each row once where tasks are cancelled, their node is drained, and the time is over' {
        if (-not (Test-Slurm)) { return }
        New-Table all.csv 24 30
        $job = Submit-DiffusionJob all.csv all -ArraySize 2 -Time 10
        Wait-Until { (Get-ChildItem all/*.png).Count -ge 2 } 'The second image' $job
        scancel "$($job.SlurmId)_1"

        # The other task is told that its time is over. Its node takes no job any more, and another one goes on, once it may.
        $node = squeue --noheader --jobs="$($job.SlurmId)_2" --format=%N
        $other = sinfo --noheader --Node --format=%N | Where-Object { $_.Trim() -ne $node } | Select-Object -First 1
        scontrol update nodename="$node,$other" state=drain reason=test
        scancel --batch --signal=USR1 "$($job.SlurmId)_2"
        Wait-Until { (squeue --noheader --jobs="$($job.SlurmId)_2" --format=%T) -in 'PENDING', 'REQUEUED' } 'The requeuing' $job
        Wait-Until { -not (Get-ChildItem all/*.claim) } 'The giving back of claims' $job
        Wait-Until { (Get-DiffusionJob all).State -eq 'Pending' } 'The end of the workers' $job
        $left = (Get-DiffusionJob all).Left
        $left | Should -Be (24 - (Get-ChildItem all/*.png).Count)
        $left | Should -BeGreaterThan 0

        scontrol update nodename=$other state=resume
        Wait-Until { (squeue --noheader --jobs="$($job.SlurmId)_2" --format=%T) -eq 'RUNNING' } 'The next turn' $job
        squeue --noheader --jobs="$($job.SlurmId)_2" --format=%N | Should -Not -Be $node
        scontrol update nodename=$node state=resume

        # Stopped in the middle.
        Wait-Until { (Get-DiffusionJob all).Left -lt $left } 'The next image' $job
        $stopped = Stop-DiffusionJob all -PassThru
        $stopped.State, $stopped.Running | Should -Be 'Stopped', 0
        $stopped.Done | Should -Be (Get-ChildItem all/*.png).Count
        squeue --noheader --jobs=$($job.SlurmId) 2> $null | Should -BeNullOrEmpty

        # By hand, as the job script says.
        Push-Location $job.Folder
        $null = sbatch job.sh
        Pop-Location
        (Get-DiffusionJob all).State | Should -BeIn Pending, Running
        Assert-Complete ($job | Wait-DiffusionJob -Timeout 120 -PollInterval 1) all 24
        Get-DiffusionJournal "all/.jobs/*/journals/*.jsonl" | Where-Object Status -EQ Made | Measure-Object | ForEach-Object Count | Should -Be 24
    }

    It 'says what Slurm says' {
        if (-not (Test-Slurm)) { return }
        New-Table one.csv 1 1
        { Submit-DiffusionJob one.csv one -Partition moon -ErrorAction Stop } | Should -Throw '*invalid partition specified: moon*' -ErrorId 'JobControlFailed,*'
        Get-ChildItem one -Force | Should -BeNullOrEmpty
    }
}
