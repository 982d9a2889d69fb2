# The scheduled examples of about_StableDiffusion_Jobs: the script is run as the examples run it, by its files as they are there.
BeforeDiscovery {
    $hasCrontab = [bool](Get-Command crontab -ErrorAction Ignore)
    $hasSystemd = [bool](Get-Command systemd-analyze -ErrorAction Ignore)
}

BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $page = Get-Content -Raw "$PSScriptRoot/../../docs/en-US/about_StableDiffusion_Jobs.md"
    $blocks = [regex]::Matches($page, '(?s)```(\w*)\n(.*?)```').ForEach{ @{ Language = $_.Groups[1].Value; Text = $_.Groups[2].Value } }
    function Get-Block($pattern) {
        $found = @($blocks | Where-Object Text -Match $pattern)
        $found.Count | Should -Be 1 -Because "one example has $pattern"
        $found[0].Text
    }

    # A home with the folder of the examples, in which pwsh is this one, and the module can be found by its name.
    $homeFolder = (New-Item "$TestDrive/home" -ItemType Directory).FullName
    $pictures = (New-Item "$homeFolder/pictures" -ItemType Directory).FullName
    $bin = (New-Item "$TestDrive/bin" -ItemType Directory).FullName
    Set-Content "$pictures/make.ps1" (Get-Block '^# make\.ps1')
    if (-not $IsWindows) {
        Set-Content "$bin/pwsh" "#!/bin/sh`nexec '$([Environment]::ProcessPath)' '$PSHOME/pwsh.dll' `"`$@`""
        chmod 755 "$bin/pwsh"
    }

    $before = $env:PSModulePath, $env:PATH, $env:HOME
    $env:PSModulePath = $OutFolder + [System.IO.Path]::PathSeparator + $env:PSModulePath

    function Set-Jobs([string[]] $Rows) { Set-Content "$pictures/jobs.csv" (@('Prompt,Seed,Steps') + $Rows) }
}

AfterAll {
    $env:PSModulePath, $env:PATH, $env:HOME = $before
}

Describe 'The script of about_StableDiffusion_Jobs' {
    It 'ends with 1 if rows fail and with 0 if all images are there, and sums up what it did' {
        Set-Jobs 'a red house,1,1', 'a blue fish,2,0', '"never closed,3,1'
        $output = & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -File "$pictures/make.ps1" 2> "$TestDrive/errors.txt"
        $LASTEXITCODE | Should -Be 1
        $output | Should -Be 'Made: 1', 'Failed: 2'
        (Get-Content "$TestDrive/errors.txt") -replace '\e\[[\d;]*m' | Should -BeLike 'jobs.csv, line *'
        @(Get-Content "$TestDrive/errors.txt").Count | Should -Be 2

        Set-Jobs 'a red house,1,1', 'a blue fish,2,1'
        $output = & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -File "$pictures/make.ps1" 2>&1
        $LASTEXITCODE | Should -Be 0
        $output | Should -Be 'Made: 1', 'Unchanged: 1'
    }

    It 'counts an image or a failing row once, if two runs share the table' {
        $sum = [regex]::Match((Get-Content -Raw "$pictures/make.ps1"), '(?ms)^Get-DiffusionJournal.*?(?=^exit)').Value
        Push-Location (New-Item "$TestDrive/shared" -ItemType Directory)
        try {
            Set-Content jobs.csv 'Prompt,Seed,Steps,Count', 'a red house,1,1,2', 'a blue fish,2,0,1', 'a green tree,3,0,1', 'a cat,4,1,1'
            $null = Import-DiffusionTable jobs.csv | Select-Object -Last 1 | New-DiffusionImage -OutDirectory out -Resume
            $begun = Get-Date
            1..2 | ForEach-Object { $null = Import-DiffusionTable jobs.csv | New-DiffusionImage -OutDirectory out -Claim -Journal made.jsonl -ErrorAction SilentlyContinue }
            (Get-DiffusionJournal made.jsonl).Count | Should -Be 10
            & ([scriptblock]::Create($sum)) | Should -Be 'Made: 2', 'Unchanged: 1', 'Failed: 2'
        }
        finally { Pop-Location }
    }

    It 'ends with 2 if the batch was ended by an error that all rows share' {
        Set-Jobs 'a red house,1,1', 'a blue fish,2,1'
        $script = (Get-Content -Raw "$pictures/make.ps1").Replace("Journal = 'made.jsonl' }", "Journal = 'made.jsonl'; Model = 'none' }")
        Set-Content "$pictures/missing.ps1" $script
        $output = & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -File "$pictures/missing.ps1" 2>&1
        $LASTEXITCODE | Should -Be 2
        "$output" | Should -Match "There is no model 'none'"
    }

    It 'ends with 2 if there is no table, none that can be read, or no folder for the images' {
        Set-Content "$pictures/torn.json" '[{"Prompt": "a", '
        Set-Content "$pictures/file" 'not a folder'
        foreach ($given in @('none.csv', 'out'), @('torn.json', 'out'), @('jobs.csv', 'file/out')) {
            & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -File "$pictures/make.ps1" @given *> "$TestDrive/errors.txt"
            $LASTEXITCODE | Should -Be 2 -Because "$given"
        }
    }

    It 'ends with 75 at a signal, and the next run goes on from there' -Skip:$IsWindows {
        Set-Jobs 'a yellow boat,4,400'
        $run = @{ FilePath = [Environment]::ProcessPath; ArgumentList = "$PSHOME/pwsh.dll", '-NoProfile', '-File', "$pictures/make.ps1"; RedirectStandardError = "$TestDrive/term.txt" }
        $worker = Start-Process @run -PassThru
        $end = (Get-Date).AddMinutes(2)
        while (-not (Test-Path "$pictures/out/*.claim") -and (Get-Date) -lt $end) {
            Start-Sleep -Milliseconds 50
        }
        Start-Sleep -Milliseconds 500
        & /bin/sh -c "kill -TERM $($worker.Id)"
        $worker.WaitForExit(60000) | Should -BeTrue
        $worker.ExitCode | Should -Be 75
        "$pictures/out/*.claim" | Should -Not -Exist
        "$pictures/out/*.checkpoint" | Should -Exist
        $output = & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -File "$pictures/make.ps1" 2>&1
        $LASTEXITCODE | Should -Be 0
        $output | Should -Be 'Made: 1'
        "$pictures/out/*.checkpoint" | Should -Not -Exist
    }
}

Describe 'Cron' -Skip:$IsWindows {
    It 'accepts the table' -Skip:(-not $hasCrontab) {
        Set-Content "$TestDrive/crontab" -NoNewline (Get-Block '(?m)^30 1 ')
        crontab -n "$TestDrive/crontab" 2>&1 | Out-String | Should -Match 'successfully checked'
        $LASTEXITCODE | Should -Be 0
    }

    It 'runs the command of the table in the home folder' {
        $line = (Get-Block '(?m)^30 1 ') -split "`n" | Where-Object { $_ -match '^30 1 \* \* \* (.+)$' }
        $command = [regex]::Match($line, '^30 1 \* \* \* (.+)$').Groups[1].Value
        $command | Should -Not -Match '%' -Because 'cron takes it for the end of a line'
        Set-Jobs 'a white star,3,1'
        Push-Location $homeFolder
        try {
            $env:PATH = $bin + ':' + $before[1]
            $env:HOME = $homeFolder
            sh -c $command
            $LASTEXITCODE | Should -Be 0
        }
        finally {
            $env:PATH, $env:HOME = $before[1..2]
            Pop-Location
        }

        Get-Content "$pictures/make.log" | Should -Be 'Made: 1'
        "$pictures/out/a-white-star-3.png" | Should -Exist
    }
}

Describe 'systemd' -Skip:(-not $hasSystemd) {
    It 'accepts the units' {
        $units = (New-Item "$TestDrive/units" -ItemType Directory).FullName
        $service = Get-Block '(?m)^\[Service\]'
        $service | Should -Match '(?m)^ExecStart=/usr/bin/pwsh '
        Set-Content "$units/diffusion.service" $service.Replace('/usr/bin/pwsh', "$bin/pwsh")
        Set-Content "$units/diffusion.timer" (Get-Block '(?m)^\[Timer\]')
        $env:XDG_RUNTIME_DIR = (New-Item "$TestDrive/run" -ItemType Directory).FullName
        try { $output = systemd-analyze verify --man=no "$units/diffusion.timer" "$units/diffusion.service" 2>&1 }
        finally { $env:XDG_RUNTIME_DIR = $null }
        $LASTEXITCODE | Should -Be 0 -Because "$output"
        "$output" | Should -Not -Match 'diffusion\.'

        # It does find faults.
        Set-Content "$units/diffusion.service" $service.Replace('Type=oneshot', 'Type=ones')
        systemd-analyze verify --man=no "$units/diffusion.service" 2>&1 | Out-String | Should -Match 'diffusion\.'
    }

    It 'knows the time of the timer' {
        $time = [regex]::Match((Get-Block '(?m)^\[Timer\]'), '(?m)^OnCalendar=(.+)$').Groups[1].Value
        systemd-analyze calendar $time | Out-String | Should -Match 'Normalized form: \*-\*-\* 01:30:00'
        $LASTEXITCODE | Should -Be 0
    }

    It 'runs the command of the service in its folder' -Skip:$IsWindows {
        $service = Get-Block '(?m)^\[Service\]'
        $command = [regex]::Match($service, '(?m)^ExecStart=/usr/bin/(.+)$').Groups[1].Value
        [regex]::Match($service, '(?m)^WorkingDirectory=%h/(.+)$').Groups[1].Value | Should -Be 'pictures'
        Set-Jobs 'a purple heart,4,1'
        Push-Location $pictures
        try {
            $env:PATH = $bin + ':' + $before[1]
            sh -c $command | Should -Be 'Made: 1'
            $LASTEXITCODE | Should -Be 0
        }
        finally {
            $env:PATH = $before[1]
            Pop-Location
        }
    }
}

Describe 'Task Scheduler' {
    BeforeAll {
        $script = [System.Management.Automation.Language.Parser]::ParseInput((Get-Block 'Register-ScheduledTask'), [ref]$null, [ref]$null)
        $commands = $script.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)
    }

    It 'runs the script with arguments that PowerShell takes' {
        $commands | ForEach-Object { $_.GetCommandName() } | Should -Be 'New-ScheduledTaskAction', 'New-ScheduledTaskTrigger', 'New-ScheduledTaskSettingsSet', 'Register-ScheduledTask'
        $argument = $script.FindAll({ $args[0] -is [System.Management.Automation.Language.StringConstantExpressionAst] -and $args[0].Value -match 'make\.ps1' }, $true).Value
        Set-Jobs 'a green tree,5,1'
        Push-Location $pictures
        try { & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" ($argument -split ' ') | Should -Be 'Made: 1' }
        finally { Pop-Location }
    }

    It 'has the parameters that are given' -Skip:(-not $IsWindows) {
        $null = Invoke-Expression ($script.Extent.Text -replace '(?m)^Register-ScheduledTask.*$')
        $task.Keys | ForEach-Object { (Get-Command Register-ScheduledTask).Parameters.Keys | Should -Contain $_ }
    }
}
