BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Set-Location $TestDrive
    $null = New-DiffusionImage 'a red house' -Seed 1 -Steps 1 -OutFile start.png
    $null = New-DiffusionImage 'a blue fish' -Seed 2 -Steps 1 -Width 72 -OutFile wide.png
    Set-Content file -Value 'not a folder'
    Set-Content broken.png -Value 'not an image'
}

AfterAll { Set-Location $PSScriptRoot }

Describe 'Measure-DiffusionJob' {
    It 'counts the images of a table and what they take, and makes none' {
        Set-Content jobs.csv -Value 'Prompt,Seed,Steps,Count', 'a red house,1,2,', 'a blue fish,2,3,2', 'a white star,3,0,'
        $before = (Get-ChildItem -Recurse).FullName
        $bill = Measure-DiffusionJob jobs.csv out -Verbose 4>&1
        $bill | Should -HaveCount 1 -Because 'nothing is opened'
        (Get-ChildItem -Recurse).FullName | Should -Be $before
        $bill.Rows, $bill.Images, $bill.ToMake, $bill.Unchanged, $bill.Failed, $bill.UNetCalls | Should -Be 3, 4, 3, 0, 1, 16
        "$bill" | Should -Be '3 rows, 4 images: 3 to make, 0 unchanged, 1 of rows that fail'
        $bill.Failing.ForEach{ "$($_.Number) $($_.Line) $($_.ErrorId) $($_.Message)" } | Should -BeLike "3 4 StepsInvalid jobs.csv, line 4 ('a white star'): Steps is 0*"
        $bill.Time, $bill.Seconds, $bill.ImagesWithoutHistory | Should -Be $null, $null, 3
        $bill.Models.Name, $bill.Models.Images | Should -Be 'demo', 3
        $bill.Models.Size | Should -BeGreaterThan 1MB
        $bill.PeakMemory | Should -BeGreaterThan $bill.Models.Size
        $bill.IsDiskBound | Should -BeTrue
        $bill.Disk | Should -BeGreaterOrEqual (3 * 64 * 64 * 3)
        $bill.DiskFree | Should -BeGreaterThan 0
    }

    It 'finds the very rows that fail when the table is run, by the same errors' {
        $rows = @(
            @{ Prompt = 'fine'; Seed = 1; OutFile = 'fine.png' }
            @{ Prompt = 'no step'; Steps = 0 }
            @{ Prompt = 'no scheduler'; Scheduler = 'Eulr' }
            @{ Prompt = 'no number'; Steps = 'many' }
            @{ Prompt = ''; Seed = 3 }
            @{ Prompt = 'same name'; Seed = 2; OutFile = 'fine.png' }
            @{ Prompt = 'fine'; Seed = 1; OutFile = 'fine.png' }
            @{ Prompt = 'no image'; InitImage = 'none.png' }
            @{ Prompt = 'broken image'; InitImage = 'broken.png' }
            @{ Prompt = 'no mask'; InitImage = 'start.png'; MaskImage = 'wide.png' }
            @{ Prompt = 'no LoRA'; Lora = 'none:0.5' }
            @{ Prompt = 'no embedding'; TextualInversion = 'none' }
            @{ Prompt = 'no model'; Model = 'none' }
            @{ Prompt = 'no folder'; OutFile = '../file/a.png' }
            @{ Prompt = 'no file type'; OutFile = 'a.gif' }
            @{ Prompt = 'no ControlNet'; ControlNet = 'none'; ControlImage = 'start.png' }
            @{ Prompt = 'no VAE'; Vae = 'none' }
            @{ Prompt = 'no detector'; Detailer = 'none' }
            @{ Prompt = 'no upscaler'; HiresScale = 2; HiresUpscaler = 'none' }
            @{ Prompt = 'no layer'; ClipSkip = 9 }
            @{ Prompt = 'no edit'; ImageGuidanceScale = 2 }
            @{ Prompt = 'no device'; Device = 'Cuda:9' }
            @{ Prompt = 'no switch'; NoMetadata = 'maybe' }
            @{ Prompt = 'no size'; Width = 65 }
            @{ Prompt = 'start alone'; Strength = 0.5 }
            @{ Prompt = 'no refiner'; Refiner = 'none' }
            @{ Prompt = 'fine too'; Seed = 7; HiresScale = 1.5 }
        )
        $names = 'Prompt', 'Seed', 'Steps', 'OutFile', 'InitImage', 'MaskImage', 'Lora', 'TextualInversion', 'Model', 'Scheduler', 'ControlNet', 'ControlImage', 'Vae', 'Detailer', 'HiresScale', 'HiresUpscaler', 'ClipSkip', 'ImageGuidanceScale', 'Device', 'NoMetadata', 'Width', 'Strength', 'Refiner'
        $rows.ForEach{ if (-not $_.ContainsKey('Steps')) { $_.Steps = 1 }; [pscustomobject]$_ } | Select-Object $names | Export-Csv bad.csv
        Add-Content bad.csv -Value '"never closed', 'too few,1'

        foreach ($resume in $true, $false) {
            $bill = Measure-DiffusionJob bad.csv -OutDirectory "bad$resume" -Parameter @{ Resume = $resume }
            $made = Import-DiffusionTable bad.csv -ErrorVariable +errors -ErrorAction SilentlyContinue |
                New-DiffusionImage -Resume:$resume -OutDirectory "bad$resume" -ErrorVariable +errors -ErrorAction SilentlyContinue
            $ran = $errors.ForEach{ [pscustomobject]@{ Line = $_.TargetObject.PSTableRow.Line ?? $_.Exception.Line; Id = ($_.FullyQualifiedErrorId -split ',')[0] } } | Sort-Object Line, Id -Unique
            $bill.Failing.ForEach{ "$($_.Line) $($_.ErrorId)" } | Should -Be $ran.ForEach{ "$($_.Line) $($_.Id)" }
            $bill.Failing.Message | ForEach-Object { $_ | Should -Match '^bad\.csv, line \d+' }
            $bill.Failing.Count | Should -BeGreaterThan 20
            $bill.ToMake + $bill.Unchanged | Should -Be @($made).Count
            $bill.Images, $bill.Failed | Should -Be $bill.Rows, $bill.Failing.Count
            $bill.Unchanged | Should -Be @($made | Where-Object IsUnchanged).Count
            $errors.Clear()
        }
    }

    It 'counts the calls of the U-Net: <Name>' -ForEach @(
        @{ Name = 'with guidance'; Given = @{}; Calls = 20 }
        @{ Name = 'without guidance'; Given = @{ GuidanceScale = 1 }; Calls = 10 }
        @{ Name = 'guidance of half of the steps'; Given = @{ GuidanceEnd = 0.5 }; Calls = 15 }
        @{ Name = 'two calls in each step but the last'; Given = @{ Scheduler = 'Heun' }; Calls = 38 }
        @{ Name = 'three prompts and a negative one'; Given = @{ Prompt = 'a AND b AND c'; PromptSyntax = 'A1111' }; Calls = 40 }
        @{ Name = 'half of the steps from an image'; Given = @{ InitImage = 'start.png'; Strength = 0.5 }; Calls = 10 }
        @{ Name = 'a second pass'; Given = @{ HiresScale = 2; HiresSteps = 4 }; Calls = 28 }
        @{ Name = 'a second pass in four tiles'; Given = @{ HiresScale = 2; HiresSteps = 4; HiresTileSize = 64; HiresTileOverlap = 0 }; Calls = 52 }
        @{ Name = 'a refiner'; Given = @{ Refiner = 'demo' }; Calls = 20 }
        @{ Name = 'images of one prompt'; Given = @{ Count = 3 }; Calls = 60 }
    ) {
        $row = @{ Prompt = 'a red house'; Seed = 1; Steps = 10 }
        $Given.Keys | ForEach-Object { $row[$_] = $Given[$_] }
        ([pscustomobject]$row | Measure-DiffusionJob).UNetCalls | Should -Be $Calls
    }

    It 'counts windows: as many calls as New-DiffusionImage says it has windows' {
        $image = New-DiffusionImage 'a' -Seed 1 -Steps 1 -Width 160 -DiffusionTiling MultiDiffusion -DiffusionTileSize 64 -DiffusionTileOverlap 32
        ([pscustomobject]@{ Prompt = 'a'; Steps = 1; Width = 160; DiffusionTiling = 'MultiDiffusion'; DiffusionTileSize = 64; DiffusionTileOverlap = 32 } | Measure-DiffusionJob).UNetCalls | Should -Be (2 * 4)
        $image.Width | Should -Be 160
    }

    It 'takes the time and the size of files from journals' {
        $lines = foreach ($row in 1..6) {
            $seconds = $row -eq 1 ? 9 : $row % 2 ? 2.1 : 1.1
            $steps = $row % 2 ? 4 : 2
            @{ time = [DateTimeOffset]::new(2026, 1, 1, 0, 0, 3 * $row, [TimeSpan]::Zero); status = 'Made'; file = "$TestDrive/start.png"; seconds = $seconds; device = $device; settings = @{ Prompt = 'a'; Seed = $row; Steps = $steps; Width = 64; Height = 64; Model = 'demo'; GuidanceScale = 7.5 } }
        }
        $device = (New-DiffusionImage 'a' -Steps 1).Stages[-1].Made.Device
        $lines.ForEach{ $_.device = $device; $_ | ConvertTo-Json -Compress } | Set-Content history.jsonl
        $bill = 1..10 | ForEach-Object { [pscustomobject]@{ Prompt = 'a'; Seed = $_; Steps = 6; OutFile = "$_.png" } } | Measure-DiffusionJob -Journal history.jsonl -OutDirectory out

        # 2 steps take 1.1 seconds and 4 take 2.1, so 6 take 3.1; the first image took 6.9 longer.
        $bill.Seconds | Should -BeGreaterThan 37.8
        $bill.Seconds | Should -BeLessThan 38
        $bill.ImagesWithoutHistory, $bill.IsDiskBound | Should -Be 0, $false
        $bill.Disk | Should -Be (10 * (Get-Item start.png).Length)
        $other = [pscustomobject]@{ Prompt = 'a'; Width = 128 }, [pscustomobject]@{ Prompt = 'a'; Steps = 4 } | Measure-DiffusionJob -Journal history.jsonl
        $other.ImagesWithoutHistory | Should -Be 1
        $other.Seconds | Should -BeGreaterThan 8.9
    }

    It 'counts what an earlier run made as unchanged, and opens no model for it' {
        Set-Content done.csv -Value 'Prompt,Steps', 'a red house,1', 'a blue fish,1'
        $null = Import-DiffusionTable done.csv | Select-Object -First 1 | New-DiffusionImage -OutDirectory done -Resume
        $bill = Measure-DiffusionJob done.csv -OutDirectory done
        $bill.Unchanged, $bill.ToMake, $bill.Images | Should -Be 1, 1, 2
        (Measure-DiffusionJob done.csv -OutDirectory done -FileName '{seed}').ToMake | Should -Be 2
        (Measure-DiffusionJob done.csv -OutDirectory done -Parameter @{ Resume = $false }).ToMake | Should -Be 2
    }

    It 'measures 1,200 rows, and keeps what errors the session had' {
        $Error.Clear()
        $lines = @('Prompt,Steps,OutFile') + (1..1200).ForEach{ $_ % 400 ? "a,1,$_.png" : "a,0,$_.png" }
        Set-Content many.csv -Value $lines
        $bill = Measure-DiffusionJob many.csv -OutDirectory out
        $bill.Images, $bill.ToMake, $bill.Failed | Should -Be 1200, 1197, 3
        $bill.Failing.Line | Should -Be 401, 801, 1201
        $bill.Failing.Number | Should -Be 400, 800, 1200
        $Error.Count | Should -Be 0
        $piped = Import-Csv many.csv | Measure-DiffusionJob -OutDirectory out
        $piped.Failing.Message | Should -BeLike 'Row * (''a'', *.png): Steps is 0*'
        $piped.Failing.ForEach{ $_.Message -replace ' \(.*' } | Should -Be 'Row 400', 'Row 800', 'Row 1200'
    }

    It 'counts the images that a table asks for, as a job does: <Name>' -ForEach @(
        @{ Name = 'by a column'; Given = @{}; Images = 9; Failed = 7 }
        @{ Name = 'by a parameter'; Given = @{ Count = 4 }; Images = 20; Failed = 12 }
        @{ Name = 'by a parameter in another case'; Given = @{ COUNT = 4 }; Images = 20; Failed = 12 }
    ) {
        Set-Content counted.csv -Value 'Prompt,Steps,Count', 'a,1,2', 'b,0,3', 'c,1,many', 'd,1,1,x', 'e,0,2'
        $bill = Measure-DiffusionJob counted.csv -OutDirectory out -Parameter $Given
        $bill.Images, $bill.Failed, $bill.ToMake | Should -Be $Images, $Failed, ($Images - $Failed)
        $bill.Failing.ErrorId | Should -Be ($Given.Count ? @('StepsInvalid', 'RowInvalid', 'StepsInvalid') : @('StepsInvalid', 'CountInvalid', 'RowInvalid', 'StepsInvalid'))

        # A task for each image of the rows that can be read.
        $script = Submit-DiffusionJob counted.csv out -ArraySize 100 -Parameter $Given -WhatIf -Verbose -WarningAction SilentlyContinue -ErrorAction SilentlyContinue 4>&1 | Out-String
        $script | Should -Match "--array=1-$($Images - ($Given.Count ? 4 : 1))\b"
    }

    It 'takes prompts, warns of unknown columns once, and refuses unknown parameters' {
        $bill = 'a', 'b' | Measure-DiffusionJob -Parameter @{ Steps = 2; Journal = 'never.jsonl' }
        $bill.UNetCalls | Should -Be 8
        'never.jsonl' | Should -Not -Exist
        $null = 1..600 | ForEach-Object { [pscustomobject]@{ Prompt = 'a'; Steps = 1; Comment = 'x' } } | Measure-DiffusionJob -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings.Count | Should -Be 1
        { 'a' | Measure-DiffusionJob -Parameter @{ Stepz = 2 } } | Should -Throw -ErrorId 'NamedParameterNotFound*'
        { Measure-DiffusionJob none.csv -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound*'
    }

    It 'takes settings that only some rows have, by any of their names, and the defaults of the session' {
        $rows = [pscustomobject]@{ Prompt = 'a'; Steps = 2 }, [pscustomobject]@{ Prompt = 'b'; n_iter = 2; steps = 3 }, [pscustomobject]@{ Prompt = 'c'; Steps = 4; cfg_scale = 1 }
        ($rows | Measure-DiffusionJob).UNetCalls | Should -Be (4 + 12 + 4)
        ($rows | Measure-DiffusionJob -Parameter @{ guidance_scale = 1 }).UNetCalls | Should -Be (2 + 6 + 4)
        ($rows | Measure-DiffusionJob -Parameter @{ GuidanceSc = 1 }).UNetCalls | Should -Be (2 + 6 + 4) -Because 'the start of a name is enough'
        $PSDefaultParameterValues['New-Diffusion*:Steps'] = 7
        try { ('a' | Measure-DiffusionJob).UNetCalls | Should -Be 14 }
        finally { $PSDefaultParameterValues.Remove('New-Diffusion*:Steps') }
        $image = New-DiffusionImage 'a' -Seed 1 -Steps 3 -GuidanceScale 1
        ($image, [pscustomobject]@{ Prompt = 'b'; Steps = 2 } | Measure-DiffusionJob).UNetCalls | Should -Be (3 + 4)
    }

    It 'has no bill for a table that is not there, or cannot be read' {
        Set-Content broken.csv 'Prompt,Prompt', 'a,b'
        foreach ($table in 'none.csv', 'broken.csv') {
            Measure-DiffusionJob $table -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.Count | Should -Be 1
        }

        (Measure-DiffusionJob none.csv, jobs.csv -ErrorAction SilentlyContinue).Rows | Should -Be 3
    }

    It 'leaves out what only a run needs' {
        $bill = 'a' | Measure-DiffusionJob -OutDirectory out -Parameter @{ Steps = 2; Preview = 'None'; PreviewFile = 'never.png'; PreviewEvery = 1; LookAhead = 8; StageMajor = $true; Debug = $true; InformationAction = 'Continue'; ProgressAction = 'Ignore' }
        $bill.UNetCalls, $bill.Failing.Count | Should -Be 4, 0
        'never.png' | Should -Not -Exist
    }

    It 'finds files that the kernel would not take' -Skip:(-not $IsLinux) {
        $rows = '/proc/a.png', '/proc/none/a.png', '/sys/a.png', 'a.png' | ForEach-Object { [pscustomobject]@{ Prompt = 'a'; Seed = 1; Steps = 1; OutFile = $_ } }
        $failing = ($rows | Measure-DiffusionJob).Failing
        $failing.Number | Should -Be 1, 2, 3
        $failing.ErrorId | Should -Be (@('FileWriteFailed') * 3)
        $made = $rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable errors
        $errors.ForEach{ ($_.FullyQualifiedErrorId -split ',')[0] } | Should -Be (@('FileWriteFailed') * 3)
        $made.Path | Should -Be "$PWD/a.png"
    }

    It 'estimates the memory of a process within a quarter' -Skip:(-not $IsLinux) {
        $script = "`$ProgressPreference = 'SilentlyContinue'; Import-Module '$ModuleFolder/StableDiffusion.psd1'
            function Get-Peak { (Get-Content /proc/self/status | Select-String '^VmHWM:\s+(\d+)').Matches.Groups[1].Value }
            Get-Peak; foreach (`$side in 64, 128, 256) { `$null = New-DiffusionImage a -Steps 2 -Width `$side -Height `$side; Get-Peak }"
        $alone, $peaks = [long[]](& ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -Command $script)
        foreach ($side in 64, 128, 256) {
            $peak, $peaks = $peaks
            $estimated = ([pscustomobject]@{ Prompt = 'a'; Width = $side; Height = $side } | Measure-DiffusionJob).PeakMemory
            $estimated / 1KB / $peak | Should -BeGreaterThan 0.75
            $estimated / 1KB / $peak | Should -BeLessThan 1.25

            # PowerShell alone takes 120 MB of it.
            ($estimated - 120MB) / 1KB / ($peak - $alone) | Should -BeGreaterThan 0.75 -Because "$side pixels take $peak kB, and PowerShell $alone"
            ($estimated - 120MB) / 1KB / ($peak - $alone) | Should -BeLessThan 1.25 -Because "$side pixels take $peak kB, and PowerShell $alone"
        }
    }

    It 'adds up what is in memory at once' {
        $plain = [pscustomobject]@{ Prompt = 'a'; Width = 1024 } | Measure-DiffusionJob
        ([pscustomobject]@{ Prompt = 'a'; Width = 1024; Refiner = 'demo' } | Measure-DiffusionJob).PeakMemory | Should -Be $plain.PeakMemory -Because 'it is the same model'
        ([pscustomobject]@{ Prompt = 'a'; Width = 1024 } | Measure-DiffusionJob -Parameter @{ BatchOnDevice = 64 }).PeakMemory | Should -BeGreaterThan $plain.PeakMemory
        ([pscustomobject]@{ Prompt = 'a'; Steps = 0 } | Measure-DiffusionJob).PeakMemory | Should -Be 120MB -Because 'no model is opened'
    }

    It 'has a view that fits a terminal' {
        $text = Measure-DiffusionJob jobs.csv | Out-String -Width 80
        $text | Should -Match '(?m)^Images +: 4\s+^To make +: 3\s+^Unchanged +: 0\s+^Failed +: 1, of 1 row\s'
        $text | Should -Match 'Calls of the U-Net +: 16'
        $text | Should -Match 'unknown: no journal'
        $text | Should -Match 'StepsInvalid: jobs.csv, line 4'
        (Measure-DiffusionJob jobs.csv).Failing | Out-String -Width 80 | Should -Match 'Row ErrorId +Message'
    }
}
