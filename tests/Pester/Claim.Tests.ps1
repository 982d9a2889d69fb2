BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.NewDiffusionImageCommand'

    function Get-Hashes($folder) {
        (Get-ChildItem $folder -File -Force | Sort-Object Name | ForEach-Object { "$($_.Name) $((Get-FileHash $_).Hash)" }) -join "`n"
    }

    # A process of its own that runs commands with the module.
    function Start-Worker($command, $log) {
        $script = "`$ProgressPreference = 'SilentlyContinue'; Import-Module '$ModuleFolder/StableDiffusion.psd1'; Set-Location '$TestDrive'; $command"
        Start-Process ([Environment]::ProcessPath) -ArgumentList "$PSHOME/pwsh.dll", '-NoProfile', '-NonInteractive', '-EncodedCommand', ([Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes($script))) -PassThru -RedirectStandardOutput "$log.out" -RedirectStandardError "$log.err"
    }

    # The claim of a process that has ended, or of one of another computer that works.
    function New-Claim($file, [switch] $Elsewhere) {
        $start = $Elsewhere ? 'x' : '1'
        $machine = $Elsewhere ? 'elsewhere' : [Environment]::MachineName
        $space = $IsLinux ? "$(([System.IO.File]::ReadAllText('/proc/sys/kernel/random/boot_id')).Trim()) $((Get-Item /proc/self/ns/pid).LinkTarget)" : $null
        $null = New-Item -ItemType Directory -Force (Split-Path $file)
        @{ id = 'a'; host = $machine; process = $PID; start = $start; taken = Get-Date; space = $space } | ConvertTo-Json -Compress | Set-Content "$file.claim"
    }
}

Describe 'Claim' {
    BeforeAll {
        Set-Location $TestDrive
        $rows = 1..4 | ForEach-Object { [pscustomobject]@{ Prompt = "a red house $_"; Steps = 2; OutFile = "$_.png" } }
        $null = $rows | New-DiffusionImage -OutDirectory good -Resume
        $good = Get-Hashes good
    }

    AfterAll { Set-Location $PSScriptRoot }

    It 'makes what is free, passes over what another process has, and says so at the end: <_>' -ForEach @{}, @{ StageMajor = $true }, @{ BatchOnDevice = 2 } {
        Remove-Item -Recurse -Force out -ErrorAction Ignore
        New-Claim out/2.png -Elsewhere
        New-Claim out/3.png
        $options = $_
        $made = $rows | New-DiffusionImage -OutDirectory out -Claim @options -Journal out.jsonl -WarningVariable warned -WarningAction SilentlyContinue
        $made.Path | Split-Path -Leaf | Should -Be '1.png', '3.png', '4.png'
        "$warned" | Should -BeExactly '1 image is left to another process, which is making it. If that process stops before the image is finished, run the command again.'
        Get-ChildItem out -Force | Split-Path -Leaf | Should -Be '1.png', '2.png.claim', '3.png', '4.png'
        (Get-Item out/2.png.claim).LastWriteTimeUtc = [DateTime]::UtcNow.AddMinutes(-6)
        $made = $rows | New-DiffusionImage -OutDirectory out -Claim @options
        @($made | ForEach-Object { [bool]$_.IsUnchanged }) | Should -Be $true, $false, $true, $true
        if (-not $options.BatchOnDevice) {
            Get-Hashes out | Should -Be $good
        }
    }

    It 'says what to do about rows whose names are the same' {
        $sweep = 1, 2 | ForEach-Object { [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; Steps = $_ } }
        foreach ($trial in $false, $true) {
            $null = $sweep | New-DiffusionImage -OutDirectory "same$trial" -Claim -WhatIf:$trial -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems.Count | Should -Be 1
            "$($problems[0])" | Should -BeLike "*settings*FileName, such as '{prompt:40}-{seed}-{hash:8}'*"
        }

        @($sweep | New-DiffusionImage -OutDirectory same -Claim -FileName '{prompt:40}-{seed}-{hash:8}').Count | Should -Be 2
        $null = $sweep | ForEach-Object { $_ | Add-Member OutFile one.png -PassThru } | New-DiffusionImage -OutDirectory same -Claim -ErrorAction SilentlyContinue -ErrorVariable problems
        "$($problems[0])" | Should -BeLike '*Choose another name*'
    }

    It 'makes at the end what its process has left meanwhile, also for <name>' -ForEach @(
        @{ name = 'a second pass'; row = @{ Prompt = 'a red house'; Seed = 1; Steps = 2; HiresScale = 1.5 } }
        @{ name = 'a refiner'; row = @{ Prompt = 'a red house'; Seed = 1; Steps = 4; Refiner = 'demo' } }
        @{ name = 'a detailer'; row = @{ Prompt = 'a red house'; Seed = 1; Steps = 4; Detailer = 'Shapes' } }
        @{ name = 'an image to start from'; row = @{ Prompt = 'a red house'; Seed = 1; Steps = 4; InitImage = 'good/1.png' } }
    ) {
        Remove-Item -Recurse -Force late -ErrorAction Ignore
        $expected = New-DiffusionImage @row
        New-Claim late/a.png -Elsewhere
        $row.OutFile = 'late/a.png'
        $made = & {
            [pscustomobject]$row
            [pscustomobject]@{ Prompt = 'a blue fish'; Steps = 1; Seed = 1; OutFile = 'late/b.png' }

            # The other process ends while the second row waits.
            New-Claim late/a.png
        } | New-DiffusionImage -Claim
        $made.Path | Split-Path -Leaf | Should -Be 'b.png', 'a.png'
        Test-SameValue $made[1] $expected | Should -BeTrue
        Get-ChildItem late -Force | Split-Path -Leaf | Should -Be 'a.png', 'b.png'
    }

    It 'works for images that are made again from their records' {
        $null = New-DiffusionImage 'a red house' -Seed 5 -Steps 2 -HiresScale 1.5 -OutFile record.png
        $again = { & { Get-DiffusionMetadata record.png; New-Claim again/a.png } | New-DiffusionImage -OutFile again/a.png -Claim }
        New-Claim again/a.png -Elsewhere
        $null = & $again
        (Get-FileHash again/a.png).Hash | Should -Be (Get-FileHash record.png).Hash
        Get-ChildItem again -Force | Split-Path -Leaf | Should -Be 'a.png'
    }

    It 'names at the end a file that another process made with other settings, and makes it anew with Force' {
        New-Claim differs/1.png -Elsewhere
        $run = { param($options) & { $rows[0]; Copy-Item good/2.png differs/1.png; Remove-Item differs/1.png.claim -ErrorAction Ignore } | New-DiffusionImage -OutDirectory differs -Claim @options }
        { & $run @{ ErrorAction = 'Stop' } } | Should -Throw -ErrorId "OutputDiffers,$cmdlet"
        New-Claim differs/1.png -Elsewhere
        (& $run @{ Force = $true }).Path | Split-Path -Leaf | Should -Be '1.png'
        (Get-FileHash differs/1.png).Hash | Should -Be (Get-FileHash good/1.png).Hash
    }

    It 'gives claims back for rows that fail, and where the pipeline is stopped' {
        $bad = [pscustomobject]@{ Prompt = 'a red house'; Steps = 2; Seed = 1; OutFile = 'failed/a.png'; Width = 96; Lora = 'none' }
        { $bad | New-DiffusionImage -Claim -ErrorAction Stop } | Should -Throw
        'failed/a.png.claim' | Should -Not -Exist
        $null = $rows | New-DiffusionImage -OutDirectory stopped -Claim -StageMajor:$false | Select-Object -First 1
        Get-ChildItem stopped -Force | Split-Path -Leaf | Should -Be '1.png'
    }

    It 'removes what a killed process left beside a finished image' {
        $null = Copy-Item -Recurse good swept
        New-Claim swept/1.png
        New-Claim swept/2.png -Elsewhere
        Set-Content swept/3.png.checkpoint x
        ($rows | New-DiffusionImage -OutDirectory swept -Claim).IsUnchanged | Should -Not -Contain $null
        Get-ChildItem swept -Force | Split-Path -Leaf | Should -Be '1.png', '2.png', '2.png.claim', '3.png', '4.png'
    }

    It 'claims nothing with WhatIf' {
        $null = $rows | New-DiffusionImage -OutDirectory trial -Claim -Checkpoint -WhatIf
        'trial' | Should -Not -Exist
    }

    It 'deals rows to parts by their settings' {
        $many = 1..12 | ForEach-Object { [pscustomobject]@{ Prompt = "a red house $_"; Steps = 1 } }
        $parts = 1..3 | ForEach-Object { , @($many | New-DiffusionImage -OutDirectory parts -Resume -Shard "$_/3" | ForEach-Object Path) }
        ($parts | ForEach-Object { $_ } | Sort-Object -Unique).Count | Should -Be 12
        ($parts | ForEach-Object Count | Measure-Object -Sum).Sum | Should -Be 12
        [array]::Reverse($many)
        ($many | New-DiffusionImage -OutDirectory parts -Resume -Shard '2/3' | ForEach-Object Path | Sort-Object) | Should -Be ($parts[1] | Sort-Object)
        $env:JOB_COMPLETION_INDEX = 1
        $env:STABLEDIFFUSION_SHARD_COUNT = 3
        try {
            ($many | New-DiffusionImage -OutDirectory parts -Resume -Shard Auto | ForEach-Object Path | Sort-Object) | Should -Be ($parts[1] | Sort-Object)
        }
        finally {
            $env:JOB_COMPLETION_INDEX = $env:STABLEDIFFUSION_SHARD_COUNT = $null
        }

        (TabExpansion2 'New-DiffusionImage a -Shard A').CompletionMatches.CompletionText | Should -Be 'Auto'
    }

    It 'refuses <given> before any work' -ForEach @(
        @{ given = @{ Shard = '4/3' }; id = 'ShardInvalid' }
        @{ given = @{ Shard = 'Auto' }; id = 'ShardInvalid' }
        @{ given = @{ Checkpoint = $true }; id = 'CheckpointInvalid' }
        @{ given = @{ ClaimTimeout = 5 }; id = 'ClaimTimeoutInvalid' }
        @{ given = @{ Claim = $true; NoMetadata = $true }; id = 'NoMetadataInvalid' }
    ) {
        { 'a', 'b' | New-DiffusionImage -OutDirectory refused @given -ErrorAction Stop } | Should -Throw -ErrorId "$id,$cmdlet"
        'refused' | Should -Not -Exist
    }

    It 'needs names' {
        { New-DiffusionImage 'a' -Steps 1 -Claim } | Should -Throw -ErrorId "ClaimInvalid,$cmdlet"
    }
}

Describe 'A signal' -Skip:$IsWindows {
    BeforeAll {
        Set-Location $TestDrive
        $row = @{ Prompt = 'a red house'; Seed = 3; Steps = 60 }
        $null = New-DiffusionImage @row -OutFile whole.png
    }

    AfterAll { Set-Location $PSScriptRoot }

    It '<signal> ends the process with code 75, and what is kept is gone on with' -ForEach @(
        @{ signal = 'TERM'; kept = $true }
        @{ signal = 'USR1'; kept = $true }
        @{ signal = 'TERM'; kept = $false }
    ) {
        Remove-Item -Recurse -Force signal -ErrorAction Ignore
        $worker = Start-Worker "[pscustomobject]@{ Prompt = 'a red house'; Seed = 3; Steps = 60; OutFile = 'signal/a.png' }, 'a blue fish' | New-DiffusionImage -OutDirectory . -Claim $($kept ? '-Checkpoint' : '') -Journal signal.jsonl | Out-Null" "$TestDrive/signal"
        while (-not $worker.HasExited -and -not (Test-Path signal/a.png.claim)) { Start-Sleep -Milliseconds 5 }
        & /bin/sh -c "kill -$signal $($worker.Id)"
        $worker.WaitForExit()
        Get-Content signal.err -Raw | Should -BeLike "*The work was ended by SIG$signal.*"
        $worker.ExitCode | Should -Be 75
        Get-ChildItem signal -Force | Split-Path -Leaf | Should -Be ($kept ? 'a.png.checkpoint' : $null)
        Get-DiffusionJournal signal.jsonl | Should -BeNullOrEmpty
        $said = New-DiffusionImage @row -OutFile signal/a.png -Resume -Verbose 4>&1
        @($said | Where-Object { "$_" -like 'Going on from step * of 60*' }).Count | Should -Be ([int]$kept)
        (Get-FileHash signal/a.png).Hash | Should -Be (Get-FileHash whole.png).Hash
        Get-ChildItem signal -Force | Split-Path -Leaf | Should -Be 'a.png'
        Remove-Item signal.jsonl
    }
}

Describe 'Several processes that are killed' {
    It 'make each row once' {
        Set-Location $TestDrive
        1..12 | ForEach-Object { [pscustomobject]@{ Prompt = "a red house $_"; Steps = 12 } } | Export-Csv jobs.csv
        $null = Import-Csv jobs.csv | New-DiffusionImage -OutDirectory whole -Resume
        $start = { Start-Worker "Import-Csv jobs.csv | New-DiffusionImage -OutDirectory shared -Claim -Checkpoint -Journal shared.jsonl | Out-Null" "$TestDrive/worker" }
        $kills = 0
        foreach ($after in 1, 5) {
            $workers = 1..3 | ForEach-Object { & $start }
            while (@(Get-ChildItem shared/*.png -ErrorAction Ignore).Count -lt $after -and ($workers | Where-Object { -not $_.HasExited })) { Start-Sleep -Milliseconds 5 }
            foreach ($worker in $workers | Where-Object { -not $_.HasExited } | Select-Object -First 2) {
                $worker.Kill()
                $kills++
            }

            if ($after -gt 1) {
                $workers.WaitForExit()
            }
            else {
                $workers | Where-Object { -not $_.HasExited } | ForEach-Object { $_.Kill(); $kills++; $_.WaitForExit() }
            }
        }

        $kills | Should -BeGreaterThan 0
        (& $start).WaitForExit()
        Get-Hashes shared | Should -Be (Get-Hashes whole)
        $made = Get-DiffusionJournal shared.jsonl -WarningAction SilentlyContinue | Where-Object Status -EQ Made

        # A process that is killed between the two has written the file and not the line.
        @($made).Count | Should -BeLessOrEqual 12
        $made.File | Group-Object | Where-Object Count -GT 1 | Should -BeNullOrEmpty
        @($made).Count | Should -BeGreaterOrEqual (12 - $kills)
        Set-Location $PSScriptRoot
    }
}
