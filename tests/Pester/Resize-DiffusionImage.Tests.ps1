BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ResizeDiffusionImageCommand'
    $data = Join-Path $PSScriptRoot ../data
    Copy-Item "$data/images/scene.png" "$TestDrive/a.png"
    Copy-Item "$data/images/crop-96x48.png" "$TestDrive/b.png"
    $env:STABLEDIFFUSION_UPSCALERS = New-Item -ItemType Directory "$TestDrive/upscalers"
    Copy-Item "$data/upscalers/compact-2x.safetensors", "$data/upscalers/esrgan-old-4x.pth" $env:STABLEDIFFUSION_UPSCALERS
    Copy-Item "$data/upscalers/realesrgan-2x.safetensors" "$TestDrive/own.safetensors"
}

Describe 'Resize-DiffusionImage' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'resizes by <Upscaler> to <Width>x<Height>' -ForEach @(
        @{ Upscaler = 'Lanczos'; Settings = @{ Scale = 1.5 }; Width = 96; Height = 96 }
        @{ Upscaler = 'Nearest'; Settings = @{ Width = 100 }; Width = 100; Height = 100 }
        @{ Upscaler = 'Bicubic'; Settings = @{ Height = 30; Width = 50; ResizeMode = 'Pad' }; Width = 50; Height = 30 }
        @{ Upscaler = 'compact-2x'; Settings = @{ Scale = 2 }; Width = 128; Height = 128 }
        @{ Upscaler = 'esrgan-old-4x.pth'; Settings = @{ Scale = 3; TileSize = 32; TileOverlap = 4 }; Width = 192; Height = 192 }
        @{ Upscaler = './own.safetensors'; Settings = @{ Width = 70; Height = 90 }; Width = 70; Height = 90 }
    ) {
        $image = Resize-DiffusionImage a.png -Upscaler $Upscaler @Settings
        $image.Width, $image.Height | Should -Be $Width, $Height
        $image.Stages[-1].Operation | Should -Be Upscale
    }

    It 'takes files, wildcards and pictures from the pipeline, and goes on after a bad one' {
        (Resize-DiffusionImage *.png 2).Width | Should -Be 128, 192
        Set-Content text.png 'no picture'
        $images = Get-Item a.png, text.png, b.png | Resize-DiffusionImage -Scale 2 -Upscaler compact-2x -ErrorVariable problems -ErrorAction SilentlyContinue
        $images.Width | Should -Be 128, 192
        $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet"
        Remove-Item text.png
        ($images | Resize-DiffusionImage -Width 10).Height | Should -Be 10, 5
    }

    It 'keeps the prompt when its image is made again' {
        $null = New-DiffusionImage 'a red boat' -Seed 1 -Steps 1 -OutFile boat.png
        Resize-DiffusionImage boat.png -Scale 2 | Export-DiffusionImage up.png
        $metadata = Get-DiffusionMetadata up.png -WarningAction SilentlyContinue
        $again = $metadata | New-DiffusionImage -InitImage boat.png
        $metadata.Prompt, $again.Prompt, $again.Width | Should -Be 'a red boat', 'a red boat', 128
        Remove-Item boat.png, up.png
    }

    It 'completes the names of upscalers and filters' {
        (TabExpansion2 'Resize-DiffusionImage a.png -Upscaler ').CompletionMatches.CompletionText | Select-Object -First 5 | Should -Be compact-2x, esrgan-old-4x, Lanczos, Bicubic, Nearest
    }

    It 'refuses <Settings>' -ForEach @(
        @{ Settings = @{ }; Id = 'ScaleInvalid' }
        @{ Settings = @{ Scale = 0 }; Id = 'ScaleInvalid' }
        @{ Settings = @{ Scale = [double]::NaN }; Id = 'ScaleInvalid' }
        @{ Settings = @{ Scale = 0.1 }; Id = 'ScaleInvalid' }
        @{ Settings = @{ Scale = 10000; Upscaler = 'compact-2x' }; Id = 'ScaleInvalid' }
        @{ Settings = @{ Scale = 2; Width = 8 }; Id = 'ScaleInvalid' }
        @{ Settings = @{ Width = -1 }; Id = 'WidthInvalid' }
        @{ Settings = @{ Height = 100000 }; Id = 'HeightInvalid' }
        @{ Settings = @{ Width = 8; ResizeMode = 'Crop' }; Id = 'ResizeModeInvalid' }
        @{ Settings = @{ Scale = 2; TileSize = 32 }; Id = 'TileSizeInvalid' }
        @{ Settings = @{ Scale = 2; Upscaler = 'compact-2x'; TileSize = 8 }; Id = 'TileSizeInvalid' }
        @{ Settings = @{ Scale = 2; Upscaler = 'compact-2x'; TileOverlap = 100 }; Id = 'TileOverlapInvalid' }
    ) {
        Resize-DiffusionImage a.png @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }

    It 'offers and takes the resize modes that it has' {
        (TabExpansion2 'Resize-DiffusionImage a.png -Width 8 -Height 9 -ResizeMode ').CompletionMatches.CompletionText | Should -Be 'Crop', 'Pad', 'Stretch'
        { Resize-DiffusionImage a.png -Width 8 -Height 9 -ResizeMode Fill } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'ends with an upscaler that is missing, or is none' {
        { 'a.png', 'b.png' | Resize-DiffusionImage -Scale 2 -Upscaler nope } | Should -Throw -ErrorId "UpscalerNotFound,$cmdlet" -ExpectedMessage '*compact-2x, esrgan-old-4x*'
        { Resize-DiffusionImage a.png -Scale 2 -Upscaler ./own.safetensors -NamesOnly } | Should -Throw -ErrorId "UpscalerNotFound,$cmdlet"
        { Resize-DiffusionImage a.png -Scale 2 -Upscaler a.png } | Should -Throw -ErrorId "ModelInvalid,$cmdlet"
    }

    It 'makes an image again from its file and from its script' {
        $made = New-DiffusionImage 'a red car on the sand' -Seed 1 -Steps 2 | Resize-DiffusionImage -Scale 2 -Upscaler esrgan-old-4x -TileSize 48
        $made | Export-DiffusionImage made.png
        Test-SameValue (Get-DiffusionMetadata made.png | New-DiffusionImage) $made | Should -BeTrue
        $script = ConvertTo-DiffusionScript made.png
        $script | Should -BeLike "*Resize-DiffusionImage `$image1 -Upscaler 'esrgan-old-4x' -Scale 2 -TileSize 48 -NamesOnly*"
        Test-SameValue (& ([scriptblock]::Create($script))) $made | Should -BeTrue
    }
}
