BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.NewDiffusionImageCommand'
    $prompt = 'a red star and a blue heart on white'
    $image = New-DiffusionImage 'a' -Steps 1 -Seed 1
    $quick = @{ Seed = 10; Steps = 12; Detailer = 'Shapes'; DetailSteps = 4; DetailPadding = 4 }
}

Describe 'New-DiffusionImage -Detailer' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'paints regions anew as Find-ImageRegion and Repair-DiffusionImage do' {
        $made = New-DiffusionImage $prompt @quick -DetailPrompt 'a square [SEP] a circle' -DetailStrength 0.7
        $two = New-DiffusionImage $prompt -Seed 10 -Steps 12
        $prompts = 'a square', 'a circle'
        $script:i = 0
        $same = $two | Find-ImageRegion | Repair-DiffusionImage -Prompt { $prompts[$script:i++] } -Steps 4 -MaskPadding 4 -Strength 0.7
        Test-SameValue $made $same | Should -BeTrue
        $made.Stages[-2, -1].Operation | Should -Be Repair, Repair
        $made.Detailer, $made.DetailSteps, $made.DetailStrength, $made.DetailConfidence, $made.Steps | Should -Be Shapes, 4, 0.7, 0.3, 12
        (New-DiffusionImage $prompt @quick -DetailPrompt '[SKIP][SEP]').Stages.Count | Should -Be ($two.Stages.Count + 1)
        (New-DiffusionImage $prompt @quick -DetailFirst 1).Stages.Count | Should -Be ($two.Stages.Count + 1)
    }

    It 'makes an image again from its file and from its script' {
        $made = New-DiffusionImage $prompt @quick -OutFile made.png -HiresScale 1.25 -HiresSteps 2
        $metadata = Get-DiffusionMetadata made.png
        $metadata.Detailer | Should -Be Shapes
        $again = $metadata | New-DiffusionImage
        Test-SameValue $again $made | Should -BeTrue
        $again.DetailPadding, $again.HiresSteps | Should -Be 4, 2
        ($metadata.Entries | Where-Object Keyword -EQ parameters).Text | Should -BeLike '*ADetailer model: Shapes, *ADetailer confidence: 0.3, *ADetailer dilate erode: 4, *ADetailer mask blur: 4, *ADetailer inpaint padding: 4, *ADetailer denoising strength: 0.4, *ADetailer steps: 4*ADetailer inpaint only masked: True*ADetailer use separate steps: True*ADetailer version: *'
        $plain = New-DiffusionImage $prompt @quick -OutFile plain.png
        $script = ConvertTo-DiffusionScript plain.png
        Test-SameValue (& ([scriptblock]::Create($script))) $plain | Should -BeTrue
    }

    It 'honours what ADetailer wrote, and names what it cannot' {
        $image | Export-DiffusionImage plain.png -NoMetadata -Force
        $bytes = [System.IO.File]::ReadAllBytes("$TestDrive/plain.png")
        foreach ($detector in 'shapes.pt', 'face_yolov8n.pt') {
            # A tEXt chunk before the first IDAT, with a CRC that readers of texts do not need.
            $text = [System.Text.Encoding]::Latin1.GetBytes("parameters`0$prompt`nSteps: 12, Sampler: Euler, CFG scale: 5, Seed: 10, Size: 64x64, RNG: CPU, ADetailer model: $detector, ADetailer prompt: a green heart, ADetailer confidence: 0.3, ADetailer dilate erode: 4, ADetailer mask blur: 2, ADetailer denoising strength: 0.6, ADetailer inpaint only masked: True, ADetailer inpaint padding: 4, ADetailer use separate sampler: True, ADetailer sampler: Euler a, ADetailer model 2nd: hand_yolov8n.pt, ADetailer version: 24.11.1, Version: v1.10.1")
            $length = [System.BitConverter]::GetBytes([int]$text.Length)
            [array]::Reverse($length)
            [System.IO.File]::WriteAllBytes("$TestDrive/$detector.png", [byte[]]($bytes[0..32] + $length + [System.Text.Encoding]::ASCII.GetBytes('tEXt') + $text + (0, 0, 0, 0) + $bytes[33..($bytes.Length - 1)]))
        }

        $metadata = Get-DiffusionMetadata shapes.pt.png -WarningVariable told -WarningAction SilentlyContinue
        "$told" | Should -BeLike '*ADetailer model 2nd: hand_yolov8n.pt*'
        "$told" | Should -Not -BeLike '*ADetailer version*'
        $metadata.Detailer, $metadata.DetailPrompt, $metadata.DetailMaskBlur, $metadata.DetailStrength, $metadata.DetailPadding, $metadata.DetailScheduler | Should -Be shapes, 'a green heart', 2, 0.6, 4, 'A1111 Euler a'
        $made = $metadata | New-DiffusionImage
        $made.Stages[-2, -1].Operation | Should -Be Repair, Repair
        $made.Stages[-1].Inputs['Embedding'][0][-1].Settings['Prompt'] | Should -Be 'a green heart'

        $without = Get-DiffusionMetadata face_yolov8n.pt.png -WarningAction SilentlyContinue | New-DiffusionImage -WarningVariable told -WarningAction SilentlyContinue
        $without.Stages[-1].Operation | Should -Be Decode
        "$told" | Should -BeLike '*face_yolov8n*made without*'
        $with = Get-DiffusionMetadata face_yolov8n.pt.png -WarningAction SilentlyContinue | New-DiffusionImage -Detailer Shapes
        Test-SameValue $with $made | Should -BeTrue
    }

    It 'is an error for a row that names a detector that is not there' {
        [pscustomobject]@{ Prompt = 'a'; Detailer = 'face_yolov8n' } | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "DetectorNotFound,$cmdlet"
    }

    It 'refuses settings without a detector, and those out of range' {
        { New-DiffusionImage 'a' -DetailSteps 2 -ErrorAction Stop } | Should -Throw -ErrorId "DetailerInvalid,$cmdlet"
        { New-DiffusionImage 'a' -Detailer Shapes -DetailConfidence 2 -ErrorAction Stop } | Should -Throw -ErrorId "DetailConfidenceInvalid,$cmdlet"
        { New-DiffusionImage 'a' -Detailer Shapes -DetailStrength 0 -ErrorAction Stop } | Should -Throw -ErrorId "DetailStrengthInvalid,$cmdlet"
        { New-DiffusionImage 'a' -Detailer Shapes -DetailWidth 50 -ErrorAction Stop } | Should -Throw -ErrorId "DetailWidthInvalid,$cmdlet"
        { New-DiffusionImage 'a' -Detailer Shapes -DetailHeight 50 -ErrorAction Stop } | Should -Throw -ErrorId "DetailHeightInvalid,$cmdlet"
        { New-DiffusionImage 'a' -Detailer Shapes -DetailSteps -1 -ErrorAction Stop } | Should -Throw -ErrorId "DetailStepsInvalid,$cmdlet" -ExpectedMessage '*between 1 and 1000, or 0 for the default*'
        { New-DiffusionImage $prompt @quick -DetailDilation -500 -ErrorAction Stop } | Should -Throw -ErrorId "DetailDilationInvalid,$cmdlet" -ExpectedMessage '*Nothing is left*'
        { New-DiffusionImage 'a' -Detailer Shapes -DetailScheduler Foo -ErrorAction Stop } | Should -Throw -ErrorId "SchedulerNotFound,$cmdlet" -ExpectedMessage "*'Foo' for DetailScheduler*"
        { New-DiffusionImage 'a' -HiresScale 2 -HiresScheduler Foo -ErrorAction Stop } | Should -Throw -ErrorId "SchedulerNotFound,$cmdlet" -ExpectedMessage "*'Foo' for HiresScheduler*"
        { New-DiffusionImage 'a' -HiresScale 2 -HiresTileSize 60 -ErrorAction Stop } | Should -Throw -ErrorId "HiresTileSizeInvalid,$cmdlet" -ExpectedMessage '*multiple of 8 from 32 to 8192*'
        { New-DiffusionImage 'a' -MaskPadding -1 -ErrorAction Stop } | Should -Throw -ErrorId "MaskPaddingInvalid,$cmdlet" -ExpectedMessage '*must be 0 or more.'
        { New-DiffusionImage 'a' -Detailer nope -ErrorAction Stop } | Should -Throw -ErrorId "DetectorNotFound,$cmdlet"
        (TabExpansion2 'New-DiffusionImage a -Detailer sh').CompletionMatches.CompletionText | Select-Object -First 1 | Should -Be 'Shapes'
    }
}
