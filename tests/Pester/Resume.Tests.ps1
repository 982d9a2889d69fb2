BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.NewDiffusionImageCommand'

    function Get-Hashes($folder) {
        (Get-ChildItem $folder -File | Sort-Object Name | ForEach-Object { "$($_.Name) $((Get-FileHash $_).Hash)" }) -join "`n"
    }
}

Describe 'Resume' {
    BeforeAll {
        Set-Location $TestDrive
        $common = @{ Prompt = 'a red house'; Seed = 1; Steps = 2 }
        $null = New-DiffusionImage @common -OutFile start.png
        $null = New-DiffusionImage 'a blue fish' -Seed 2 -Steps 2 -OutFile other.png
        $null = New-DiffusionImage 'a white star on black' -Seed 3 -Steps 5 -OutFile mask.png
    }

    AfterAll { Set-Location $PSScriptRoot }

    It 'passes on what has the settings of <name>, and names what differs' -ForEach @(
        @{ name = 'the defaults'; given = @{ Steps = 25 }; other = @{ NegativePrompt = 'a tree' }; differs = 'NegativePrompt', 'Steps' }
        @{ name = 'a scheduler'; given = @{ Scheduler = 'euler a'; GuidanceScale = 3.5 }; other = @{ Scheduler = 'Euler'; GuidanceScale = 3.5 }; differs = 'Scheduler' }
        @{ name = 'A1111 syntax'; given = @{ PromptSyntax = 'a1111'; ClipSkip = 2; Emphasis = 'nonorm' }; other = @{ PromptSyntax = 'A1111'; ClipSkip = 2 }; differs = 'Emphasis' }
        @{ name = 'a size'; given = @{ Width = 72; Height = 80 }; other = @{ Width = 72 }; differs = 'Height' }
        @{ name = 'a variation'; given = @{ VariationStrength = 0.3; VariationSeed = 4 }; other = @{ VariationStrength = 0.3; VariationSeed = 5 }; differs = 'VariationSeed' }
        @{ name = 'a second pass'; given = @{ HiresScale = 2 }; other = @{ HiresScale = 2; HiresStrength = 0.4 }; differs = 'HiresStrength' }
        @{ name = 'a second pass of its own'; given = @{ HiresScale = 1.5; HiresUpscaler = 'lanczos'; HiresScheduler = 'euler'; HiresPrompt = 'a fish' }; other = @{ HiresScale = 1.5; HiresUpscaler = 'Lanczos'; HiresScheduler = 'Euler' }; differs = 'HiresPrompt' }
        @{ name = 'tiles'; given = @{ HiresScale = 2; HiresTileSize = 64 }; other = @{ HiresScale = 2; HiresTileSize = 64; HiresTileOverlap = 16 }; differs = 'HiresTileOverlap' }
        @{ name = 'a start image'; given = @{ InitImage = 'start.png' }; other = @{ InitImage = 'other.png' }; differs = 'InitImage' }
        @{ name = 'a resized start image'; given = @{ InitImage = 'start.png'; Width = 96; ResizeMode = 'pad'; Background = 'Red' }; other = @{ InitImage = 'start.png'; Width = 96; ResizeMode = 'Pad' }; differs = 'Background' }
        @{ name = 'an enlarged image'; given = @{ InitImage = 'start.png'; HiresScale = 2; HiresTileSize = 64 }; other = @{ InitImage = 'other.png'; HiresScale = 2; HiresTileSize = 64 }; differs = 'InitImage' }
        @{ name = 'a mask'; given = @{ InitImage = 'start.png'; MaskImage = 'mask.png'; MaskBlur = 2 }; other = @{ InitImage = 'start.png'; MaskImage = 'other.png'; MaskBlur = 2 }; differs = 'MaskImage' }
        @{ name = 'a region'; given = @{ InitImage = 'start.png'; MaskImage = 'mask.png'; MaskedOnly = $true; InpaintMode = 'a1111'; MaskFill = 'noise' }; other = @{ InitImage = 'start.png'; MaskImage = 'mask.png'; MaskedOnly = $true; InpaintMode = 'A1111'; MaskFill = 'Noise'; MaskPadding = 3 }; differs = 'MaskPadding' }
        @{ name = 'soft inpainting'; given = @{ InitImage = 'start.png'; MaskImage = 'mask.png'; InpaintMode = 'soft'; SoftContrastBoost = 3 }; other = @{ InitImage = 'start.png'; MaskImage = 'mask.png'; InpaintMode = 'Soft' }; differs = 'SoftContrastBoost' }
        @{ name = 'a detailer'; given = @{ Steps = 5; Detailer = 'Shapes'; DetailScheduler = 'euler' }; other = @{ Steps = 5; Detailer = 'Shapes'; DetailScheduler = 'Euler'; DetailStrength = 0.5 }; differs = 'DetailStrength' }
        @{ name = 'a refiner'; given = @{ Refiner = 'demo' }; other = @{ Refiner = 'demo'; RefinerSwitchAt = 0.5 }; differs = 'RefinerSwitchAt' }
        @{ name = 'reused features'; given = @{ FeatureReuse = 2 }; other = @{ FeatureReuse = 2; FeatureReuseBranch = 1 }; differs = 'FeatureReuseBranch' }
        @{ name = 'edges that meet'; given = @{ Tiling = 'x' }; other = @{ Tiling = 'Y' }; differs = 'Tiling' }
        @{ name = 'windows'; given = @{ Width = 128; DiffusionTiling = 'multidiffusion' }; other = @{ Width = 128; DiffusionTiling = 'Mixture' }; differs = 'DiffusionTiling' }
        @{ name = 'tiles of the autoencoder'; given = @{ Width = 128; VaeTiling = 'on'; VaeTileSize = 64 }; other = @{ Width = 128 }; differs = 'VaeTiling' }
        @{ name = 'options'; given = @{ SchedulerOption = @{ timestep_spacing = 'trailing' } }; other = @{}; differs = 'SchedulerOption' }
        @{ name = 'a batch'; given = @{ BatchSize = 3; BatchIndex = 1; EtaNoiseSeedDelta = 4; RandomSource = 'cuda' }; other = @{ BatchSize = 3; BatchIndex = 1; EtaNoiseSeedDelta = 4 }; differs = 'RandomSource' }
        @{ name = 'guidance'; given = @{ GuidanceRescale = 0.5; GuidanceEnd = 0.8 }; other = @{ GuidanceRescale = 0.5 }; differs = 'GuidanceEnd' }
    ) {
        $first = $common.Clone(); $given.Keys | ForEach-Object { $first[$_] = $given[$_] }
        $second = $common.Clone(); $other.Keys | ForEach-Object { $second[$_] = $other[$_] }
        $made = New-DiffusionImage @first -OutFile case.png -Force
        $written = (Get-Item case.png).LastWriteTimeUtc
        $found = New-DiffusionImage @first -OutFile case.png -Resume -Verbose 4>&1
        $found | Where-Object { "$_" -match ' ms\.$' } | Should -BeNullOrEmpty -Because 'no stage runs'
        $found[-1].IsUnchanged | Should -BeTrue
        $found[-1].Info.ToString() | Should -Be (Get-DiffusionMetadata case.png 3> $null).Info.ToString()
        Test-SameValue $found[-1] $made | Should -BeTrue
        $failure = { New-DiffusionImage @second -OutFile case.png -Resume } | Should -Throw -ErrorId "OutputDiffers,$cmdlet" -PassThru
        foreach ($setting in $differs) {
            $failure.Exception.Message | Should -Match "\b$setting \("
        }

        (Get-Item case.png).LastWriteTimeUtc | Should -Be $written
    }

    It 'reads other formats too' -ForEach 'jpg', 'webp' {
        $null = New-DiffusionImage @common -OutFile "plain.$_"
        (New-DiffusionImage @common -OutFile "plain.$_" -Resume).IsUnchanged | Should -BeTrue
        { New-DiffusionImage @common -NegativePrompt 'a tree' -OutFile "plain.$_" -Resume } | Should -Throw -ErrorId "OutputDiffers,$cmdlet"
    }

    It 'makes anew with Force what differs, is damaged or has no record, and nothing else' {
        $rows = 'a.png', 'b.png', 'c.png', 'd.png' | ForEach-Object { [pscustomobject]@{ Prompt = 'a red house'; Seed = 4; Steps = 2; OutFile = "forced/$_" } }
        $null = $rows | New-DiffusionImage
        $good = Get-Hashes forced
        $null = New-DiffusionImage 'a cat' -Seed 4 -Steps 2 -OutFile forced/b.png -Force
        [System.IO.File]::WriteAllBytes("$TestDrive/forced/c.png", ([System.IO.File]::ReadAllBytes("$TestDrive/forced/c.png"))[0..3000])
        $null = New-DiffusionImage 'a red house' -Seed 4 -Steps 2 -NoMetadata -OutFile forced/d.png -Force
        $found = $rows | New-DiffusionImage -Resume -ErrorVariable failures -ErrorAction SilentlyContinue
        $found.Count | Should -Be 1
        ($failures.FullyQualifiedErrorId -replace ',.*').ForEach{ "$_" } | Should -Be 'OutputDiffers', 'ImageInvalid', 'OutputDiffers'
        $failures.TargetObject.OutFile | Should -Be 'forced/b.png', 'forced/c.png', 'forced/d.png'
        $found = $rows | New-DiffusionImage -Resume -Force
        @($found | ForEach-Object { [bool]$_.IsUnchanged }) | Should -Be $true, $false, $false, $false
        Get-Hashes forced | Should -Be $good
    }

    It 'resumes each image of a row, in order, also stage by stage and in batches: <_>' -ForEach @{}, @{ StageMajor = $true }, @{ BatchOnDevice = 2 } {
        Remove-Item -Recurse -Force counted -ErrorAction Ignore
        $rows = [pscustomobject]@{ Prompt = 'a red house'; Steps = 2; Count = 12 }, [pscustomobject]@{ Prompt = 'a blue fish'; Steps = 2; Count = 1 }
        $first = $rows | New-DiffusionImage -OutDirectory counted -Resume
        $first.Count | Should -Be 13
        $first | Where-Object IsUnchanged | Should -BeNullOrEmpty
        $good = Get-Hashes counted
        Remove-Item $first[3].Path, $first[11].Path
        $batch = $_
        $second = $rows | New-DiffusionImage -OutDirectory counted -Resume @batch
        $second.Path | Should -Be $first.Path
        ($second | Where-Object { -not $_.IsUnchanged }).Path | Should -Be $first[3, 11].Path
        $second.Seed | Should -Be $first.Seed
        if (-not $batch.BatchOnDevice) {
            Get-Hashes counted | Should -Be $good
        }
    }

    It 'gives rows names and seeds of their own, whatever the order of their columns' {
        $name = @{ OutDirectory = 'named'; FileName = '{prompt:5}-{steps}-{hash:8}'; Resume = $true }
        $first = [pscustomobject]@{ Prompt = 'a red house'; Steps = 2; GuidanceScale = '3.5' } | New-DiffusionImage @name
        $first.Seed | Should -BeGreaterOrEqual 0
        $first.Seed | Should -BeLessOrEqual ([uint]::MaxValue)
        $first.Path | Should -Match 'a-red-2-[0-9a-f]{8}\.png$'
        $second = [pscustomobject]@{ cfg_scale = 3.5; Steps = '2'; _mine = 'x'; Prompt = 'a red house' } | New-DiffusionImage @name
        $second.IsUnchanged, $second.Path | Should -Be $true, $first.Path
        $third = [pscustomobject]@{ Prompt = 'a red house'; Steps = 2; GuidanceScale = 4 } | New-DiffusionImage @name
        $third.Path | Should -Not -Be $first.Path
        $third.Seed | Should -Not -Be $first.Seed
    }

    It 'names files by a template, and numbers what would have one name' {
        (New-DiffusionImage 'a red house' -Seed 7 -Steps 1 -Count 2 -OutDirectory t -FileName '{model} {prompt}').Path | Split-Path -Leaf | Should -Be 'demo a-red-house-1.png', 'demo a-red-house-2.png'
        (New-DiffusionImage 'a red house' -Seed 7 -Steps 1 -Count 2 -OutDirectory t -FileName '{index}_{seed}').Path | Split-Path -Leaf | Should -Be '1_7.png', '2_8.png'
        { New-DiffusionImage 'a red house' -Seed 7 -Steps 1 -OutDirectory t -FileName '{width}x{height}-{scheduler}' -Format jpg; New-DiffusionImage 'b' -Steps 1 -OutDirectory t -FileName '{width}x{height}-{scheduler}' -Format jpg } | Should -Throw -ErrorId "FileExists,$cmdlet"
        Get-ChildItem t/*.jpg | Split-Path -Leaf | Should -Be '64x64-ddim.jpg'
        { 'a', 'b' | New-DiffusionImage -Steps 1 -OutDirectory none -FileName '{sed}' } | Should -Throw -ErrorId "FileNameInvalid,$cmdlet"
        'none' | Should -Not -Exist
    }

    It 'resumes images that are made again from their records' {
        $null = New-DiffusionImage 'a red house' -Seed 5 -Steps 2 -HiresScale 1.5 -OutFile record.png
        $null = Get-DiffusionMetadata record.png | New-DiffusionImage -OutFile again.png
        (Get-DiffusionMetadata record.png | New-DiffusionImage -OutFile again.png -Resume).IsUnchanged | Should -BeTrue
        { Get-DiffusionMetadata start.png | New-DiffusionImage -OutFile again.png -Resume } | Should -Throw -ErrorId "OutputDiffers,$cmdlet"
    }

    It 'refuses what cannot be resumed' {
        { New-DiffusionImage 'a' -Steps 1 -Resume } | Should -Throw -ErrorId "ResumeInvalid,$cmdlet"
        { New-DiffusionImage 'a' -Steps 1 -Resume -OutDirectory none -NoMetadata } | Should -Throw -ErrorId "NoMetadataInvalid,$cmdlet"
    }
}

Describe 'A batch that is killed' {
    It 'ends with the same files as one that was not' {
        Set-Location $TestDrive
        $csv = "$TestDrive/jobs.csv"
        1..12 | ForEach-Object { [pscustomobject]@{ Prompt = "a red house $_"; Steps = 20 } } | Export-Csv $csv
        $run = { param($folder) "`$ProgressPreference = 'SilentlyContinue'; Import-Module '$ModuleFolder/StableDiffusion.psd1'; Import-Csv '$csv' | New-DiffusionImage -OutDirectory '$TestDrive/$folder' -Resume -Journal '$TestDrive/$folder.jsonl' -FileName '{prompt}-{seed}-{hash:8}' | Out-Null" }
        $start = { param($folder) Start-Process ([Environment]::ProcessPath) -ArgumentList "$PSHOME/pwsh.dll", '-NoProfile', '-NonInteractive', '-EncodedCommand', ([Convert]::ToBase64String([System.Text.Encoding]::Unicode.GetBytes((& $run $folder)))) -PassThru }
        (& $start whole).WaitForExit()
        $kills = 0
        foreach ($after in 2, 5, 9) {
            $process = & $start killed
            while (-not $process.HasExited -and @(Get-ChildItem killed/*.png -ErrorAction Ignore).Count -lt $after) { Start-Sleep -Milliseconds 5 }
            if (-not $process.HasExited) {
                $process.Kill()
                $kills++
            }

            $process.WaitForExit()
        }

        $kills | Should -BeGreaterThan 0
        (& $start killed).WaitForExit()
        @(Get-ChildItem whole/*.png).Count | Should -Be 12
        Get-Hashes killed | Should -Be (Get-Hashes whole)
        $made = Get-DiffusionJournal killed.jsonl -WarningAction SilentlyContinue
        ($made | Where-Object Status -In Made, Unchanged).File | Split-Path -Leaf | Sort-Object -Unique | Should -Be (Get-ChildItem whole/*.png | Split-Path -Leaf | Sort-Object)
        Set-Location $PSScriptRoot
    }
}
