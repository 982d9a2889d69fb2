BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Push-Location $TestDrive

    # What a job left in its folder: the exit codes of its workers are in the log of the one that started them.
    function Get-Log([string]$Folder) {
        Get-ChildItem "$Folder/logs" | ForEach-Object { "--- $($_.Name)"; Get-Content -LiteralPath $_.FullName }
    }
}

AfterAll {
    Get-ChildItem -Directory | Where-Object { Test-Path "$($_.FullName)/.jobs" } | ForEach-Object { Stop-DiffusionJob -LiteralPath $_.FullName -Timeout 5 }
    Pop-Location
}

Describe 'Jobs with local workers' {
    It 'makes each image of a table once, in a folder with any name, and says so from the journals alone' {
        $out = "it's `$(out) ‘a’ [1] é"
        "Prompt,Seed,Steps,OutFile,Count`na red house,1,1,one.png,1`n`"a; `$(throw 1) 'b'`",2,1,two.png,2`nbad,3,0,bad.png,1`ntoo,many,2,fields.png,1,x`n" | Set-Content jobs.csv
        $job = Submit-DiffusionJob jobs.csv $out -Local -Workers 2 -Name "it's `"one`" é" -ErrorAction SilentlyContinue -Parameter @{ NegativePrompt = "it's `"`n`$(1)"; GuidanceScale = 2.5 } -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeLike "1 of 4 rows will fail. The first is jobs.csv, line 4 ('bad', bad.png): Steps is 0, but*. Measure-DiffusionJob lists them." -Because 'that line 5 cannot be read is an error'
        $job.State | Should -Be Running
        $job.Rows, $job.Images, $job.ArraySize, $job.Backend | Should -Be 4, 5, 2, 'Local'
        $job.Folder | Should -Be "$PWD/$out/.jobs/it's `"one`" é"

        $ended = $job | Wait-DiffusionJob -Timeout 300
        $ended.State, $ended.Done, $ended.Failed, $ended.Left, $ended.Running | Should -Be 'Failed', 3, 2, 0, 0 -Because (Get-Log $job.Folder | Out-String)
        (Get-DiffusionJournal -LiteralPath (Get-ChildItem -LiteralPath "$($job.Folder)/journals").FullName | Where-Object ErrorId -EQ RowInvalid).Row | Sort-Object -Unique | Should -Be 'table.csv, line 5'
        (Get-ChildItem -LiteralPath $out -File).Name | Should -Be 'one.png', 'two-1.png', 'two-2.png'
        $made = Get-DiffusionMetadata -LiteralPath "$out/one.png"
        $made.NegativePrompt, $made.GuidanceScale, $made.Steps | Should -Be "it's `"`n`$(1)", 2.5, 1

        # Each worker has its part of the processors, or as many threads as the user says.
        $before = $env:STABLEDIFFUSION_THREADS
        'param($Worker) Set-Content -LiteralPath "$PSScriptRoot/threads-$Worker" $env:STABLEDIFFUSION_THREADS' | Set-Content -LiteralPath "$($job.Folder)/run.ps1"
        foreach ($given in '', '7') {
            $env:STABLEDIFFUSION_THREADS = $given
            Push-Location
            & "$($job.Folder)/supervise.ps1" | Out-Null
            Pop-Location
            Get-Content -LiteralPath "$($job.Folder)/threads-1", "$($job.Folder)/threads-2" | Should -Be (@($given ? $given : [Math]::Max(1, [Math]::Floor([Environment]::ProcessorCount / 2))) * 2)
        }

        $env:STABLEDIFFUSION_THREADS = $before

        # After everything but table, record and journals is gone.
        Get-ChildItem -LiteralPath $job.Folder -Exclude journals, job.json, table.csv -Force | Remove-Item -Recurse
        $later = Get-DiffusionJob -LiteralPath $out
        $later.State, $later.Done, $later.Failed, $later.ImagesPerHour -gt 0 | Should -Be 'Failed', 3, 2, $true
        (Get-DiffusionJob -LiteralPath $job.Folder).Done | Should -Be 3
    }

    It 'makes prompts and rows of the pipeline, goes on with a stopped job, and starts a killed worker again' {
        $rows = 1..20 | ForEach-Object { [pscustomobject]@{ Prompt = 'a red house'; Seed = $_; Steps = 20; OutFile = "$_.png" } }
        $job = $rows | Submit-DiffusionJob -OutDirectory pipe -Local -Workers 2
        $job.Name | Should -Be job
        for ($wait = 0; $wait -lt 600 -and (Get-ChildItem pipe/*.png).Count -lt 3; $wait++) { Start-Sleep -Milliseconds 100 }
        $worker = Get-Content "$($job.Folder)/workers/1.json" | ConvertFrom-Json
        Stop-Process -Id $worker.processId -Force
        for ($wait = 0; $wait -lt 600 -and (Get-Content "$($job.Folder)/workers/1.json" -Raw | ConvertFrom-Json -ErrorAction Ignore).processId -in $null, $worker.processId; $wait++) { Start-Sleep -Milliseconds 100 }
        Get-Log $job.Folder | Out-String | Should -Match 'Worker 1 ended with code 137'

        Stop-DiffusionJob pipe -WhatIf
        (Get-DiffusionJob pipe).State | Should -Be Running
        $stopped = Stop-DiffusionJob pipe job -PassThru
        $stopped.State, $stopped.Running | Should -Be 'Stopped', 0
        $stopped.Left | Should -BeGreaterThan 0
        $made = (Get-ChildItem pipe/*.png).Count
        $stopped.Done | Should -BeIn $made, ($made - 1) -Because 'the killed worker may have written a file, and no line of its journal'

        # Started again by hand.
        Push-Location
        & "$($job.Folder)/supervise.ps1" | Out-Null
        Pop-Location
        $ended = Get-DiffusionJob pipe
        $ended.Name, $ended.State, $ended.Done | Should -Be 'job', 'Completed', 20 -Because (Get-Log $ended.Folder | Out-String)
        (Get-ChildItem pipe -File).Name | Sort-Object | Should -Be (1..20 | ForEach-Object { "$_.png" } | Sort-Object)
        $ended.Folder | ForEach-Object { Get-DiffusionJournal "$_/journals/*.jsonl" } | Where-Object Status -EQ Made | Measure-Object | ForEach-Object Count | Should -BeIn 20, 19

        # Submitted again under the same name.
        $rows | Submit-DiffusionJob -OutDirectory pipe -Name job -Local -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        "$problems" | Should -BeLike '*give Force*'
        $rows | Submit-DiffusionJob -OutDirectory pipe -WhatIf -Verbose 4>&1 | Out-String | Should -Match '--job-name=job-2'
        $again = $rows | Submit-DiffusionJob -OutDirectory pipe -Name job -Local -Force
        $rows | Submit-DiffusionJob -OutDirectory pipe -Name job -Local -Force -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        "$problems" | Should -BeLike '*has not ended*Stop-DiffusionJob*'
        $again = $again | Wait-DiffusionJob -Timeout 300
        $again.State, $again.Done | Should -Be 'Completed', 20
        $again | Get-DiffusionJournal | Select-Object -ExpandProperty Status -Unique | Should -Be Unchanged
        Get-ChildItem pipe/.jobs -Force | Split-Path -Leaf | Should -Be job
    }
}

Describe 'Submit-DiffusionJob' {
    BeforeAll {
        "Prompt`na`nb`n" | Set-Content two.csv
    }

    It 'writes nothing with WhatIf, and shows the script' {
        $text = Submit-DiffusionJob two.csv trial -WhatIf -Verbose -Partition gpu -ArraySize 9 4>&1 | Out-String
        $text | Should -Match '#SBATCH --partition=gpu' 
        $text | Should -Match '#SBATCH --array=1-2\b'
        'trial' | Should -Not -Exist
    }

    It 'refuses <Why>' -ForEach @(
        @{ Why = 'a table without rows'; Arguments = @{ Path = 'none.csv' }; Id = 'TableInvalid' }
        @{ Why = 'a table that is not there'; Arguments = @{ Path = 'missing.csv' }; Id = 'PathNotFound' }
        @{ Why = 'a name that no folder has'; Arguments = @{ Path = 'two.csv'; Name = 'a/b' }; Id = 'NameInvalid' }
        @{ Why = 'a name in two lines'; Arguments = @{ Path = 'two.csv'; Name = "a`n#SBATCH --x" }; Id = 'NameInvalid' }
        @{ Why = 'a time that is too short'; Arguments = @{ Path = 'two.csv'; Time = '3' }; Id = 'TimeInvalid' }
        @{ Why = 'an option in two lines'; Arguments = @{ Path = 'two.csv'; Partition = "a`nb" }; Id = 'PartitionInvalid' }
        @{ Why = 'options of Slurm for local workers'; Arguments = @{ Path = 'two.csv'; Local = $true; Partition = 'a' }; Id = 'PartitionInvalid' }
        @{ Why = 'local workers for Slurm'; Arguments = @{ Path = 'two.csv'; Workers = 2 }; Id = 'WorkersInvalid' }
        @{ Why = 'no local worker'; Arguments = @{ Path = 'two.csv'; Local = $true; Workers = 0 }; Id = 'WorkersInvalid'; Message = 'Workers is 0, but must be between 1 and 256.' }
        @{ Why = 'more local workers than there may be'; Arguments = @{ Path = 'two.csv'; Local = $true; Workers = 257 }; Id = 'WorkersInvalid'; Message = 'Workers is 257, but must be between 1 and 256.' }
        @{ Why = 'a part of a worker'; Arguments = @{ Path = 'two.csv'; Local = $true; Workers = 1.5 }; Id = 'WorkersInvalid'; Message = "Workers is '1.5', but must be a whole number*" }
        @{ Why = 'an array of no task'; Arguments = @{ Path = 'two.csv'; ArraySize = 0 }; Id = 'ArraySizeInvalid'; Message = 'ArraySize is 0, but must be between 1 and 100000.' }
        @{ Why = 'no processor'; Arguments = @{ Path = 'two.csv'; CpusPerTask = 0 }; Id = 'CpusPerTaskInvalid'; Message = 'CpusPerTask is 0, but must be between 1 and 100000.' }
        @{ Why = 'an unknown setting'; Arguments = @{ Path = 'two.csv'; Parameter = @{ Step = 2 } }; Id = 'ParameterInvalid' }
        @{ Why = 'a setting that it makes itself'; Arguments = @{ Path = 'two.csv'; Parameter = @{ OutDirectory = 'x' } }; Id = 'ParameterInvalid' }
        @{ Why = 'a value that no script can say'; Arguments = @{ Path = 'two.csv'; Parameter = @{ InitImage = [version]'1.0' } }; Id = 'ParameterInvalid' }
        @{ Why = 'a value that holds itself'; Arguments = @{ Path = 'two.csv'; Parameter = $(($holding = @{}).a = $holding; @{ SchedulerOption = $holding }) }; Id = 'ParameterInvalid' }
        @{ Why = 'a template without a field'; Arguments = @{ Path = 'two.csv'; FileName = 'a' }; Id = 'FileNameInvalid' }
    ) {
        Set-Content none.csv 'Prompt'
        $null = Submit-DiffusionJob @Arguments -OutDirectory never -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems[0].FullyQualifiedErrorId | Should -Be "$Id,SdPowerShell.Commands.SubmitDiffusionJobCommand"
        $problems[0].Exception.Message | Should -BeLike ($Message ?? '*')
        'never' | Should -Not -Exist
    }

    It 'submits the rows that can be read, and names the others' {
        '{"Prompt":"a"}', '{"Prompt":', '{"Prompt":"b","Count":3}' | Set-Content torn.jsonl
        $text = Submit-DiffusionJob torn.jsonl torn -WhatIf -Verbose -ErrorAction SilentlyContinue -ErrorVariable problems 4>&1 | Out-String
        $problems.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'RowInvalid,*'
        "$($problems[0])" | Should -Match 'torn.jsonl, line 2'
        $text | Should -Match '#SBATCH --array=1-4'
    }

    It 'warns of rows that will fail: <Name>' -ForEach @(
        @{ Name = 'none'; Rows = 'a,1', 'b,2' }
        @{ Name = 'of a table'; Rows = 'a,1', 'b,0', 'c,1', 'd,-1'; Warning = "2 of 4 rows will fail. The first is rows.csv, line 3 ('b'): Steps is 0, but * Measure-DiffusionJob lists them." }
        @{ Name = 'the only one'; Rows = , 'a,many'; Warning = "1 of 1 row will fail. The first is rows.csv, line 2 ('a'): Steps is 'many', but *" }
        @{ Name = 'all, by what they share'; Rows = 'a,1', 'b,2'; Given = @{ Parameter = @{ Width = 'wide' } }; Warning = "All rows will fail. Width is 'wide', but *" }
        @{ Name = 'by the files that are there'; Rows = 'a,1', 'b,2'; Given = @{ FileName = 'same{index}' }; Warning = '1 of 2 rows will fail. The first is rows.csv, line 3*is also the file of an earlier row*' }
        @{ Name = 'a device that is not here'; Rows = 'a,1', 'b,2'; Given = @{ Local = $true; Parameter = @{ Device = 'Cuda:9' } }; Warning = '2 of 2 rows will fail. *' }
        @{ Name = 'no device that a node may have'; Rows = 'a,1', 'b,2'; Given = @{ Parameter = @{ Device = 'Cuda:9' } } }
        @{ Name = 'some rows of a long table'; Rows = , 'a,0' + , 'a,1' * 2999; Warning = '1 of * rows that were checked, of 3000, will fail. The first is rows.csv, line 2 *' }
    ) {
        Set-Content rows.csv (, 'Prompt,Steps' + $Rows)
        $Error.Clear()
        $given = $Given ?? @{}
        $job = Submit-DiffusionJob rows.csv warned -WhatIf @given -WarningVariable warnings -WarningAction SilentlyContinue
        $job | Should -BeNullOrEmpty
        $Error.Count | Should -Be 0
        @($warnings).Count | Should -Be ($Warning ? 1 : 0) -Because "$warnings"
        if ($Warning) { "$warnings" | Should -BeLike $Warning }
        'warned' | Should -Not -Exist
    }

    It 'names rows of the pipeline by the table that workers read, and is not submitted where a warning stops' {
        $null = 'a', '# no prompt', '', 'b' | Submit-DiffusionJob -OutDirectory warned -WhatIf -Parameter @{ Steps = 0 } -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -BeLike "2 of 2 rows will fail. The first is table.jsonl, line 1 ('a'): Steps is 0, *"
        { 'a' | Submit-DiffusionJob -OutDirectory warned -Local -Parameter @{ Steps = 0 } -WarningAction Stop } | Should -Throw '*1 of 1 row will fail*'
        'warned' | Should -Not -Exist
    }

    It 'takes no object that another process could not read' {
        $null = [pscustomobject]@{ Prompt = 'a'; InitImage = [System.IO.MemoryStream]::new() }, [pscustomobject]@{ Prompt = 'b' } | Submit-DiffusionJob -OutDirectory never -WhatIf -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'InitImageInvalid,*'
        "$($problems[0])" | Should -Match "^Row 1 \('a'\)"
    }

    It 'leaves nothing where there is no Slurm, or it refuses, and says it in its words' -Skip:($IsWindows) {
        $path = $env:PATH
        try {
            $env:PATH = "$TestDrive/tools"
            { Submit-DiffusionJob two.csv refused -ErrorAction Stop } | Should -Throw '*sbatch was not found*' -ErrorId 'JobControlFailed,*'
            $null = New-Item tools -ItemType Directory
            "#!/bin/sh`necho 'sbatch: error: invalid partition specified: moon' >&2`nexit 1" | Set-Content tools/sbatch
            /bin/chmod +x tools/sbatch
            { Submit-DiffusionJob two.csv refused -Partition moon -ErrorAction Stop } | Should -Throw '*sbatch: error: invalid partition specified: moon*' -ErrorId 'JobControlFailed,*'
        }
        finally { $env:PATH = $path }
        Get-ChildItem refused -Force | Should -BeNullOrEmpty
    }
}

Describe 'Get-DiffusionJob, Wait-DiffusionJob and Stop-DiffusionJob' {
    BeforeAll {
        function Add-Job([string]$Name, [string]$Json) {
            $null = New-Item "known/.jobs/$Name" -ItemType Directory -Force
            Set-Content "known/.jobs/$Name/job.json" ($Json ? $Json : '{"job":"StableDiffusion","version":1,"backend":"Local","submitted":"2026-01-02T03:04:05Z","table":"table.csv","rows":2,"images":2,"arraySize":2}')
        }

        Add-Job good
        Add-Job 'it''s'
        Add-Job broken '{"job":"other"}'
    }

    It 'ends no process that is none of the job' -Skip:(-not $IsLinux) {
        "Prompt`na" | Set-Content stranger.csv
        $null = Submit-DiffusionJob stranger.csv strangers -Name forged -Local -Workers 1 -Parameter @{ Steps = 1 } | Wait-DiffusionJob -Timeout 120
        $stranger = Start-Process sleep 300 -PassThru
        try {
            @{ host = [Environment]::MachineName; processId = $stranger.Id; started = $stranger.StartTime.ToUniversalTime().ToString('o') } | ConvertTo-Json | Set-Content strangers/.jobs/forged/workers/7.json
            Stop-DiffusionJob strangers -Timeout 1 -ErrorAction SilentlyContinue
            $stranger.HasExited | Should -BeFalse
        }
        finally { $stranger.Kill() }
    }

    It 'ends no job of Slurm that was submitted elsewhere, and those that were submitted again by hand' -Skip:($IsWindows) {
        Add-Job slurm '{"job":"StableDiffusion","version":1,"backend":"Slurm","slurmId":"77","submitted":"2026-01-02T03:04:05Z","table":"table.csv","rows":2,"images":2,"arraySize":2}'
        $null = New-Item bin -ItemType Directory -Force
        "#!/bin/sh`ncat '$TestDrive/queue' 2> /dev/null" | Set-Content bin/squeue
        "#!/bin/sh`necho `"`$@`" >> '$TestDrive/ended'; : > '$TestDrive/queue'" | Set-Content bin/scancel
        /bin/chmod +x bin/squeue bin/scancel
        $path = $env:PATH
        try {
            $env:PATH = "$TestDrive/bin$([System.IO.Path]::PathSeparator)$path"
            $folder = (Get-Item known/.jobs/slurm -Force).FullName
            Set-Content queue '77 RUNNING /home/other/work'
            (Get-DiffusionJob known slurm).State | Should -Be Stopped
            Stop-DiffusionJob known slurm
            'ended' | Should -Not -Exist

            Add-Content queue "78 PENDING $folder"
            (Get-DiffusionJob known slurm).State | Should -Be Pending
            { Stop-DiffusionJob known slurm -ErrorAction Stop } | Should -Throw "*names the job 77*'/home/other/work'*" -ErrorId 'JobControlFailed,*'
            'ended' | Should -Not -Exist

            Set-Content queue "77 RUNNING $folder", "78 RUNNING $folder", '79 RUNNING /home/other/work'
            (Get-DiffusionJob known slurm).State | Should -Be Running
            Stop-DiffusionJob known slurm
            Get-Content ended | Should -Be '--state=PENDING 77 78', '--batch --signal=TERM 77 78', '77 78'
            Get-Content known/.jobs/slurm/stopped | Should -Be 77, 78
        }
        finally {
            $env:PATH = $path
            Remove-Item known/.jobs/slurm -Recurse -Force
        }
    }

    It 'finds jobs by wildcards, and names those that cannot be read' {
        (Get-DiffusionJob known g*).Name | Should -Be good
        (Get-DiffusionJob known 'good', 'it''s').State | Should -Be Stopped, Stopped
        $jobs = Get-DiffusionJob known -ErrorAction SilentlyContinue -ErrorVariable problems
        $jobs.Name | Should -Be 'good', 'it''s'
        $problems.FullyQualifiedErrorId | Should -Be 'JobInvalid,SdPowerShell.Commands.GetDiffusionJobCommand'
    }

    It '<Command> names a job that is not there' -ForEach @{ Command = 'Get-DiffusionJob' }, @{ Command = 'Wait-DiffusionJob' }, @{ Command = 'Stop-DiffusionJob' } {
        { & $Command known none -ErrorAction Stop } | Should -Throw "*no job 'none'*'good'*" -ErrorId "JobNotFound,*"
        { & $Command . other -ErrorAction Stop } | Should -Throw '*no job in*' -ErrorId "JobNotFound,*"
    }

    It 'needs to be told what to stop' {
        Push-Location known
        try { { Stop-DiffusionJob -ErrorAction Stop } | Should -Throw -ErrorId 'NameInvalid,*' }
        finally { Pop-Location }
    }

    It 'waits for no longer than it is told' {
        $live = Get-Process -Id $PID
        $null = New-Item known/.jobs/good/workers -ItemType Directory
        @{ host = [Environment]::MachineName; processId = $PID; started = $live.StartTime.ToUniversalTime().ToString('o') } | ConvertTo-Json | Set-Content known/.jobs/good/workers/1.json
        $job = Wait-DiffusionJob known good -Timeout 1 -PollInterval 1 -ErrorAction SilentlyContinue -ErrorVariable problems
        $job.State, $job.Name | Should -Be Running, good
        $problems.FullyQualifiedErrorId | Should -Be 'JobNotEnded,SdPowerShell.Commands.WaitDiffusionJobCommand'
        Remove-Item known/.jobs/good/workers -Recurse
    }

    It 'completes names' {
        $line = 'Get-DiffusionJob known -Name '
        ([System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null)).CompletionMatches.CompletionText | Should -Be 'broken', 'good', "'it''s'"
    }

    It 'is shown in 80 columns' {
        $text = Get-DiffusionJob known good | Out-String -Width 80
        $text | Should -Match 'State\s+Images\s+Done\s+Failed\s+In work\s+An hour\s+Time left\s+Name'
        $text | Should -Match 'Stopped\s+2\s+0\s+0\s+0\s+good'

        # A long name is whole, in two lines where there is no room for one.
        $long = 'a name of more than eighteen letters'
        Copy-Item known/.jobs/good "known/.jobs/$long" -Recurse
        Get-DiffusionJob known $long | Out-String -Width 120 | Should -Match "Stopped\s+2\s+0\s+0\s+0\s+$long"
        $narrow = Get-DiffusionJob known $long | Out-String -Width 80
        $narrow | Should -Match 'Stopped\s+2\s+0\s+0\s+0\s+a name of more than\s+eighteen letters'
        Remove-Item "known/.jobs/$long" -Recurse
    }

    It 'is a short list of what is known, with rounded numbers' {
        $null = New-Item known/.jobs/good/journals -ItemType Directory
        '{"time":"2026-01-02T03:05:00Z","status":"Made","row":"table.csv, line 2","file":"/a.png","seconds":1.23456}' | Set-Content known/.jobs/good/journals/1.jsonl
        $lines = (Get-DiffusionJob known good | Format-List | Out-String -Width 80).Trim() -split '\r?\n'
        ($lines -replace ' *:.*') | Should -Be 'Name', 'State', 'Rows', 'Images', 'Done', 'Failed', 'Running', 'Left', 'ImagesPerHour', 'Backend', 'ArraySize', 'Submitted', 'Folder', 'OutDirectory'
        $lines -match '^ImagesPerHour' | Should -Match ': 2916$'
        $lines -match '^Submitted' | Should -Match ': \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$'
        Remove-Item known/.jobs/good/journals -Recurse
    }
}
