BeforeDiscovery {
    $reference = Join-Path $PSScriptRoot '../../../shared/reference/families/sd1-diffusers'
    $hasReference = Test-Path -LiteralPath $reference
}

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
            $null = New-DiffusionImage 'a blue house' -InitImage init.png -MaskImage mask.png -Seed 7 @settings -OutFile whole.png
            $embedding = Get-TextEmbedding 'a blue house'
            ConvertTo-Latent init.png -Seed 7 | Invoke-Denoise -Embedding $embedding -MaskImage mask.png @settings | ConvertFrom-Latent | Export-DiffusionImage parts.png
            (Get-FileHash parts.png).Hash | Should -Be (Get-FileHash whole.png).Hash
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

        It 'are models by their path' -Skip:(-not (Test-Path "$PSScriptRoot/../../../shared/reference/families")) {
            Copy-Item "$PSScriptRoot/../../../shared/reference/families/sd1/sd1-tiny.safetensors" .
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

        It 'are offered by the Tab key, with folders and without other files' {
            $null = New-Item -ItemType Directory sub
            $null = New-Item a.safetensors, b.CKPT, c.png, d.txt
            (TabExpansion2 'New-DiffusionImage x -Model ./').CompletionMatches.ListItemText | Sort-Object | Should -Be a.safetensors, b.CKPT, sub
            (TabExpansion2 'Test-DiffusionModel ./').CompletionMatches.ListItemText | Sort-Object | Should -Be a.safetensors, b.CKPT, sub
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
                "ParameterArgumentTransformationError,$cmdlet", "ParameterArgumentTransformationError,$cmdlet", "PromptInvalid,$cmdlet", "SchedulerNotFound,$cmdlet", "WidthInvalid,$cmdlet")
            $problems[3].Exception.Message | Should -BeLike "*Did you mean 'Euler'*"
            (Get-ChildItem -Filter *.png).Name | Should -Be 'first.png'
        }

        It 'takes objects of JSON' {
            ('[{ "Prompt": "a blue fish", "Seed": 4, "Steps": 1 }]' | ConvertFrom-Json | New-DiffusionImage).Seed | Should -Be 4
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
            $missing[0].FullyQualifiedErrorId | Should -Be "InputObjectMissingMandatory,$cmdlet"
        }

        It 'fails the row alone whose model is none, and the pipeline where it is given for all' {
            $rows = [pscustomobject]@{ Prompt = 'a'; Model = 'nope'; Steps = 1 }, [pscustomobject]@{ Prompt = 'b'; Model = ''; Steps = 1 }
            ($rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'b'
            $problems.FullyQualifiedErrorId | Should -Be "ModelNotFound,$cmdlet"
            { 'a', 'b' | New-DiffusionImage -Model nope -ErrorAction SilentlyContinue } | Should -Throw -ErrorId "ModelNotFound,$cmdlet"
            { 'a', 'b' | New-DiffusionImage -Device nope -ErrorAction SilentlyContinue } | Should -Throw -ErrorId "DeviceInvalid,$cmdlet"
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
            @{ OutFile = 'x.docx'; Id = 'PathInvalid' }
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
            New-DiffusionImage 'a' -Width 8192 -Height 8192 -WhatIf | Should -BeNullOrEmpty
            'a' | New-DiffusionImage -Count 3 -WhatIf -Verbose 4>&1 | Should -BeNullOrEmpty
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

        It 'says which image is missing where one was made from another' {
            $null = New-DiffusionImage 'a' -InitImage in/h-1.png -Strength 0.6 -Seed 3 -Steps 4 -OutFile made.png
            $metadata = Get-DiffusionMetadata made.png -WarningAction SilentlyContinue
            $metadata | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "StrengthInvalid,$cmdlet"
            $problems.Exception.Message | Should -BeLike "*made.png' was made from another image*-InitImage*-MaskImage*"
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
            @{ Settings = @{ ControlNet = 'no-such-net'; ControlImage = 'scene.png' }; Id = 'ControlNetInvalid' }
        ) {
            Copy-Item "$PSScriptRoot/../data/images/scene.png" scene.png
            New-DiffusionImage 'a' -Steps 1 @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
        }

        Context 'with the reference''s tiny model' -Skip:(-not $hasReference) {
            BeforeAll {
                $net = (Resolve-Path "$PSScriptRoot/../data/adapters/sd1-controlnet").Path
                $picture = (Resolve-Path "$PSScriptRoot/../data/adapters/control.png").Path
                $common = @{
                    Model = Join-Path $PSScriptRoot '../../../shared/reference/families/sd1-diffusers'
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
                $steered.ControlScale, $steered.ControlStart, $steered.ControlEnd | Should -Be 2, 0, 1
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

    Context 'Completion' {
        It 'offers <Expected> for <Line>' -ForEach @(
            @{ Line = 'New-DiffusionImage x -Scheduler dd'; Expected = 'DDIM', 'DDPM' }
            @{ Line = 'New-DiffusionImage x -Scheduler ''Euler a'; Expected = "'Euler a'" }
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
        $lines[0] | Should -Match '^Size +Seed +File +Prompt'
        $lines[2] | Should -Match '^64x64 .* 1 .*a red house'
    }

    It 'has examples in its help' {
        (Get-Help New-DiffusionImage -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
