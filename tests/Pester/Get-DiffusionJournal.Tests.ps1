BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Set-Location $TestDrive
    $rows = @(
        [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; Steps = 2; OutFile = 'house.png' }
        [pscustomobject]@{ Prompt = 'a blue fish'; Seed = 2; Steps = 0; OutFile = 'fish.png' }
        [pscustomobject]@{ Prompt = 'a white star'; Seed = 3; Steps = 2; OutFile = 'star.png' }
    )
    $null = $rows[0] | New-DiffusionImage
    $images = $rows | New-DiffusionImage -Resume -Journal made.jsonl -ErrorAction SilentlyContinue
}

AfterAll { Set-Location $PSScriptRoot }

Describe 'Get-DiffusionJournal' {
    It 'tells how the work on each row ended' {
        $entries = Get-DiffusionJournal made.jsonl
        $entries.Status | Should -Be 'Unchanged', 'Failed', 'Made'
        $entries.File | Should -Be (Resolve-Path house.png).Path, $null, (Resolve-Path star.png).Path
        $entries.Seed | Should -Be 1, $null, 3
        $entries[1].ErrorId | Should -Be 'StepsInvalid'
        $entries[1].Message | Should -Match "^Row 2 \('a blue fish', fish.png\): Steps is 0"
        $entries[2].Row, $entries[2].Prompt | Should -Be "Row 3 ('a white star', star.png)", 'a white star'
        $entries[2].Pixels | Should -Be $images[1].Stages[-1].Output
        $entries[2].Seconds | Should -BeGreaterThan 0
        $entries[2].Device | Should -Match '^Cpu'
        $entries[2].Settings.Steps, $entries[2].Settings.Stages | Should -Be 2, $null
        $entries[0].Time | Should -BeLessOrEqual ([DateTimeOffset]::Now)
    }

    It 'has a view of its own' {
        $text = Get-DiffusionJournal made.jsonl | Out-String -Width 80
        $text | Should -Match 'Time +Status +Seconds +File or error'
        $text | Should -Match 'Failed +Row 2'
    }

    It 'is a short list of what is known' {
        $lists = Get-DiffusionJournal made.jsonl | ForEach-Object { ($_ | Format-List | Out-String -Width 300).Trim() -split '\r?\n' }
        $labels = @($lists) -match '^\w+ +: ' -replace ' *:.*'
        $labels[0..3] | Should -Be 'Time', 'Status', 'Row', 'File'
        $lists | Should -Match '^(Time|Status|Row|File|Prompt|Seed|Settings|Seconds|Device|Pixels|ErrorId|Message) +: \S'
        $lists -match '^Settings' | Select-Object -Last 1 | Should -Match ': 2 steps, \w+, 64x64, demo$'
        $lists -match '^ErrorId' | Should -HaveCount 1
    }

    It 'reads several files, and passes over a torn last line with a warning' {
        Set-Content -NoNewline torn.jsonl -Value '{"time":"2026-'
        $entries = Get-ChildItem *.jsonl | Get-DiffusionJournal -WarningVariable warnings -WarningAction SilentlyContinue
        $entries.Count | Should -Be 3
        "$warnings" | Should -Be 'torn.jsonl: The last line, 1, is torn: the process that wrote it has ended, or is writing it now. It was passed over.'
        $null = New-DiffusionImage 'a cat' -Steps 1 -Journal torn.jsonl
        (Get-DiffusionJournal torn.jsonl 3> $null).Prompt | Should -Be 'a cat'
    }

    Context 'with folders and jobs' {
        BeforeAll {
            foreach ($name in 'one', 'two') {
                $null = New-Item "job [1]/.jobs/$name/journals" -ItemType Directory -Force
                Set-Content -LiteralPath "job [1]/.jobs/$name/job.json" '{"job":"StableDiffusion","version":1,"backend":"Local","submitted":"2026-01-02T03:04:05Z","table":"table.csv","rows":2,"images":2,"arraySize":2}'
            }

            function Set-Journal($path, $row) { Set-Content -LiteralPath $path "{`"time`":`"2026-01-02T03:04:05Z`",`"status`":`"Failed`",`"row`":`"$row`"}" }
            Set-Journal 'job [1]/.jobs/one/journals/2.jsonl' 'one, worker 2'
            Set-Journal 'job [1]/.jobs/one/journals/1.jsonl' 'one, worker 1'
            Set-Journal 'job [1]/own.jsonl' own
            '{"Prompt":"a"}', '{"Prompt":"b"}' | Set-Content -LiteralPath 'job [1]/table.jsonl'
            Set-Content -LiteralPath 'job [1]/empty.jsonl' $null
            $null = New-Item none -ItemType Directory
        }

        It 'reads those of <Name>' -ForEach @(
            @{ Name = 'the workers of a job, by its folder'; Path = 'job [1]/.jobs/one'; Rows = 'one, worker 1', 'one, worker 2' }
            @{ Name = 'all jobs of a folder'; Path = 'job [1]/.jobs'; Rows = 'one, worker 1', 'one, worker 2' }
            @{ Name = 'a folder of images, and of its jobs'; Path = 'job [1]/'; Rows = 'own', 'one, worker 1', 'one, worker 2' }
            @{ Name = 'the folder of journals'; Path = 'job [1]/.jobs/one/journals'; Rows = 'one, worker 1', 'one, worker 2' }
            @{ Name = 'a job that has not begun, which has none'; Path = 'job [1]/.jobs/two'; Rows = @() }
        ) {
            (Get-DiffusionJournal -LiteralPath $Path -WarningVariable warnings -ErrorAction Stop).Row | Should -Be $Rows
            $warnings | Should -BeNullOrEmpty -Because 'a table of rows is no journal'
        }

        It 'takes jobs and folders of the pipeline' {
            (Get-DiffusionJob -LiteralPath 'job [1]' | Get-DiffusionJournal).Row | Should -Be 'one, worker 1', 'one, worker 2'
            (Get-DiffusionJob -LiteralPath 'job [1]' | Select-Object Name, Folder | Get-DiffusionJournal).Count | Should -Be 2
            (Get-Item -LiteralPath 'job [1]' | Get-DiffusionJournal).Row | Should -Be 'own', 'one, worker 1', 'one, worker 2'
        }

        It 'names a folder without any, and goes on' {
            $entries = Get-DiffusionJournal none, made.jsonl -ErrorAction SilentlyContinue -ErrorVariable problems
            $entries.Count | Should -Be 3
            $problems.FullyQualifiedErrorId | Should -Be 'JournalInvalid,SdPowerShell.Commands.GetDiffusionJournalCommand'
            "$problems" | Should -BeLike "There is no journal in the folder '*none'. Give *"
        }
    }

    It 'names a file that is not there' {
        { Get-DiffusionJournal none.jsonl -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,SdPowerShell.Commands.GetDiffusionJournalCommand'
    }

    It 'has a line of each image of batches, in order' {
        $null = 'a', 'b' | New-DiffusionImage -Steps 1 -Count 2 -Seed 5 -BatchOnDevice 4 -Journal batch.jsonl
        (Get-DiffusionJournal batch.jsonl).ForEach{ "$($_.Prompt) $($_.Seed)" } | Should -Be 'a 5', 'a 6', 'b 5', 'b 6'
        (Get-DiffusionJournal batch.jsonl).Seconds | ForEach-Object { $_ | Should -BeGreaterThan 0 }
    }

    It 'is not written to with WhatIf, and an error before any work if it cannot be' {
        New-DiffusionImage 'a' -Steps 1 -Journal trial.jsonl -WhatIf *> $null
        'trial.jsonl' | Should -Not -Exist
        { New-DiffusionImage 'a' -Steps 1 -OutFile never.png -Journal none/made.jsonl } | Should -Throw -ErrorId 'FileWriteFailed,SdPowerShell.Commands.NewDiffusionImageCommand'
        'never.png' | Should -Not -Exist
    }

    It 'can be written by several processes at once' {
        $one = "1..10 | ForEach-Object { [pscustomobject]@{ Prompt = 'a'; Steps = 1 } } | New-DiffusionImage -Journal '$TestDrive/shared.jsonl' | Out-Null"
        1..2 | ForEach-Object -Parallel {
            & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -NonInteractive -Command "Import-Module '$using:ModuleFolder/StableDiffusion.psd1'; $using:one"
        }
        (Get-DiffusionJournal shared.jsonl -WarningVariable warnings).Count | Should -Be 20
        $warnings | Should -BeNullOrEmpty
    }
}
