BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.NewDiffusionImageCommand'

    # 100x75 pixels, which no model makes: two colours, in a form that needs no image library.
    function Set-UnevenImage([string] $Path) {
        $header = [byte[]](0x42, 0x4D, 0x1A, 0x58, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 100, 0, 0, 0, 75, 0, 0, 0, 1, 0, 24, 0) + [byte[]]::new(24)
        $rows = [byte[]]::new(300 * 75)
        [Array]::Fill($rows, [byte]255, 0, 300 * 30)
        [System.IO.File]::WriteAllBytes((Join-Path $PWD.ProviderPath $Path), $header + $rows)
    }
}

Describe 'New-DiffusionImage' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    Context 'Composition' {
        It 'gives the file that the four stages give one by one' {
            $settings = @{ Seed = 7; Steps = 3; Scheduler = 'DPM++ 2M Karras'; GuidanceScale = 4 }
            $null = New-DiffusionImage 'a red house' -NegativePrompt 'a tree' @settings -OutFile whole.png
            $negative = Get-TextEmbedding 'a tree'
            Get-TextEmbedding 'a red house' | Invoke-Denoise -NegativeEmbedding $negative @settings | ConvertFrom-Latent | Export-DiffusionImage parts.png
            (Get-FileHash parts.png).Hash | Should -Be (Get-FileHash whole.png).Hash
        }

        It 'does so from a picture, and for a part of one' {
            $null = New-DiffusionImage 'a red house' -Seed 1 -Steps 4 -OutFile init.png
            $null = New-DiffusionImage 'a large white circle on black' -Seed 3 -Steps 4 -OutFile mask.png
            $settings = @{ Strength = 0.5; Steps = 4; Scheduler = 'Euler a' }
            $whole = New-DiffusionImage 'a blue house' -InitImage init.png -MaskImage mask.png -MaskBlur 2 -InpaintMode Soft -NoPasteBack -Seed 7 @settings
            $embedding = Get-TextEmbedding 'a blue house'
            $parts = ConvertTo-Latent init.png -Seed 7 | Invoke-Denoise -Embedding $embedding -MaskImage mask.png -MaskBlur 2 -InpaintMode Soft @settings | ConvertFrom-Latent
            Test-SameValue $parts $whole | Should -Be $true
        }
    }

    Context 'Inpainting' {
        BeforeEach {
            $null = New-DiffusionImage 'a red house' -Seed 1 -Steps 3 -OutFile init.png
            $null = New-DiffusionImage 'a large white circle on black' -Seed 3 -Steps 3 -OutFile mask.png
            $common = @{ InitImage = 'init.png'; MaskImage = 'mask.png'; Seed = 7; Steps = 4; Strength = 0.7 }
        }

        It 'makes it again from the file, from the object and by a script: <Settings.Keys>' -ForEach @(
            @{ Settings = @{}; Text = '*Denoising strength: 0.7*' }
            @{ Settings = @{ MaskBlur = 2; MaskInvert = $true; InpaintMode = 'a1111'; StrengthRule = 'A1111' }; Text = '*Inpaint mode: A1111, Mask blur: 2, Mask mode: Inpaint not masked*' }
            @{ Settings = @{ MaskFill = 'Noise'; InpaintMode = 'Soft'; MaskBlur = 3 }; Text = '*Masked content: latent noise, Soft inpainting enabled: True, Soft inpainting schedule bias: 1*' }
            @{ Settings = @{ InpaintMode = 'soft'; MaskBlur = 3; SoftScheduleBias = 1.5; SoftPreservationStrength = 0.8; SoftContrastBoost = 2; SoftMaskInfluence = 0.3; SoftDifferenceThreshold = 1; SoftDifferenceContrast = 3 }; Text = '*Soft inpainting mask influence: 0.3, Soft inpainting difference threshold: 1, Soft inpainting difference contrast: 3*' }
            @{ Settings = @{ InpaintMode = 'Soft'; MaskBlur = 3; MaskedOnly = $true; Width = 64; Height = 64; SoftDifferenceThreshold = 2 }; Text = '*Soft inpainting difference threshold: 2*' }
            @{ Settings = @{ InpaintMode = 'Differential'; MaskBlur = 3; DifferentialStrength = 0.6 }; Text = '*Differential strength: 0.6*' }
            @{ Settings = @{ InpaintMode = 'ComfyUI'; MaskBlur = 3 }; Text = '*Inpaint mode: ComfyUI*' }
            @{ Settings = @{ InpaintMode = 'A1111'; MaskBlur = 3; NoMaskRounding = $true }; Text = '*No mask rounding: True*' }
            @{ Settings = @{ MaskFill = 'Nothing'; InpaintMode = 'Differential'; NoPasteBack = $true }; Text = '*No paste back: True, Masked content: latent nothing*' }
            @{ Settings = @{ MaskedOnly = $true; Width = 96; Height = 64; MaskFill = 'Fill'; StrengthRule = 'Exact' }; Text = '*Masked area padding: 32, Masked content: fill, Inpaint area: Only masked*' }
            @{ Settings = @{ Width = 96; Height = 96; MaskBlur = 2; MaskInvert = $true }; Text = '*Mask blur: 2*' }
        ) {
            $made = New-DiffusionImage 'a cat' @common @Settings -OutFile made.png
            $metadata = Get-DiffusionMetadata made.png -WarningAction SilentlyContinue
            Test-SameValue $made ($metadata | New-DiffusionImage -InitImage init.png -MaskImage mask.png) | Should -Be $true
            Test-SameValue $made ($made | New-DiffusionImage) | Should -Be $true
            ($metadata | New-DiffusionImage -InitImage init.png -MaskImage mask.png -Steps 5).Steps | Should -Be 5
            Set-Content script.ps1 ($made | ConvertTo-DiffusionScript)
            Test-SameValue $made (./script.ps1) | Should -Be $true
            [System.Text.Encoding]::Latin1.GetString([System.IO.File]::ReadAllBytes("$folder/made.png")) | Should -BeLike $Text
        }

        It 'keeps the pixels outside the mask' {
            $mask, $source = (ConvertTo-ControlImage mask.png Canny), (ConvertTo-ControlImage init.png None)
            $common.MaskImage = $mask
            $made = New-DiffusionImage 'a cat' @common
            $other = New-DiffusionImage 'a cat' @common -NoPasteBack
            $kept = (0..(64 * 64 * 3 - 1)).Where{ $mask.Pixels[$_] -eq 0 }
            $kept.Count | Should -BeGreaterThan 1000
            [System.Linq.Enumerable]::SequenceEqual([byte[]]$made.Pixels[$kept], [byte[]]$source.Pixels[$kept]) | Should -BeTrue
            Test-SameValue $made $other | Should -Be $false
        }

        It 'refuses <Settings.Keys>' -ForEach @(
            @{ Settings = @{ MaskBlur = 300 }; Id = 'MaskBlurInvalid' }
            @{ Settings = @{ InpaintMode = 'Hard' }; Id = 'InpaintModeInvalid' }
            @{ Settings = @{ InpaintMode = 'Soft'; SoftContrastBoost = 0.5 }; Id = 'SoftContrastBoostInvalid' }
            @{ Settings = @{ SoftDifferenceThreshold = 1 }; Id = 'SoftDifferenceThresholdInvalid' }
            @{ Settings = @{ InpaintMode = 'Soft'; NoMaskRounding = $true }; Id = 'NoMaskRoundingInvalid' }
            @{ Settings = @{ InpaintMode = 'A1111'; DifferentialStrength = 0.5 }; Id = 'DifferentialStrengthInvalid' }
            @{ Settings = @{ MaskFill = 'Paint' }; Id = 'MaskFillInvalid' }
            @{ Settings = @{ MaskPadding = 4 }; Id = 'MaskPaddingInvalid' }
            @{ Settings = @{ MaskedOnly = $true; Width = 4000000 }; Id = 'WidthInvalid' }
            @{ Settings = @{ MaskImage = $null; MaskInvert = $true }; Id = 'MaskInvertInvalid' }
            @{ Settings = @{ StrengthRule = 'Exact'; Strength = 0.001; Steps = 900 }; Id = 'StepsInvalid' }
        ) {
            foreach ($name in $Settings.Keys) {
                $common[$name] = $Settings[$name]
            }
            New-DiffusionImage 'a cat' @common -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
        }

        It 'makes an image from an image of the session again, from either file' {
            $settings = @{ Steps = 2; Strength = 0.5 }
            $first = New-DiffusionImage 'b' -InitImage init.png -Seed 2 @settings -OutFile first.png
            $second = New-DiffusionImage 'c' -InitImage $first -Seed 3 @settings -OutFile second.png
            foreach ($start in 'init.png', 'first.png') {
                Test-SameValue $second (Get-DiffusionMetadata second.png -WarningAction SilentlyContinue | New-DiffusionImage -InitImage $start) | Should -Be $true
            }
        }

        It 'lays an image that is not opaque over a color, which is recorded' {
            # A TGA of 64x64 pixels in red with an opacity of 51.
            [System.IO.File]::WriteAllBytes("$folder/clear.tga", [byte[]](0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 64, 0, 32, 8) + [byte[]]((0, 0, 255, 51) * (64 * 64)))
            $settings = @{ Seed = 1; Steps = 2; Strength = 0.5 }
            $white = New-DiffusionImage 'a' -InitImage clear.tga @settings
            $blue = New-DiffusionImage 'a' -InitImage clear.tga -Background '#0000FF' @settings -OutFile blue.png
            Test-SameValue $white (New-DiffusionImage 'a' -InitImage clear.tga -Background white @settings) | Should -Be $true
            Test-SameValue $white $blue | Should -Be $false
            $blue.Stages[0].Settings['Background'] | Should -Be '#0000ff'
            Test-SameValue $blue (New-DiffusionImage 'a' -InitImage clear.tga -Background blue @settings) | Should -Be $true
            Test-SameValue $blue ($blue | New-DiffusionImage) | Should -Be $true
            Test-SameValue $blue (Get-DiffusionMetadata blue.png -WarningAction SilentlyContinue | New-DiffusionImage -InitImage clear.tga) | Should -Be $true
            Set-Content script.ps1 ($blue | ConvertTo-DiffusionScript)
            Test-SameValue $blue (./script.ps1) | Should -Be $true
            $blue.Background, (New-DiffusionImage 'a' -InitImage clear.tga -Background blue @settings).Background | Should -Be '#0000ff', '#0000ff'
            (New-DiffusionImage 'a' -InitImage $white -Background red @settings).Background | Should -BeNullOrEmpty
            { New-DiffusionImage 'a' -InitImage clear.tga -Background paint -ErrorAction Stop } | Should -Throw -ErrorId "BackgroundInvalid,$cmdlet"
            { New-DiffusionImage 'a' -Background White -ErrorAction Stop } | Should -Throw -ErrorId "BackgroundInvalid,$cmdlet"
        }

        It 'finds nothing to repaint in a dark mask, and goes on' {
            [System.IO.File]::WriteAllBytes("$folder/dark.bmp", [byte[]](0x42, 0x4D, 0x36, 0x30, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 1, 0, 24, 0) + [byte[]]::new(24) + [byte[]](@(100) * (64 * 64 * 3)))
            $rows = 'Diffusers', 'A1111', 'Differential' | ForEach-Object { [pscustomobject]@{ Prompt = $_; InpaintMode = $_ } }
            $made = $rows | New-DiffusionImage -InitImage init.png -MaskImage dark.bmp -Seed 1 -Steps 2 -Strength 1 -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems.FullyQualifiedErrorId | Should -Be @("ImageInvalid,$cmdlet", "ImageInvalid,$cmdlet")
            $problems[0].ToString() | Should -BeLike '*darker than half everywhere*'
            $made.Prompt | Should -Be 'Differential'
        }

        It 'says which of several images is none, and where a setting has no effect' {
            Set-Content text.png 'no image'
            { New-DiffusionImage 'a' -InitImage init.png -MaskImage text.png -ErrorAction Stop } | Should -Throw '*MaskImage: *text.png*'
            { New-DiffusionImage 'a' -InitImage init.png -MaskImage mask.png -MaskedOnly -ResizeMode Pad -ErrorAction Stop } | Should -Throw -ErrorId "ResizeModeInvalid,$cmdlet"
            { Invoke-Denoise (Get-TextEmbedding 'a') -MaskImage mask.png -ErrorAction Stop } | Should -Throw '*The mask says*' -ErrorId 'MaskImageInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'
        }

        It 'reads the files of upscalers and refiners before any work, also with -WhatIf' {
            { New-DiffusionImage 'a' -HiresScale 1.5 -HiresUpscaler ./init.png -WhatIf -ErrorAction Stop } | Should -Throw '*The upscaler cannot be used*init.png*' -ErrorId "ModelInvalid,$cmdlet"
            { New-DiffusionImage 'a' -Refiner ./init.png -WhatIf -ErrorAction Stop } | Should -Throw '*The refiner cannot be used*init.png*' -ErrorId "RefinerInvalid,$cmdlet"
        }

        It 'names images with borders after the files that they were made from' {
            $made = Get-Item init.png, mask.png | Expand-DiffusionImage -Left 8 | New-DiffusionImage 'a' -Strength 1 -Seed 1 -Steps 1 -OutDirectory wide
            $made.Path | Split-Path -Leaf | Should -Be 'init.png', 'mask.png'
        }

        It 'has no region in a black mask, and goes on' {
            $null = New-DiffusionImage 'a' -Seed 1 -Steps 1 -Width 8 -Height 8 -OutFile x.png
            [System.IO.File]::WriteAllBytes("$folder/black.bmp", [byte[]](0x42, 0x4D, 0x36, 0x30, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 64, 0, 0, 0, 64, 0, 0, 0, 1, 0, 24, 0) + [byte[]]::new(24) + [byte[]]::new(64 * 64 * 3))
            $rows = [pscustomobject]@{ Prompt = 'a cat'; MaskImage = 'black.bmp' }, [pscustomobject]@{ Prompt = 'a dog'; MaskImage = 'mask.png' }
            $made = $rows | New-DiffusionImage -InitImage init.png -MaskedOnly -Seed 1 -Steps 2 -Strength 0.5 -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet"
            $made.Prompt | Should -Be 'a dog'
        }
    }

    Context 'Checkpoint files' {
        BeforeAll {
            $before = $env:STABLEDIFFUSION_CACHE
            $env:STABLEDIFFUSION_CACHE = "$TestDrive/cache"
        }

        AfterAll {
            Clear-DiffusionCache
            $env:STABLEDIFFUSION_CACHE = $before
        }

        It 'are models by their path' {
            Copy-Item "$FamiliesFolder/sd1/sd1-tiny.safetensors" .
            (TabExpansion2 'New-DiffusionImage x -Model ./sd1').CompletionMatches.ListItemText | Should -Be 'sd1-tiny.safetensors'
            $null = New-PSDrive -Name files -PSProvider FileSystem -Root $folder
            $settings = @{ Seed = 1; Steps = 1; Width = 64; Height = 64 }
            $first = New-DiffusionImage 'a' -Model ./sd1-tiny.safetensors @settings
            $first.Model | Should -Be (Join-Path $folder sd1-tiny.safetensors)
            $second = New-DiffusionImage 'a' -Model files:/sd1-tiny.safetensors @settings
            [System.Linq.Enumerable]::SequenceEqual($second.Pixels, $first.Pixels) | Should -BeTrue
            Get-ChildItem "$TestDrive/cache/graphs" -Directory -Exclude .* | Should -HaveCount 1
        }

        It 'that are none are errors which name the file' {
            '<!DOCTYPE html>' | Set-Content page.safetensors
            New-DiffusionImage 'a' -Model page.safetensors -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "ModelInvalid,$cmdlet"
            $problems.Exception.Message | Should -BeLike "*$(Join-Path $folder page.safetensors)*web page*"
        }

        It 'are offered by the Tab key, with folders and without files that are no models' {
            $null = New-Item -ItemType Directory parts/sub
            $null = New-Item parts/a.safetensors, parts/c.png
            '<!DOCTYPE html>' | Set-Content parts/b.CKPT
            Copy-Item "$PSScriptRoot/../data/adapters/my-style.safetensors" parts
            (TabExpansion2 'New-DiffusionImage x -Model ./parts/').CompletionMatches.ListItemText | Should -Be 'sub'
            (TabExpansion2 'Test-DiffusionModel ./parts/').CompletionMatches.ListItemText | Should -Be 'sub'
        }
    }

    Context 'Tables' {
        It 'takes the lines of a file as prompts' {
            'a red house', 'a blue fish' | Set-Content prompts.txt
            (Get-Content prompts.txt | New-DiffusionImage -Seed 2 -Steps 1 -OutDirectory pictures).Prompt | Should -Be 'a red house', 'a blue fish'
            (Get-ChildItem pictures).Name | Should -Be 'a-blue-fish-2.png', 'a-red-house-2.png'
        }

        It 'takes the rows of a CSV file, with empty cells and bad ones' {
            @'
Prompt,Seed,Steps,GuidanceScale,Scheduler,Width,OutFile
first,3,2,2.5,k_euler_a,,first.png
second,abc,1,,,,second.png
third,,1,"7,5",,,third.png
,4,1,,,,fourth.png
fifth,5,1,,Eular,,fifth.png
sixth,6,1,,,60,sixth.png
seventh,,1,,,,
'@ | Set-Content jobs.csv
            $images = Import-Csv jobs.csv | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems
            $images.Prompt | Should -Be 'first', 'seventh'
            $images[0].Seed, $images[0].Steps, $images[0].GuidanceScale, $images[0].Scheduler | Should -Be 3, 2, 2.5, 'Euler a'
            $problems.FullyQualifiedErrorId | Should -Be (
                "SeedInvalid,$cmdlet", "GuidanceScaleInvalid,$cmdlet", "PromptInvalid,$cmdlet", "SchedulerNotFound,$cmdlet", "WidthInvalid,$cmdlet")
            $problems[3].Exception.Message | Should -BeLike "*Did you mean 'Euler'*"
            (Get-ChildItem -Filter *.png).Name | Should -Be 'first.png'
        }

        It 'takes objects of JSON' {
            ('[{ "Prompt": "a blue fish", "Seed": 4, "Steps": 1 }]' | ConvertFrom-Json | New-DiffusionImage).Seed | Should -Be 4
        }

        It 'takes elements of XML, and says what to do with hashtables' {
            ([xml]'<jobs><job Prompt="a" Steps="1" Seed="4" /><job><Prompt>b</Prompt><Steps>2</Steps><Seed>5</Seed></job></jobs>').jobs.job |
                New-DiffusionImage | ForEach-Object { $_.Prompt, $_.Steps, $_.Seed } | Should -Be 'a', 1, 4, 'b', 2, 5
            '{ "Prompt": "a", "Steps": 1 }' | ConvertFrom-Json -AsHashtable | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            @{ Steps = 1 } | New-DiffusionImage 'a' -ErrorAction SilentlyContinue -ErrorVariable +problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet", "InputObjectNotBound,$cmdlet"
            $problems.Exception.Message | Should -BeLike 'Object 1: The keys of a hashtable are not columns. Cast it to ?pscustomobject?*'
            [pscustomobject]@{ Id = 1 } | New-DiffusionImage -Prompt { @{ a = $_.Id } } -ErrorAction SilentlyContinue -ErrorVariable script | Should -BeNullOrEmpty
            $script.Exception.Message | Should -Be 'Row 1: Prompt is not a string. Give one or more strings.'
        }

        It 'gives each picture before it reads the next row' {
            $log = [System.Collections.Generic.List[string]]::new()
            1..2 | ForEach-Object { $log.Add("row $_"); "prompt $_" } | New-DiffusionImage -Steps 1 | ForEach-Object { $log.Add("picture of $($_.Prompt)") }
            $log | Should -Be 'row 1', 'picture of prompt 1', 'row 2', 'picture of prompt 2'
        }

        It 'reads no more rows than are asked for' {
            $script:read = 0
            $null = 1..5 | ForEach-Object { $script:read++; 'a' } | New-DiffusionImage -Steps 1 | Select-Object -First 1
            $read | Should -Be 1
        }

        It 'refuses a row that has no prompt' {
            New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable none -Prompt $null | Should -BeNullOrEmpty
            $none[0].FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet"
            [pscustomobject]@{ Text = 'a'; Steps = 1 } | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable missing | Should -BeNullOrEmpty
            $missing[0].FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet"
        }

        It 'makes images in two passes, which can be made again' {
            $hires = @{ HiresScale = 1.5; HiresSteps = 2; HiresStrength = 0.6; HiresUpscaler = 'Lanczos'; HiresPrompt = 'a red house at night' }
            $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 2 @hires -OutFile "$TestDrive/hires.png"
            $image.Width, $image.HiresScale, $image.HiresPrompt | Should -Be 96, 1.5, 'a red house at night'
            $again = Get-DiffusionMetadata "$TestDrive/hires.png" | New-DiffusionImage -OutFile "$TestDrive/hires-again.png"
            Test-SameValue $again $image | Should -BeTrue
            $again.HiresScale, $again.HiresSteps, $again.Steps | Should -Be 1.5, 2, 2
            (Get-DiffusionMetadata "$TestDrive/hires-again.png").HiresPrompt | Should -Be 'a red house at night'
            Test-SameValue (& ([scriptblock]::Create((Get-DiffusionMetadata "$TestDrive/hires.png" | ConvertTo-DiffusionScript)))) $image | Should -BeTrue

            # As a row of a table, and together with others.
            $row = [pscustomobject](@{ Prompt = 'a red house'; Seed = 1; Steps = 2 } + $hires)
            Test-SameValue ($row | New-DiffusionImage) $image | Should -BeTrue
            foreach ($waiting in @{ StageMajor = $true }, @{ BatchOnDevice = 2 }) {
                $images = $row, [pscustomobject]@{ Prompt = 'a'; Seed = 2; Steps = 2 } | New-DiffusionImage @waiting
                $images.Width | Should -Be 96, 64
                ($image | Compare-DiffusionImage $images[0]).Psnr | Should -BeGreaterThan 40
            }

            # A stranger's record names upscalers in the folder alone, and a file of the current location is none.
            Push-Location -LiteralPath $TestDrive
            'text' | Set-Content own.safetensors
            [pscustomobject]@{ Prompt = 'a'; HiresScale = 2; HiresUpscaler = 'own.safetensors' } | New-DiffusionImage -NamesOnly -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "UpscalerNotFound,$cmdlet"
            $stranger = New-DiffusionImage 'a' -Steps 1 -HiresScale 1.5 -HiresSteps 1 | Select-Object Prompt, Steps, HiresScale, @{ Name = 'HiresUpscaler'; Expression = { 'own.safetensors' } }
            { $stranger | New-DiffusionImage -ErrorAction Stop } | Should -Throw -ErrorId 'UpscalerNotFound,*'
            Pop-Location

            { New-DiffusionImage 'a' -HiresSteps 2 -ErrorAction Stop } | Should -Throw -ErrorId 'HiresScaleInvalid,*'
            { New-DiffusionImage 'a' -InitImage $image -HiresScale 2 -ErrorAction Stop } | Should -Throw -ErrorId 'HiresScaleInvalid,*'
            (TabExpansion2 'New-DiffusionImage a -HiresUpscaler lan').CompletionMatches.CompletionText | Should -Be 'Lanczos'
        }

        It 'makes images stage by stage with -StageMajor, as without' {
            $rows = [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; Count = 2; OutFile = 'a.png' },
                [pscustomobject]@{ Prompt = 'a blue fish'; Seed = 4; Device = 'nope' },
                [pscustomobject]@{ Prompt = 'a blue fish'; Seed = 4; NoMetadata = $true; OutFile = 'b.png' },
                [pscustomobject]@{ Prompt = 'a'; Seed = 4; Model = 'nope' }
            $folders = foreach ($staged in $false, $true) {
                $folder = Join-Path $TestDrive "staged-$staged"

                # Known prompts need no text encoder.
                Clear-DiffusionCache
                $verbose = [Collections.Generic.List[string]]::new()
                $images = $rows | New-DiffusionImage -Steps 2 -StageMajor:$staged -LowMemory -OutDirectory $folder -ErrorAction SilentlyContinue -ErrorVariable problems -Verbose 4>&1 |
                    ForEach-Object { if ($_ -is [Management.Automation.VerboseRecord]) { $verbose.Add($_.Message) } else { $_ } }
                $images.Prompt | Should -Be 'a red house', 'a red house', 'a blue fish'
                $images.Seed | Should -Be 1, 2, 4
                $problems.FullyQualifiedErrorId | Should -Be "DeviceInvalid,$cmdlet", "ModelNotFound,$cmdlet"
                $problems.TargetObject | Should -Be $rows[1, 3]
                @($verbose -like 'Closed*text encoder*').Count | Should -Be $(if ($staged) { 1 } else { 2 }) -Because ($verbose -join ' | ')
                $folder
            }

            (Get-FileHash "$($folders[0])/*").Hash | Should -Be (Get-FileHash "$($folders[1])/*").Hash
            (Get-ChildItem $folders[1]).Name | Should -Be 'a-1.png', 'a-2.png', 'b.png'
            $record = Get-DiffusionMetadata "$($folders[1])/a-1.png"
            ('a' | New-DiffusionImage -Steps 1 -StageMajor), ($record | New-DiffusionImage -StageMajor) | Should -HaveCount 2
        }

        It 'starts an image from the file of one that waits as it will be, with <Name>' -TestCases @(
            @{ Name = '-StageMajor'; Waiting = @{ StageMajor = $true } }
            @{ Name = '-BatchOnDevice'; Waiting = @{ BatchOnDevice = 8 } }
        ) {
            $first = "$TestDrive/chain$Name.png"
            $rows = [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; OutFile = $first; InitImage = $null },
                [pscustomobject]@{ Prompt = 'a red house at night'; Seed = 2; OutFile = "$TestDrive/night$Name.png"; InitImage = $first }
            $expected = $rows | New-DiffusionImage -Steps 2
            $rows | New-DiffusionImage -Steps 2 -Force -Seed 7 | Should -HaveCount 2
            $images = $rows | New-DiffusionImage -Steps 2 -Force @Waiting -WarningVariable warnings
            Test-SameValue $images[1] $expected[1] | Should -BeTrue
            Remove-Item $first
            Test-SameValue (($rows | New-DiffusionImage -Steps 2 -Force @Waiting)[1]) $expected[1] | Should -BeTrue
        }

        It 'makes images in batches on the device, each as alone, with the errors of single rows at their places' {
            $rows = [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; Count = 3; OutFile = 'a.png' },
                [pscustomobject]@{ Prompt = 'a blue fish'; Seed = 4; ClipSkip = 99 },
                [pscustomobject]@{ Prompt = 'a blue fish'; Seed = 4; Scheduler = 'Euler a'; NoMetadata = $true; OutFile = 'b.png' },
                [pscustomobject]@{ Prompt = 'a'; Seed = 4; Model = 'nope' },
                [pscustomobject]@{ Prompt = 'a green tree'; Seed = 5; Width = 80 },
                [pscustomobject]@{ Prompt = 'a green tree'; Seed = 6; GuidanceScale = 1 }
            $alone = $rows | New-DiffusionImage -Steps 3 -OutDirectory "$TestDrive/batch-1" -ErrorAction SilentlyContinue
            foreach ($staged in $false, $true) {
                $verbose = [Collections.Generic.List[string]]::new()
                $images = $rows | New-DiffusionImage -Steps 3 -BatchOnDevice 3 -StageMajor:$staged -OutDirectory "$TestDrive/batch-3-$staged" -ErrorAction SilentlyContinue -ErrorVariable problems -Verbose 4>&1 |
                    ForEach-Object { if ($_ -is [Management.Automation.VerboseRecord]) { $verbose.Add($_.Message) } else { $_ } }
                $images.Seed | Should -Be $alone.Seed
                $images.Prompt | Should -Be $alone.Prompt
                $problems.FullyQualifiedErrorId | Should -Be "ClipSkipInvalid,$cmdlet", "ModelNotFound,$cmdlet"
                $problems.TargetObject | Should -Be $rows[1, 3]
                0..($alone.Count - 1) | ForEach-Object { (Compare-DiffusionImage $alone[$_] $images[$_]).LargestDifference | Should -BeLessOrEqual 1 }
                (Get-ChildItem "$TestDrive/batch-3-$staged").Name | Should -Be (Get-ChildItem "$TestDrive/batch-1").Name
                @($verbose -like 'Denoising of 3 images at once: *').Count | Should -BeGreaterThan 0 -Because ($verbose -join ' | ')
                $record = Get-DiffusionMetadata "$TestDrive/batch-3-$staged/a-2.png"
                $record.Reproducibility | Should -Be Device
                $record.Stages[0].Made.BatchOnDevice | Should -Be 3
                $record.Stages[0].Made.BatchRow | Should -Be 1
                (Get-DiffusionMetadata "$TestDrive/batch-1/a-2.png").Reproducibility | Should -Be Exact
            }

            # An image of the batch is made again alone, and says what differs.
            $again = $record | New-DiffusionImage
            $again.Reproducibility | Should -Be Exact
            (Compare-DiffusionImage $alone[1] $again).DifferentPixels | Should -Be 0
            ("$record" + (ConvertTo-DiffusionScript -InputObject $record)) | Should -Not -Match 'BatchOnDevice'
            $known = $images[0..2] | New-DiffusionImage -BatchOnDevice 2
            $known.ForEach{ $_.Stages[0].Made.BatchRow } | Should -Be 0, 1, $null

            # What was asked for before an error that ends the pipeline is made.
            $before = [Collections.Generic.List[object]]::new()
            { $rows[0, 3] | New-DiffusionImage -Steps 1 -BatchOnDevice 4 -OutDirectory "$TestDrive/stopped" -ErrorAction Stop | ForEach-Object { $before.Add($_) } } | Should -Throw '*nope*'
            $before | Should -HaveCount 3
        }

        It 'refuses a batch on the device of no image, and makes nothing of it with -WhatIf' {
            { New-DiffusionImage 'a' -BatchOnDevice 0 } | Should -Throw 'BatchOnDevice is 0, but must be between 1 and 64.' -ErrorId 'BatchOnDeviceInvalid,SdPowerShell.Commands.NewDiffusionImageCommand'
            { New-DiffusionImage 'a' -BatchOnDevice 65 } | Should -Throw 'BatchOnDevice is 65, but must be between 1 and 64.'
            { New-DiffusionImage 'a' -BatchOnDevice 1.5 } | Should -Throw "BatchOnDevice is '1.5', but must be a whole number*"
            { New-DiffusionImage 'a' -BatchOnDevice '2.5' } | Should -Throw "BatchOnDevice is '2.5', but must be a whole number*"
            { New-DiffusionImage 'a' -BatchOnDevice x } | Should -Throw "BatchOnDevice is 'x', but must be a whole number*"
            { New-DiffusionImage 'a' -LookAhead 0 } | Should -Throw 'LookAhead is 0, but must be between 1 and 1000.' -ErrorId 'LookAheadInvalid,*'
            { New-DiffusionImage 'a' -Claim -ClaimTimeout 0 } | Should -Throw 'ClaimTimeout is 0, but must be between 1 and 604800.' -ErrorId 'ClaimTimeoutInvalid,*'
            { New-DiffusionImage 'a' -PreviewEvery 0 } | Should -Throw 'PreviewEvery is 0, but must be between 1 and 1000.' -ErrorId 'PreviewEveryInvalid,*'
            { New-DiffusionImage 'a' -FeatureReuse 2,5 -ErrorAction Stop } | Should -Throw "FeatureReuse is '2,5', but must be a whole number*"
            New-DiffusionImage 'a' -Count 4 -BatchOnDevice 4 -OutDirectory "$TestDrive/none" -WhatIf | Should -BeNullOrEmpty
            "$TestDrive/none" | Should -Not -Exist
            (New-DiffusionImage 'a' -Count 5 -Steps 1 -BatchOnDevice 2 | Select-Object -First 2) | Should -HaveCount 2
        }

        It 'closes parts with -LowMemory, and makes the same image' {
            $verbose = [Collections.Generic.List[string]]::new()
            Clear-DiffusionCache
            $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 2 -LowMemory -Verbose 4>&1 | ForEach-Object { if ($_ -is [Management.Automation.VerboseRecord]) { $verbose.Add($_.Message) } else { $_ } }
            Test-SameValue $image (New-DiffusionImage 'a red house' -Seed 1 -Steps 2) | Should -BeTrue
            $verbose | Should -Contain 'Closed to free memory: text encoder.'
        }

        It 'fails the row alone whose model is none, and the pipeline where it is given for all' {
            $rows = [pscustomobject]@{ Prompt = 'a'; Model = 'nope'; Steps = 1 }, [pscustomobject]@{ Prompt = 'b'; Model = ''; Steps = 1 }
            ($rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'b'
            $problems.FullyQualifiedErrorId | Should -Be "ModelNotFound,$cmdlet"
            { 'a', 'b' | New-DiffusionImage -Model nope -ErrorAction SilentlyContinue } | Should -Throw -ErrorId "ModelNotFound,$cmdlet"
            { 'a', 'b' | New-DiffusionImage -Device nope -ErrorAction SilentlyContinue } | Should -Throw -ErrorId "DeviceInvalid,$cmdlet"
        }
    }

    Context 'Models as objects' {
        BeforeAll {
            $storeBefore = Enter-OtherStore $TestDrive other
            $ofOther = New-DiffusionImage 'a castle' -Model other -Seed 1
        }

        AfterAll {
            Exit-OtherStore $storeBefore
        }

        It 'takes a model with its own defaults from the pipeline' {
            $ofOther.Model, $ofOther.Steps, $ofOther.GuidanceScale, $ofOther.Scheduler | Should -Be 'other', 3, 2, 'Euler'
            Test-SameValue (Get-DiffusionModel other | New-DiffusionImage 'a castle' -Seed 1) $ofOther | Should -BeTrue
            (Get-DiffusionModel demo, other | New-DiffusionImage 'a castle' -Seed 1).Steps | Should -Be 25, 3
        }

        It 'takes a model as an argument, and one of another process' {
            Test-SameValue (New-DiffusionImage 'a castle' -Model (Get-DiffusionModel other) -Seed 1) $ofOther | Should -BeTrue
            $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((Get-DiffusionModel other)))
            (New-DiffusionImage 'a castle' -Model $copy -Steps 1).Model | Should -Be 'other'
            (New-DiffusionImage 'a castle' -Model (Get-Item "$TestDrive/source of other") -Steps 1).Model | Should -Be "$((Get-Item $TestDrive).FullName)/source of other"
        }

        It 'takes the size of the picture to start from, not that of the model' {
            $null = New-DiffusionImage 'a' -Width 72 -Steps 1 -OutFile wide.png
            (Get-DiffusionModel other | New-DiffusionImage 'a castle' -InitImage wide.png -Steps 2).Width | Should -Be 72
        }

        It 'refuses <Name> by the type of it' -ForEach @(
            @{ Name = 'a hashtable'; Value = @{ Name = 'other' } }
            @{ Name = 'an object'; Value = [pscustomobject]@{ Name = 'other' } }
            @{ Name = 'a version'; Value = [version]'1.0' }
        ) {
            { New-DiffusionImage 'a' -Model $Value -Steps 1 } | Should -Throw "*$($Value.GetType().Name) is not a model*" -ErrorId "ParameterArgumentTransformationError,$cmdlet"
        }

        It 'does not take the name of a row for a model' {
            ([pscustomobject]@{ Prompt = 'a'; Name = 'other'; Steps = 1 } | New-DiffusionImage -WarningAction SilentlyContinue).Model | Should -Be 'demo'
        }

        It 'says when a model of the pipeline is not used' {
            (Get-DiffusionModel other | New-DiffusionImage 'a' -Model demo -WarningAction SilentlyContinue -WarningVariable told).Steps | Should -Be 25
            $told | Should -BeLike "*'other'*'demo'*"
        }
    }

    Context 'Columns' {
        It 'leaves out the metadata of a row whose NoMetadata is <_>' -ForEach @($true, 1, 'true', 'TRUE', '1') {
            [pscustomobject]@{ Prompt = 'a secret'; NoMetadata = $_; Steps = 1; OutFile = 'x.png' } | New-DiffusionImage | Should -Not -BeNullOrEmpty
            (Get-DiffusionMetadata x.png -WarningAction SilentlyContinue).Prompt | Should -BeNullOrEmpty
            [System.Text.Encoding]::Latin1.GetString([System.IO.File]::ReadAllBytes("$folder/x.png")) | Should -Not -BeLike '*secret*'
        }

        It 'keeps the metadata of a row whose NoMetadata is <_>' -ForEach @($false, 0, 'false', '0', '', $null) {
            [pscustomobject]@{ Prompt = 'a secret'; NoMetadata = $_; Steps = 1; OutFile = 'x.png' } | New-DiffusionImage | Should -Not -BeNullOrEmpty
            (Get-DiffusionMetadata x.png).Prompt | Should -Be 'a secret'
        }

        It 'makes no picture of a row whose NoMetadata is neither' {
            [pscustomobject]@{ Prompt = 'a secret'; NoMetadata = 'maybe'; Steps = 1; OutFile = 'x.png' } | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.Exception.Message | Should -BeLike "*NoMetadata*'maybe' is neither true nor false*"
            Get-ChildItem | Should -BeNullOrEmpty
        }

        It 'leaves out the metadata of such a row in a file that is written later' {
            $row = '[{ "Prompt": "a secret", "NoMetadata": true, "Steps": 1 }]' | ConvertFrom-Json
            $row | New-DiffusionImage | Export-DiffusionImage later.png
            (Get-DiffusionMetadata later.png -WarningAction SilentlyContinue).Prompt | Should -BeNullOrEmpty
        }

        It 'takes Format, Quality, SharedGenerator and Device of a row' {
            @'
Prompt,Steps,Seed,Count,Format,Quality,SharedGenerator,Device,OutFile
a,1,1,1,jpg,10,,cpu,low
a,1,1,1,JPG,,false,,high
a,1,1,2,,,true,,pair
b,1,1,1,gif,,,,b
c,1,1,1,jpg,101,,,c
d,1,1,1,,,,Gpuu,d
'@ | ConvertFrom-Csv | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | ForEach-Object Seed | Should -Be 1, 1, 1, 1
            (Get-ChildItem).Name | Should -Be 'high.jpg', 'low.jpg', 'pair-1.png', 'pair-2.png'
            (Get-Item low.jpg).Length | Should -BeLessThan (Get-Item high.jpg).Length
            $problems.FullyQualifiedErrorId | Should -Be "FormatInvalid,$cmdlet", "QualityInvalid,$cmdlet", "DeviceInvalid,$cmdlet"
        }

        It 'refuses a quality before the work is done' {
            $verbose = New-DiffusionImage 'a' -Quality 101 -OutFile x.jpg -Verbose -ErrorAction SilentlyContinue -ErrorVariable problems 4>&1
            $problems.FullyQualifiedErrorId | Should -Be "QualityInvalid,$cmdlet"
            $verbose | Where-Object { "$_" -like 'Denoising*' } | Should -BeNullOrEmpty
        }

        It 'takes the names that A1111''s API has' {
            $picture = '{ "prompt": "a", "negative_prompt": "b", "cfg_scale": 4.5, "sampler_name": "Euler a", "steps": 2, "seed": 3, "subseed": 4, "subseed_strength": 0.25, "seed_resize_from_w": 72, "seed_resize_from_h": 80, "width": 80, "height": 72, "n_iter": 2 }' |
                ConvertFrom-Json | New-DiffusionImage -WarningVariable warnings
            $warnings | Should -BeNullOrEmpty
            $picture | Should -HaveCount 2
            $first = $picture[0]
            $first.Prompt, $first.NegativePrompt, $first.GuidanceScale, $first.Scheduler, $first.Steps, $first.Seed | Should -Be 'a', 'b', 4.5, 'Euler a', 2, 3
            $first.VariationSeed, $first.VariationStrength, $first.SeedResizeWidth, $first.SeedResizeHeight, $first.Width, $first.Height | Should -Be 4, 0.25, 72, 80, 80, 72
        }

        It 'puts the two columns together in which A1111''s API has the sampler' {
            $rows = '[{ "prompt": "a", "sampler_name": "DPM++ 2M", "scheduler": "Karras", "steps": 1 }, { "prompt": "a", "sampler_name": "Euler a", "scheduler": "Automatic", "steps": 1 }]' | ConvertFrom-Json
            ($rows | New-DiffusionImage -WarningVariable warnings).Scheduler | Should -Be 'DPM++ 2M Karras', 'Euler a'
            $warnings | Should -BeNullOrEmpty
        }

        It 'takes the sampler alone where the schedule beside it is <_>' -ForEach 'null', '""', '" "', '"automatic"', '"Automatic"' {
            $row = '{{ "prompt": "a", "steps": 1, "sampler_name": "Euler a", "scheduler": {0} }}' -f $_ | ConvertFrom-Json
            ($row | New-DiffusionImage -WarningVariable warnings).Scheduler | Should -Be 'Euler a'
            $warnings | Should -BeNullOrEmpty
        }

        It 'refuses a schedule of A1111''s that the sampler does not have by that name' {
            '{ "prompt": "a", "steps": 1, "sampler_name": "Euler a", "scheduler": "normal" }' | ConvertFrom-Json |
                New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "SchedulerNotFound,$cmdlet"
            $problems.Exception.Message | Should -BeLike "Row 1 ('a'): *'Euler a normal'*"
        }

        It 'takes the other column of a setting where the first one is empty' {
            $rows = @'
Prompt,Steps,num_inference_steps,GuidanceScale,cfg_scale,guidance_scale,NegativePrompt,negative_prompt,Scheduler,sampler_name,Seed
a,,3,,,2,,neg,,Euler a,1
b,2,,1.5,,,not,,DDIM,,1
c,1,,,4,,,,,,1
'@ | ConvertFrom-Csv
            $images = $rows | New-DiffusionImage -WarningVariable warnings
            $images.Steps | Should -Be 3, 2, 1
            $images.GuidanceScale | Should -Be 2, 1.5, 4
            $images.NegativePrompt | Should -Be 'neg', 'not', ''
            $images.Scheduler | Should -Be 'Euler a', 'DDIM', 'DDIM'
            $warnings | Should -BeNullOrEmpty
            ($rows[0] | New-DiffusionImage -Steps 1 -GuidanceScale { 7 }) | ForEach-Object { $_.Steps, $_.GuidanceScale } | Should -Be 1, 7
            ([pscustomobject]@{ Prompt = 'a'; Steps = ''; num_inference_steps = 'x' } | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems) | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "StepsInvalid,$cmdlet"
        }

        It 'takes no property of a collection or a text for a setting' {
            (, ('a', 'b', 'c') | New-DiffusionImage -Steps 1).Prompt | Should -Be 'a', 'b', 'c'
            (, [System.Collections.Generic.List[string]]('a', 'b') | New-DiffusionImage -Steps 1).Prompt | Should -Be 'a', 'b'
            (, ('a', 'b') | New-DiffusionImage -Steps 1 -Count { 2 }).Prompt | Should -Be 'a', 'a', 'b', 'b'
            'a', 'b', 'c' | Set-Content lines.txt
            (Get-Content lines.txt -ReadCount 2 | New-DiffusionImage -Steps 1).Prompt | Should -Be 'a', 'b', 'c'
            ('a' | Add-Member Count 2 -PassThru | New-DiffusionImage -Steps 1) | Should -HaveCount 1
            , ('a', 'b') | New-DiffusionImage 'c' -Steps 1 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "InputObjectNotBound,$cmdlet"
        }

        It 'warns once of each column that it does not know, and not of those of types' {
            @'
Prompt,Steps,NegativPrompt,out_file,Id,_Id,batch_size,Force
a,1,x,y,1,2,4,true
b,1,x,y,1,2,4,true
'@ | ConvertFrom-Csv | New-DiffusionImage -WarningAction SilentlyContinue -WarningVariable warnings | New-DiffusionImage -WarningVariable more | Should -HaveCount 2
            $warnings.Message | Should -Be @(
                "The column 'NegativPrompt' is not known and was ignored. Did you mean 'NegativePrompt'?"
                "The column 'out_file' is not known and was ignored. Did you mean 'OutFile'?"
                "The column 'Id' is not known and was ignored."
                "The column 'batch_size' is not known and was ignored. How many images to make is the column 'Count'."
                "The column 'Force' is not accepted from rows and was ignored. Give -Force to the command."
            )
            $more | Should -BeNullOrEmpty
        }

        It 'warns of two columns for the same setting' {
            ([pscustomobject]@{ Prompt = 'a'; Steps = 1; cfg_scale = 2; GuidanceScale = 3 } | New-DiffusionImage -WarningAction SilentlyContinue -WarningVariable warnings).GuidanceScale | Should -Be 3
            $warnings.Message | Should -Be "The column 'cfg_scale' is the same setting as 'GuidanceScale' and was ignored."
            $row = [pscustomobject]@{ Prompt = 'a'; Steps = 1; cfg_scale = 2; guidance_scale = 4; GuidanceScale = ''; CfgScale = 3 }
            ($row | New-DiffusionImage -WarningAction SilentlyContinue -WarningVariable warnings).GuidanceScale | Should -Be 3
            $warnings.Message | Should -Be "The column 'cfg_scale' is the same setting as 'CfgScale' and was ignored.", "The column 'guidance_scale' is the same setting as 'CfgScale' and was ignored."
        }

        It 'does not warn of columns that scripts read' {
            ([pscustomobject]@{ Text = 'a'; Id = '7' } | New-DiffusionImage -Prompt { $_.Text } -Seed { $_.Id } -Steps 1 -WarningVariable warnings).Seed | Should -Be 7
            $warnings | Should -BeNullOrEmpty
        }

        It 'makes an error of an unknown column with -Strict' {
            $rows = [pscustomobject]@{ Prompt = 'a'; Steps = 1; Stepps = 2 }, [pscustomobject]@{ Prompt = 'b'; Steps = 1; _own = 2 }
            ($rows | New-DiffusionImage -Strict -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'b'
            $problems.FullyQualifiedErrorId | Should -Be "ColumnInvalid,$cmdlet"
            $problems.Exception.Message | Should -Be "Row 1 ('a'): The column 'Stepps' is not known. Did you mean 'Steps'?"
        }

        It 'refuses fractions in JSON, and takes whole numbers of any kind' {
            $rows = '[{ "Prompt": "a", "Seed": 1.5, "Steps": 1 }, { "Prompt": "b", "Seed": 1, "Steps": 2.4 }, { "Prompt": "c", "Seed": 2.0, "Steps": 1e0 }, { "Prompt": "d", "Seed": true, "Steps": 1 }]' | ConvertFrom-Json
            ($rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems).Seed | Should -Be 2
            $problems.FullyQualifiedErrorId | Should -Be "SeedInvalid,$cmdlet", "StepsInvalid,$cmdlet", "SeedInvalid,$cmdlet"
            $problems[0].Exception.Message | Should -BeLike "Row 1 ('a'): Seed is '1.5', but must be a whole number*"
        }

        It 'takes the options of a scheduler of a cell or an object' {
            $rows = [pscustomobject]@{ Prompt = 'a'; Steps = 2; Scheduler = 'Euler'; SchedulerOption = 'use_karras_sigmas=true; timestep_spacing = trailing' },
                ('{ "Prompt": "a", "Steps": 2, "Scheduler": "Euler", "SchedulerOption": { "use_karras_sigmas": true, "timestep_spacing": "trailing" } }' | ConvertFrom-Json),
                [pscustomobject]@{ Prompt = 'a'; Steps = 2; Scheduler = 'Euler'; SchedulerOption = 'karras' }
            $given = New-DiffusionImage 'a' -Seed 1 -Steps 2 -Scheduler Euler -SchedulerOption @{ use_karras_sigmas = $true; timestep_spacing = 'trailing' }
            $pictures = $rows | New-DiffusionImage -Seed 1 -ErrorAction SilentlyContinue -ErrorVariable problems
            $pictures | Should -HaveCount 2
            $pictures | ForEach-Object { Test-SameValue $_ $given } | Should -Be $true, $true
            $problems.Exception.Message | Should -BeLike "*SchedulerOption*'karras' is not an option*"
        }
    }

    Context 'Places' {
        It 'names row, prompt and file in errors, and has the row as their target' {
            $rows = @'
Prompt,Steps,Seed,OutFile
a,1,,a.png
a red house,0,,house.png
b,1,zz,
c,1,,Env:/c.png
'@ | ConvertFrom-Csv
            ($rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'a'
            $problems.Exception.Message | Should -BeLike '*'
            $problems[0].Exception.Message | Should -Be "Row 2 ('a red house', house.png): Steps is 0, but must be between 1 and 1000."
            $problems[1].Exception.Message | Should -BeLike "Row 3 ('b'): Seed is 'zz', but must be a whole number*"
            $problems[2].Exception.Message | Should -BeLike "Row 4 ('c', Env:/c.png): The path 'Env:/c.png' is a path of the provider*"
            "$($problems[0])" | Should -Be $problems[0].Exception.Message
            0..2 | ForEach-Object { [object]::ReferenceEquals($problems[$_].TargetObject, $rows[$_ + 1]) } | Should -Be $true, $true, $true
        }

        It 'counts rows that PowerShell itself refuses' {
            $rows = [pscustomobject]@{ Text = 'a' }, [pscustomobject]@{ Prompt = 'b'; NoMetadata = 'maybe' }, [pscustomobject]@{ Prompt = 'c'; Steps = 0 }
            $rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems | Should -HaveCount 3
            $problems[2].Exception.Message | Should -BeLike "Row 3 ('c'): Steps is 0*"
        }

        It 'names file, line and prompt in warnings' {
            'a', '', ('red ' * 75 + 'purple heart') | Set-Content prompts.txt
            $null = Get-Content prompts.txt | New-DiffusionImage -Steps 1 -WarningAction SilentlyContinue -WarningVariable warnings
            $warnings | Should -BeLike "prompts.txt, line 3 ('red red *…'): The prompt is longer*'purple heart'*"
        }

        It 'names one of several prompts, and no place where there is one alone' {
            New-DiffusionImage 'a', 'b' -Steps 0 -ErrorAction SilentlyContinue -ErrorVariable several
            $several.Exception.Message | Should -BeLike "Prompt ? ('?'): Steps is 0*"
            New-DiffusionImage 'a' -Steps 0 -ErrorAction SilentlyContinue -ErrorVariable one
            $one.Exception.Message | Should -BeLike 'Steps is 0*'
        }

        It 'refuses a number that is none before the first row' {
            { 'a', 'b' | New-DiffusionImage -Seed zz -ErrorAction SilentlyContinue } | Should -Throw "Seed is 'zz'*" -ErrorId "SeedInvalid,$cmdlet"
        }

        It 'says how to start from a file whose name is piped as a text' {
            'a text' | Set-Content "$TestDrive/start.png"
            "$TestDrive/start.png" | New-DiffusionImage 'a' -ErrorAction SilentlyContinue -ErrorVariable problems
            $problems.FullyQualifiedErrorId | Should -Be "InputObjectNotBound,$cmdlet"
            "$problems" | Should -BeLike '*is a prompt*-InitImage*Get-Item*'
        }

        It 'says that an image to start from cannot have wildcards, if they match' {
            'a text' | Set-Content "$TestDrive/start.png"
            New-DiffusionImage 'a' -InitImage "$TestDrive/sta*.png" -ErrorAction SilentlyContinue -ErrorVariable problems
            New-DiffusionImage 'a' -InitImage "$TestDrive/nothing*.png" -ErrorAction SilentlyContinue -ErrorVariable +problems
            New-DiffusionImage 'a' -InitImage "$TestDrive/[nothing].png" -ErrorAction SilentlyContinue -ErrorVariable +problems
            $problems.FullyQualifiedErrorId | Should -Be (, "PathNotFound,$cmdlet" * 3)
            "$($problems[0])" | Should -BeLike "*Wildcards are not allowed here*'start.png'*"
            "$($problems[1])" | Should -BeLike '*Check the path.'
            "$($problems[2])" | Should -BeLike '*brackets*'
        }

        It 'refuses objects that no parameter takes' {
            'x', 5, [pscustomobject]@{ Id = 1 } | New-DiffusionImage 'a' -Steps 1 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be (@("InputObjectNotBound,$cmdlet") * 3)
        }
    }

    Context 'Lines' {
        BeforeEach {
            'a red house', '', '# a comment', "`t ", '  #another', 'a blue fish', '' | Set-Content prompts.txt
        }

        It 'passes over blank lines and comments, and says how many' {
            $output = Get-Content prompts.txt | New-DiffusionImage -Steps 1 -Verbose -ErrorVariable problems 4>&1
            $problems | Should -BeNullOrEmpty
            $output.Prompt | Where-Object { $_ } | Should -Be 'a red house', 'a blue fish'
            $output.Message | Should -Contain 'Skipped blank lines and comments: 5.'
        }

        It 'makes errors of them with -Strict' {
            (Get-Content prompts.txt | New-DiffusionImage -Steps 1 -Strict -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'a red house', 'a blue fish'
            $problems.FullyQualifiedErrorId | Should -Be (@("PromptInvalid,$cmdlet") * 5)
            $problems[1].Exception.Message | Should -BeLike "prompts.txt, line 3 ('# a comment'): The line is a comment*"
        }

        It 'refuses a blank prompt of an argument or a row, and makes a picture of a # there' {
            New-DiffusionImage '' -ErrorAction SilentlyContinue -ErrorVariable argument
            [pscustomobject]@{ Prompt = ' ' } | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable row
            $argument.FullyQualifiedErrorId, $row.FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet", "PromptInvalid,$cmdlet"
            (New-DiffusionImage '# 1' -Steps 1).Prompt | Should -Be '# 1'
            ([pscustomobject]@{ Prompt = '# 1' } | New-DiffusionImage -Steps 1).Prompt | Should -Be '# 1'
        }

        It 'does not take a text of several lines for a comment' {
            ("# 1`na red house" | New-DiffusionImage -Steps 1).Prompt | Should -Be "# 1`na red house"
        }
    }

    Context 'Syntax of other tools' {
        It 'warns of it once for each kind where no syntax is given' {
            'a red house', 'a (red:1.4) house <lora:x:1>', 'a (blue:1.2) house' |
                New-DiffusionImage -Steps 1 -WarningAction SilentlyContinue -WarningVariable warnings | Should -HaveCount 3
            $warnings | Should -HaveCount 2
            $warnings[0] | Should -BeLike "Prompt 2 ('a (red:1.4) house <lora:x:1>'): '(red:1.4)' is read as text.*-PromptSyntax A1111*"
            $warnings[1] | Should -BeLike "*'<lora:x:1>' is read as text.*-PromptSyntax A1111*"
        }

        It 'looks at the negative prompt too' {
            $null = New-DiffusionImage 'a' -NegativePrompt '(bad:1.4)' -Steps 1 -WarningAction SilentlyContinue -WarningVariable warnings
            $warnings | Should -BeLike "'(bad:1.4)' is read as text*"
        }

        It 'says nothing where text is meant' {
            $null = New-DiffusionImage 'a (red:1.4) house' -PromptSyntax Plain -Steps 1 -WarningVariable given
            $null = New-DiffusionImage 'a house (at 7:05) on (16:9) paper' -Steps 1 -WarningVariable text
            $given | Should -BeNullOrEmpty
            $text | Should -BeNullOrEmpty
        }
    }

    Context 'Files' {
        It 'numbers the files and seeds of -Count' {
            (New-DiffusionImage 'a' -Seed 8 -Count 3 -Steps 1 -OutFile x.jpg).Seed | Should -Be 8, 9, 10
            (Get-ChildItem).Name | Should -Be 'x-1.jpg', 'x-2.jpg', 'x-3.jpg'
        }

        It 'replaces a file with -Force alone' {
            'mine' | Set-Content x.png
            New-DiffusionImage 'a' -Steps 1 -OutFile x.png -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "FileExists,$cmdlet"
            $problems.CategoryInfo.Category | Should -Be 'ResourceExists'
            Get-Content x.png | Should -Be 'mine'
            (New-DiffusionImage 'a' -Steps 1 -OutFile x.png -Force).Path | Should -Be (Join-Path $folder x.png)
            (Get-ChildItem).Name | Should -Be 'x.png'
        }

        It 'writes and makes nothing with -WhatIf' {
            'a', 'b' | New-DiffusionImage -OutDirectory new -Steps 1 -WhatIf | Should -BeNullOrEmpty
            Get-ChildItem | Should -BeNullOrEmpty
        }

        It 'writes to a drive of PowerShell, relative to the current location' {
            (New-DiffusionImage 'a' -Steps 1 -OutFile TestDrive:/drive.png).Path | Should -Be (Join-Path (Get-Item $TestDrive).FullName drive.png)
            (New-DiffusionImage 'a' -Steps 1 -OutFile './here.png').Path | Should -Be (Join-Path $folder here.png)
        }

        It 'leaves nothing of a file that cannot be written, and says so with -WhatIf too' -ForEach @(
            @{ OutFile = 'file/x.png'; Id = 'FileWriteFailed' }
            @{ OutFile = 'x.docx'; Id = 'OutFileInvalid' }
            @{ OutFile = ''; Id = 'OutFileInvalid' }
            @{ OutFile = '.'; Id = 'OutFileInvalid' }
            @{ OutFile = 'folder/'; Id = 'OutFileInvalid' }
            @{ OutFile = '.png'; Id = 'OutFileInvalid' }
            @{ OutFile = 'Env:/x.png'; Id = 'PathNotFileSystem' }
        ) {
            'mine' | Set-Content file
            New-DiffusionImage 'a' -Steps 1 -OutFile $OutFile -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            New-DiffusionImage 'a' -Steps 1 -OutFile $OutFile -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +problems
            $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet", "$Id,$cmdlet"
            (Get-ChildItem).Name | Should -Be file
        }

        It 'makes the folder of -OutFile, and none with -WhatIf' {
            New-DiffusionImage 'a' -Steps 1 -OutFile b/c/p1.png -WhatIf
            Get-ChildItem | Should -BeNullOrEmpty
            (New-DiffusionImage 'a' -Steps 1 -OutFile b/c/p1.png).Path | Should -Be (Join-Path $folder b c p1.png)
        }

        It 'gives each image a name of its own where several runspaces write to one folder' {
            $images = 1..4 | ForEach-Object -ThrottleLimit 4 -Parallel {
                Import-Module "$using:ModuleFolder/StableDiffusion.psd1"
                New-DiffusionImage 'same', 'same', 'same', 'same', 'same' -Seed 5 -Steps 1 -OutDirectory $using:folder/all
            }
            $images.Path | Sort-Object -Unique | Should -HaveCount 20
            $names = @('same-5.png') + (2..20 | ForEach-Object { "same-5-$_.png" })
            (Get-ChildItem all -Force).Name | Sort-Object | Should -Be ($names | Sort-Object)
        }
    }

    Context 'WhatIf' {
        It 'makes no image without a file either, whatever its size' {
            New-DiffusionImage 'a' -Width 1024 -Height 1024 -WhatIf | Should -BeNullOrEmpty
            'a' | New-DiffusionImage -Count 3 -WhatIf -Verbose 4>&1 | Should -BeNullOrEmpty
        }

        It 'finds an image that does not fit into memory' {
            $env:STABLEDIFFUSION_MAX_MEMORY_MB = 50000
            try {
                { New-DiffusionImage 'a' -Width 8192 -Height 8192 -VaeTiling Off -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'WidthInvalid,*' -ExpectedMessage '*77*GB*STABLEDIFFUSION_MAX_MEMORY_MB*tiles*'
                $env:STABLEDIFFUSION_MAX_MEMORY_MB = 5000
                { New-DiffusionImage 'a' -Width 8192 -Height 8192 -WhatIf -ErrorAction Stop } | Should -Throw -ErrorId 'WidthInvalid,*' -ExpectedMessage '*8*GB*STABLEDIFFUSION_MAX_MEMORY_MB*'
            }
            finally {
                $env:STABLEDIFFUSION_MAX_MEMORY_MB = $null
            }
        }

        It 'finds the bad rows' {
            $null = New-DiffusionImage 'a' -Steps 1 -OutFile init.png
            @'
Prompt,Seed,Steps,Width,Scheduler,InitImage,Strength,Model,OutFile
good,1,,,,,,,good.png
,2,,,,,,,2.png
size,3,,60,,,,,3.png
steps,4,2000,,,,,,4.png
scheduler,5,,,Eular,,,,5.png
init,6,,,,none.png,,,6.png
strength,7,,,,init.png,0.01,,7.png
model,8,,,,,,nope,8.png
start,9,,,,,0.5,,9.png
taken,10,,,,,,,init.png
good,11,,,,init.png,,,11.png
'@ | Set-Content jobs.csv
            Import-Csv jobs.csv | New-DiffusionImage -WhatIf -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId -replace ',.*' | Should -Be (
                'PromptInvalid', 'WidthInvalid', 'StepsInvalid', 'SchedulerNotFound', 'PathNotFound', 'StrengthInvalid', 'ModelNotFound', 'StrengthInvalid', 'FileExists')
            (Get-ChildItem).Name | Should -Be init.png, jobs.csv
        }
    }

    Context 'Images to start from' {
        BeforeEach {
            $start = New-DiffusionImage 'a red house' -Seed 1 -Count 2 -Steps 2 -OutFile in/h.png
        }

        It 'takes image files from the pipeline and keeps their names' {
            $images = Get-ChildItem in/*.png | New-DiffusionImage 'a blue house' -Seed 3 -Steps 4 -OutDirectory out -Format jpg
            $images.Path | Should -Be (Join-Path $folder out h-1.jpg), (Join-Path $folder out h-2.jpg)
            $expected = New-DiffusionImage 'a blue house' -InitImage in/h-2.png -Seed 3 -Steps 4
            [System.Linq.Enumerable]::SequenceEqual($images[1].Pixels, $expected.Pixels) | Should -BeTrue
            (Get-Item in/h-1.png | New-DiffusionImage 'a blue house' -Steps 4 -OutDirectory in).Path | Should -Be (Join-Path $folder in h-1-2.png)
        }

        It 'takes images from the pipeline, with their settings' {
            $image = $start[0] | New-DiffusionImage 'a blue house' -Strength 1
            $expected = New-DiffusionImage 'a blue house' -InitImage in/h-1.png -Strength 1 -Seed 1 -Steps 2
            [System.Linq.Enumerable]::SequenceEqual($image.Pixels, $expected.Pixels) | Should -BeTrue
            ($start[0] | New-DiffusionImage 'a blue house' -Strength 1 -Width 128).Height | Should -Be 128
            [System.Linq.Enumerable]::SequenceEqual(($start[0] | New-DiffusionImage).Pixels, $start[0].Pixels) | Should -BeTrue
            ($start[0] | Select-Object Seed, Steps | New-DiffusionImage 'a blue house').Strength | Should -BeNullOrEmpty
        }

        It 'takes files and images as arguments' {
            $mask = New-DiffusionImage 'a large white circle on black' -Seed 3 -Steps 4 -OutFile mask.png
            $common = @{ Prompt = 'a blue house'; Seed = 3; Steps = 4; Strength = 0.5 }
            $images = & {
                New-DiffusionImage @common -InitImage in/h-1.png -MaskImage mask.png
                New-DiffusionImage @common -InitImage (Get-Item in/h-1.png) -MaskImage (Get-Item mask.png)
                New-DiffusionImage @common -InitImage $start[0] -MaskImage $mask
            }
            foreach ($image in $images) {
                [System.Linq.Enumerable]::SequenceEqual($image.Pixels, $images[0].Pixels) | Should -BeTrue
            }
        }

        It 'says what to do with a file where there is no prompt' {
            Get-ChildItem in/*.png | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "ParameterArgumentTransformationError,$cmdlet", "ParameterArgumentTransformationError,$cmdlet"
            $problems[0].Exception.Message | Should -BeLike "*'h-1.png' is a file*Get-DiffusionMetadata*Get-Content*"
        }

        It 'fails the record alone that is no image' {
            'no image' | Set-Content in/text.png
            $null = New-Item -ItemType Directory in/folder.png
            (Get-ChildItem in | New-DiffusionImage 'a' -Steps 2 -ErrorAction SilentlyContinue -ErrorVariable problems) | Should -HaveCount 2
            $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet", "ImageInvalid,$cmdlet"
            $problems.TargetObject.Name | Sort-Object | Should -Be folder.png, text.png
            Get-Item in/h-1.png | New-DiffusionImage 'a' -InitImage in/h-2.png -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "InitImageInvalid,$cmdlet"
        }

        It 'brings an image of <Size> to <Expected> with <Settings>' -ForEach @(
            @{ Settings = @{}; Size = '100x75'; Expected = '96x72'; Mode = 'Crop' }
            @{ Settings = @{ Width = 64 }; Size = '100x75'; Expected = '64x48'; Mode = 'Crop' }
            @{ Settings = @{ Width = 64; Height = 64; ResizeMode = 'pad' }; Size = '100x75'; Expected = '64x64'; Mode = 'Pad' }
            @{ Settings = @{ ResizeMode = 'Stretch' }; Size = '64x64'; Expected = '64x64'; Mode = $null }
        ) {
            Copy-Item "$PSScriptRoot/../data/images/scene.png" 64x64.png
            Set-UnevenImage 100x75.png
            $lines = New-DiffusionImage 'a' -InitImage "$Size.png" -Seed 1 -Steps 2 @Settings -OutFile once.png -Verbose 4>&1
            $image = $lines | Where-Object { $_ -isnot [System.Management.Automation.VerboseRecord] }
            "$($image.Width)x$($image.Height)", $image.ResizeMode | Should -Be $Expected, $Mode
            @($lines -like "*from $Size to $Expected pixels*$Mode*") | Should -HaveCount ($Mode ? 1 : 0)
            (Get-DiffusionMetadata once.png -WarningAction SilentlyContinue).ResizeMode | Should -Be $Mode
            $null = Get-DiffusionMetadata once.png -WarningAction SilentlyContinue | New-DiffusionImage -InitImage "$Size.png" -OutFile again.png
            (Get-FileHash again.png).Hash | Should -Be (Get-FileHash once.png).Hash
            $parts = @{ Width = $image.Width; Height = $image.Height; ResizeMode = $Mode ?? 'None' }
            ConvertTo-Latent "$Size.png" -Seed 1 @parts | Invoke-Denoise (Get-TextEmbedding 'a') -Steps 2 | ConvertFrom-Latent | Export-DiffusionImage parts.png
            (Get-FileHash parts.png).Hash | Should -Be (Get-FileHash once.png).Hash
        }

        It 'brings the mask along' {
            Set-UnevenImage 100x75.png
            (New-DiffusionImage 'a' -InitImage 100x75.png -MaskImage 100x75.png -Steps 2).Width | Should -Be 96
        }

        It 'does not leave out a mask that is not given again' {
            $null = New-DiffusionImage 'a mask' -Seed 9 -Steps 1 -OutFile mask.png
            $null = New-DiffusionImage 'a' -InitImage in/h-1.png -MaskImage mask.png -Seed 3 -Steps 2 -OutFile masked.png
            $metadata = Get-DiffusionMetadata masked.png -WarningAction SilentlyContinue
            $metadata | New-DiffusionImage -InitImage in/h-1.png -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "RecordNotRepeatable,$cmdlet"
            "$problems" | Should -BeLike "*'mask.png'*-MaskImage*"
            $null = $metadata | New-DiffusionImage -InitImage in/h-1.png -MaskImage mask.png -OutFile again.png
            (Get-FileHash again.png).Hash | Should -Be (Get-FileHash masked.png).Hash
        }

        It 'warns of another image than the recorded one before it begins, <Name>' -ForEach @(
            @{ Name = 'to start from'; Made = @{ InitImage = 'in/h-1.png' }; Given = @{ InitImage = 'in/h-2.png' }; Warned = '*image to start from*h-2.png*other pixels*h-1.png*' }
            @{ Name = 'as an object'; Made = @{ InitImage = 'in/h-1.png' }; Given = @{ InitImage = { $start[1] } }; Warned = '*image to start from*other pixels*h-1.png*' }
            @{ Name = 'as the mask'; Made = @{ InitImage = 'in/h-1.png'; MaskImage = 'in/h-1.png' }; Given = @{ InitImage = 'in/h-1.png'; MaskImage = 'in/h-2.png' }; Warned = '*mask*h-2.png*other pixels*h-1.png*' }
        ) {
            foreach ($key in @($Given.Keys)) { if ($Given[$key] -is [scriptblock]) { $Given[$key] = & $Given[$key] } }
            $null = New-DiffusionImage 'a' @Made -Seed 3 -Steps 2 -OutFile made.png
            $metadata = Get-DiffusionMetadata made.png -WarningAction SilentlyContinue
            $metadata | New-DiffusionImage @Given -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
            $warnings | Should -HaveCount 1
            "$warnings" | Should -BeLike $Warned
            $metadata | New-DiffusionImage @Made -WhatIf -WarningVariable warnings | Should -BeNullOrEmpty
            $warnings | Should -BeNullOrEmpty

            # It is no warning where something else is asked for.
            $metadata | New-DiffusionImage 'b' @Given -WhatIf -WarningVariable warnings | Should -BeNullOrEmpty
            $warnings | Should -BeNullOrEmpty
        }

        It 'warns of pixels that a script changed after the last stage' {
            $edited = New-DiffusionImage 'a' -Seed 3 -Steps 2
            $expected = $edited.Pixels.Clone()
            $edited.Pixels[5] = 255 - $edited.Pixels[5]
            $again = $edited | New-DiffusionImage -WarningVariable warnings -WarningAction SilentlyContinue
            "$warnings" | Should -BeLike '*script changed the values after the last recorded stage*'
            [System.Linq.Enumerable]::SequenceEqual($again.Pixels, $expected) | Should -BeTrue
            $edited | Export-DiffusionImage edited.png -WarningAction SilentlyContinue
            $again = Get-DiffusionMetadata edited.png -WarningVariable read -WarningAction SilentlyContinue | New-DiffusionImage -Steps 1 -WarningVariable warnings -WarningAction SilentlyContinue
            "$read" | Should -BeLike 'edited.png: *script changed the values*'
            $warnings | Should -BeNullOrEmpty
            $again.Steps | Should -Be 1
            $again | New-DiffusionImage -WarningVariable warnings | Out-Null
            $warnings | Should -BeNullOrEmpty
        }

        It 'warns of an image that the recorded stages did not begin with' {
            $null = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1 | Invoke-Denoise (Get-TextEmbedding 'b') | ConvertFrom-Latent | Export-DiffusionImage two.png
            Get-DiffusionMetadata two.png | New-DiffusionImage -InitImage in/h-2.png -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue
            "$warnings" | Should -BeLike '*h-2.png*not used*'
        }

        It 'says which images it needs to make an image with another setting' {
            $null = New-DiffusionImage 'a' -InitImage in/h-1.png -MaskImage in/h-2.png -Seed 3 -Steps 2 -OutFile made.png
            $metadata = Get-DiffusionMetadata made.png -WarningAction SilentlyContinue
            foreach ($use in { $metadata | New-DiffusionImage -Steps 5 }, { $metadata | New-DiffusionImage 'a cat' }) {
                $ErrorActionPreference = 'Continue'
                $problems = @(& $use 2>&1)
                $problems.FullyQualifiedErrorId | Should -Be "RecordNotRepeatable,$cmdlet"
                "$problems" | Should -BeLike "*To change $($use -like '*cat*' ? 'Prompt' : 'Steps')*-InitImage 'h-1.png', -MaskImage 'h-2.png'*"
            }

            ($metadata | New-DiffusionImage 'a cat' -InitImage in/h-1.png -MaskImage in/h-2.png).Prompt | Should -Be 'a cat'
            ($metadata | New-DiffusionImage -Steps 5 -InitImage in/h-1.png -MaskImage in/h-2.png).Steps | Should -Be 5
        }

        It 'makes an image of several passes with another setting, <Name>' -ForEach @(
            @{ Name = 'of a second pass'; Settings = @{ HiresScale = 1.5; HiresStrength = 0.4; HiresSteps = 2 }; Change = @{ Seed = 5 } }
            @{ Name = 'of regions'; Settings = @{ Detailer = 'Shapes'; DetailStrength = 0.9; DetailPadding = 4; DetailMaskBlur = 1 }; Change = @{ Steps = 3 } }
            @{ Name = 'of a refiner'; Settings = @{ Refiner = 'demo'; RefinerSwitchAt = 0.5 }; Change = @{ Prompt = 'a blue star on white' } }
        ) {
            $made = @{ Prompt = 'a red star on white'; Seed = 1; Steps = 4 } + $Settings
            $null = New-DiffusionImage @made -OutFile passes.png
            $expected = @{} + $made
            foreach ($setting in $Change.Keys) { $expected[$setting] = $Change[$setting] }
            Test-SameValue (New-DiffusionImage @expected) (Get-DiffusionMetadata passes.png | New-DiffusionImage @Change) | Should -Be $true
            Test-SameValue (New-DiffusionImage @made) (Get-DiffusionMetadata passes.png | New-DiffusionImage) | Should -Be $true
            $null = Get-DiffusionMetadata passes.png | New-DiffusionImage -OutFile again.png
            (Get-FileHash again.png).Hash | Should -Be (Get-FileHash passes.png).Hash
        }

        It 'repeats several stages as they were, with <Name> as with any other setting' -ForEach @(
            @{ Name = 'Steps'; Settings = @{ Steps = 5 } }
            @{ Name = 'Prompt'; Settings = @{ Prompt = 'a cat' } }
        ) {
            $null = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1 | Invoke-Denoise (Get-TextEmbedding 'b') | ConvertFrom-Latent | Export-DiffusionImage two.png
            Get-DiffusionMetadata two.png | New-DiffusionImage @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$($Name)Invalid,$cmdlet"
            "$problems" | Should -BeLike "*several stages*Omit $Name*ConvertTo-DiffusionScript*"
        }

        It 'needs no image that its record can make' {
            $image = $start[0] | New-DiffusionImage 'b' -Strength 0.7 -Seed 2 -Steps 3 -OutFile made.png
            $again = Get-DiffusionMetadata made.png -WarningVariable warnings | New-DiffusionImage
            $warnings | Should -BeNullOrEmpty
            Test-SameValue $again $image | Should -BeTrue

            $null = New-DiffusionImage 'b' -InitImage in/h-1.png -Strength 0.7 -Seed 2 -Steps 3 -OutFile made.png -Force
            $null = Get-DiffusionMetadata made.png -WarningVariable warnings -WarningAction SilentlyContinue
            "$warnings" | Should -BeLike '*made from another image*'
        }

        It 'repeats the stages of a copy by Select-Object, unless it was changed' {
            $null = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1 | Invoke-Denoise (Get-TextEmbedding 'b') | ConvertFrom-Latent | Export-DiffusionImage two.png
            $copy = Get-DiffusionMetadata two.png | Select-Object *
            $null = $copy | New-DiffusionImage -OutFile again.png -WarningVariable warnings
            $warnings | Should -BeNullOrEmpty
            (Get-FileHash again.png).Hash | Should -Be (Get-FileHash two.png).Hash
            $copy.GuidanceScale = 2
            $copy | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "GuidanceScaleInvalid,$cmdlet"
            $sheet = $start | Join-DiffusionImage
            Test-SameValue ($sheet | Select-Object * | New-DiffusionImage) $sheet | Should -BeTrue
            $one = Get-DiffusionMetadata in/h-1.png | Select-Object *
            $one.Steps = 1
            ($one | New-DiffusionImage).Steps | Should -Be 1
        }

        It 'says how to make a sheet of files again' {
            $null = Get-ChildItem in/*.png | Join-DiffusionImage | Export-DiffusionImage sheet.png
            Get-DiffusionMetadata sheet.png | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "RecordNotRepeatable,$cmdlet"
            "$problems" | Should -BeLike "*'h-1.png', 'h-2.png'*ConvertTo-DiffusionScript*"
        }

        It 'says which image is missing where one was made from another' {
            $null = New-DiffusionImage 'a' -InitImage in/h-1.png -Strength 0.6 -Seed 3 -Steps 4 -OutFile made.png
            $metadata = Get-DiffusionMetadata made.png -WarningAction SilentlyContinue
            $metadata | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "RecordNotRepeatable,$cmdlet"
            "$problems" | Should -BeLike "*began with the file 'h-1.png'*-InitImage*-MaskImage*"
            $start[0] | New-DiffusionImage -Strength 0.5 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.Exception.Message | Should -BeLike '*Strength needs an image to start from*-InitImage*'
            $null = $metadata | New-DiffusionImage -InitImage in/h-1.png -OutFile again.png
            (Get-FileHash again.png).Hash | Should -Be (Get-FileHash made.png).Hash
        }
    }

    Context 'Streams' {
        It 'tells device, stages and their times in the verbose stream' {
            $lines = New-DiffusionImage 'a' -Steps 1 -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] } | ForEach-Object Message
            $lines | Where-Object { $_ -like 'Device Cpu:*' } | Should -HaveCount 1
            $lines | Where-Object { $_ -match '^(Text encoder|Denoising|VAE decoder): [\d.,]+ ms\.$' } | Should -HaveCount 3
        }

        It 'shows the progress of a pipeline of prompts' {
            $shell = [powershell]::Create()
            try {
                $null = $shell.AddScript("Import-Module '$ModuleFolder/StableDiffusion.psd1'; 'a', '', 'b' | New-DiffusionImage -Steps 1 -ErrorAction SilentlyContinue").Invoke()
                $batch = @($shell.Streams.Progress | Where-Object Activity -EQ 'Making images')
                $batch[0].StatusDescription | Should -Be 'image 1'
                $batch[-2].StatusDescription | Should -Match '^image 2, [\d.,]+ images an hour$'
                $batch[-1].RecordType | Should -Be Completed
                @($shell.Streams.Progress | Where-Object Activity -Like Denoising* | ForEach-Object ParentActivityId | Sort-Object -Unique) | Should -Be $batch[0].ActivityId
            }
            finally {
                $shell.Dispose()
            }
        }

        It 'warns of the words that did not fit' {
            $null = New-DiffusionImage ('red ' * 75 + 'purple heart') -Steps 1 -WarningAction SilentlyContinue -WarningVariable warnings
            $warnings | Should -BeLike "*77 tokens*'purple heart'*"
        }

        It 'stops when it is told to, and the next picture is made' {
            $shell = [powershell]::Create()
            try {
                $null = $shell.AddScript("Import-Module '$ModuleFolder/StableDiffusion.psd1'; New-DiffusionImage a -Width 512 -Height 512 -Steps 1000 -OutFile '$folder/x.png' -Verbose")
                $run = $shell.BeginInvoke()
                $limit = [datetime]::Now.AddMinutes(1)
                while (-not ($shell.Streams.Verbose -match '^Text encoder') -and [datetime]::Now -lt $limit) { Start-Sleep -Milliseconds 50 }
                $stop = $shell.BeginStop($null, $null)
                $stop.AsyncWaitHandle.WaitOne([timespan]::FromMinutes(1)) | Should -BeTrue
                { $shell.EndInvoke($run) } | Should -Throw
                $shell.InvocationStateInfo.State | Should -Be 'Stopped'
                $shell.Streams.Error | Should -BeNullOrEmpty
            }
            finally {
                $shell.Dispose()
            }

            Get-ChildItem | Should -BeNullOrEmpty
            New-DiffusionImage 'a' -Steps 1 | Should -Not -BeNullOrEmpty
        }
    }

    Context 'Models of their own kind' {
        It 'refuses <Settings> for a model of another kind' -ForEach @(
            @{ Settings = @{ ImageGuidanceScale = 2 }; Id = 'ImageGuidanceScaleInvalid' }
            @{ Settings = @{ ImageCfgScale = 2 }; Id = 'ImageGuidanceScaleInvalid' }
            @{ Settings = @{ ImageGuidanceScale = 101 }; Id = 'ImageGuidanceScaleInvalid' }
            @{ Settings = @{ OriginalWidth = 1024 }; Id = 'OriginalWidthInvalid' }
            @{ Settings = @{ AestheticScore = 7 }; Id = 'AestheticScoreInvalid' }
        ) {
            New-DiffusionImage 'a' -Steps 1 @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
            $problems.CategoryInfo.Category | Should -Be 'InvalidArgument'
        }

        It 'takes <_> of a row' -ForEach 'ImageGuidanceScale', 'ImageCfgScale' {
            $rows = [pscustomobject]@{ Prompt = 'a'; Steps = 1; $_ = '2' }, [pscustomobject]@{ Prompt = 'b'; Steps = 1; $_ = '' }
            ($rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'b'
            $problems.FullyQualifiedErrorId | Should -Be "ImageGuidanceScaleInvalid,$cmdlet"
        }
    }

    Context 'ControlNets' {
        It 'refuses <Settings>' -ForEach @(
            @{ Settings = @{ ControlNet = 'net' }; Id = 'ControlImageInvalid' }
            @{ Settings = @{ ControlNet = 'net'; ControlImage = 'scene.png'; ControlPreprocessor = 'Depth' }; Id = 'ControlPreprocessorInvalid' }
            @{ Settings = @{ ControlNet = 'net'; ControlImage = 'scene.png'; ControlScale = 11 }; Id = 'ControlScaleInvalid' }
            @{ Settings = @{ ControlNet = 'net'; ControlImage = 'scene.png'; ControlScale = 1, 1 }; Id = 'ControlScaleInvalid' }
            @{ Settings = @{ ControlNet = 'net'; ControlImage = 'scene.png'; ControlStart = 0.5; ControlEnd = 0.5 }; Id = 'ControlStartInvalid' }
            @{ Settings = @{ ControlNet = 'net'; ControlImage = 'scene.png'; ControlEnd = 2 }; Id = 'ControlEndInvalid' }
            @{ Settings = @{ ControlNet = 'no-such-net'; ControlImage = 'scene.png' }; Id = 'ControlNetNotFound' }
        ) {
            Copy-Item "$PSScriptRoot/../data/images/scene.png" scene.png
            New-DiffusionImage 'a' -Steps 1 @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
        }

        Context 'with the reference''s tiny model' {
            BeforeAll {
                $net = (Resolve-Path "$PSScriptRoot/../data/adapters/sd1-controlnet").Path
                $picture = (Resolve-Path "$PSScriptRoot/../data/adapters/control.png").Path
                $common = @{
                    Model = Join-Path $FamiliesFolder sd1-diffusers
                    Seed  = 1; Steps = 2; Width = 64; Height = 64
                }
                $cache = $env:STABLEDIFFUSION_CACHE
                $env:STABLEDIFFUSION_CACHE = "$TestDrive/cache"
                $plain = New-DiffusionImage 'a' @common
                $steered = New-DiffusionImage 'a' @common -ControlNet $net -ControlImage $picture -ControlScale 2
            }

            AfterAll {
                Clear-DiffusionCache
                $env:STABLEDIFFUSION_CACHE = $cache
            }

            It 'steers, and says by what' {
                [System.Linq.Enumerable]::SequenceEqual($steered.Pixels, $plain.Pixels) | Should -BeFalse
                $steered.ControlNet, $steered.ControlImage | Should -Be $net, $picture
                $($steered.ControlScale; $steered.ControlStart; $steered.ControlEnd) | Should -Be 2, 0, 1
            }

            It 'does nothing at a scale of 0, or in no step' -ForEach @(
                @{ Settings = @{ ControlScale = 0 } }
                @{ Settings = @{ ControlStart = 0.6; ControlEnd = 0.9 } }
            ) {
                $image = New-DiffusionImage 'a' @common -ControlNet $net -ControlImage $picture @Settings
                [System.Linq.Enumerable]::SequenceEqual($image.Pixels, $plain.Pixels) | Should -BeTrue
            }

            It 'takes the settings of rows and pictures, and one value for all or one for each' {
                $row = [pscustomobject]@{ Prompt = 'a'; ControlNet = $net; ControlImage = $picture; ControlScale = '2'; ControlStart = ''; ControlEnd = '1' }
                $both = @{ ControlNet = $net, $net; ControlImage = $picture; ControlScale = 2, 2; ControlStart = 0, 0.5; ControlEnd = 0.5, 1 }
                $images = & {
                    $row | New-DiffusionImage @common
                    $steered | New-DiffusionImage -Model $common.Model
                    New-DiffusionImage 'a' @common @both
                }
                $images | Should -HaveCount 3
                foreach ($image in $images) {
                    [System.Linq.Enumerable]::SequenceEqual($image.Pixels, $steered.Pixels) | Should -BeTrue
                }
            }
        }
    }

    Context 'in tiles' {
        It 'takes them from a row, records them, and makes the image again with them' {
            $row = [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; Steps = 2; Width = 160; VaeTiling = 'On'; VaeTileSize = '96'; OutFile = "$TestDrive/tiles.png" }
            $image = $row | New-DiffusionImage
            $image.VaeTiling, $image.VaeTileSize | Should -Be 'On', 96
            Test-SameValue (Get-DiffusionMetadata "$TestDrive/tiles.png" | New-DiffusionImage) $image | Should -BeTrue
            $whole = New-DiffusionImage 'a red house' -Seed 1 -Steps 2 -Width 160
            (Compare-DiffusionImage $whole $image).SettingDifferences.Name | Should -Be 'VaeTiling', 'VaeTileSize'
        }

        It 'encodes the image to start from in tiles too, and makes it again from that image' {
            $start = New-DiffusionImage 'a red house' -Seed 1 -Steps 1 -Width 160 -OutFile "$TestDrive/start.png"
            $image = New-DiffusionImage 'a blue house' -Seed 1 -Steps 2 -InitImage "$TestDrive/start.png" -VaeTiling On -OutFile "$TestDrive/from-start.png"
            $start.VaeTiling | Should -BeNullOrEmpty
            $image.Stages.Where({ $_.Operation -in 'EncodeImage', 'Decode' }).ForEach({ $_.Settings['VaeTiling'] }) | Should -Be 'On', 'On'
            Test-SameValue (Get-DiffusionMetadata "$TestDrive/from-start.png" | New-DiffusionImage -InitImage "$TestDrive/start.png") $image | Should -BeTrue
        }
    }

    Context 'Completion' {
        It 'offers <Expected> for <Line>' -ForEach @(
            @{ Line = 'New-DiffusionImage x -Scheduler dd'; Expected = 'DDIM', 'DDPM', "'A1111 DDIM'" }
            @{ Line = 'New-DiffusionImage x -Scheduler ''Euler a'; Expected = "'Euler a'", "'A1111 Euler a'", "'A1111 Euler a Karras'", "'A1111 Euler a Exponential'" }
            @{ Line = 'New-DiffusionImage x -VaeTiling o'; Expected = 'On', 'Off' }
            @{ Line = 'New-DiffusionImage x -Model dem'; Expected = 'demo' }
            @{ Line = 'New-DiffusionImage x -Device c'; Expected = 'Cpu', 'Cuda', 'CoreML' }
            @{ Line = 'New-DiffusionImage x -Scheduler Euler -SchedulerOption use_karras'; Expected = '@{ use_karras_sigmas = $true }', '@{ use_karras_sigmas = $false }' }
        ) {
            (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText | Should -Be $Expected
        }
    }

    It 'shows a table of one line a picture' {
        $lines = @((New-DiffusionImage 'a red house' -Seed 1 -Steps 1 | Out-String -Width 120) -split '\r?\n' | Where-Object { $_ })
        $lines | Should -HaveCount 3
        $lines[0] | Should -Match '^Size +Seed +File or prompt'
        $lines[2] | Should -Match '^64x64 .* 1 .*a red house'
    }

    It 'shows the beginning, the seed and the kind of a long file name in 80 columns' {
        $prompt = 'a masterpiece of best quality with a red house on the grass under a cloudy sky'
        $text = New-DiffusionImage $prompt -Seed 1234567890 -Steps 1 -OutDirectory $TestDrive | Out-String -Width 80
        $text | Should -Match '64x64 +1234567890 a-masterpiece-of-best-\S+…\S+-sky-1234567890\.png\s*$'
    }

    It 'shows the longest seed whole in 80 columns' {
        $seed = [long]::MaxValue
        $null = New-DiffusionImage 'a red house' -Seed $seed -Steps 1 -OutFile "$TestDrive/seed.png" -OutVariable image
        $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed $seed -Steps 1
        $tables = $image, (Get-DiffusionMetadata "$TestDrive/seed.png"), $latent | ForEach-Object { $_ | Format-Table | Out-String -Width 80 }
        $tables | Should -HaveCount 3
        $tables | ForEach-Object { $_ | Should -Match " $seed " }
    }

    It 'writes a record that is read as a table of 80 columns and a list of what is set' {
        $null = New-DiffusionImage 'a red house' -Seed 1 -Steps 1 -OutFile "$TestDrive/record.png"
        Get-DiffusionMetadata "$TestDrive/record.png" | Out-String -Width 80 | Should -Match 'File +Source +Seed +Prompt\r?\n[- ]+\r?\nrecord\.png +PowerShell +1 a red house'
        @((Get-DiffusionMetadata "$TestDrive/record.png" | Format-List | Out-String -Width 80) -split '\r?\n') -match ': *(\{\})?$' | Should -HaveCount 0
    }

    It 'lists no more of a picture than is set' {
        $image = New-DiffusionImage 'a red house' -Seed 0 -Steps 1 -Scheduler Euler -SchedulerOption @{ beta_start = 0.00085 }
        $lines = @(($image | Format-List | Out-String -Width 80) -split '\r?\n' | Where-Object { $_ })
        $lines | Should -HaveCount 11
        $lines -match '^Seed +: 0$' | Should -HaveCount 1
        $lines -match '^SchedulerOption +: \{\[beta_start, 0\.00085\]\}$' | Should -HaveCount 1
        $lines -match ': *$' | Should -HaveCount 0
    }

    It 'has examples in its help' {
        (Get-Help New-DiffusionImage -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
