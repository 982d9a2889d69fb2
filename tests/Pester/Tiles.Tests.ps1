BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Images that are denoised in windows' {
    BeforeAll {
        $file = "$TestDrive/windows.png"
        $image = New-DiffusionImage 'a green field' -Seed 1 -Steps 3 -Width 96 -DiffusionTiling mixture -OutFile $file
    }

    It 'are recorded, in the list, in the text and in the file' {
        $image.DiffusionTiling, $image.DiffusionTileSize, $image.DiffusionTileOverlap | Should -Be 'Mixture', 64, 32
        $image | Format-List | Out-String | Should -Match 'DiffusionTiling +: Mixture'
        (Get-DiffusionMetadata $file).Settings['Tiled Diffusion'] | Should -BeLike "*'Method': 'Mixture of Diffusers', 'Tile tile width': 8*"
        (Get-DiffusionMetadata $file).DiffusionTileOverlap | Should -Be 32
        (New-DiffusionImage 'a green field' -Seed 1 -Steps 3 -DiffusionTiling Mixture).DiffusionTiling | Should -BeNullOrEmpty
    }

    It 'are those of the stages by hand' {
        $latent = Get-TextEmbedding 'a green field' | Invoke-Denoise -Seed 1 -Steps 3 -Width 96 -DiffusionTiling Mixture
        Test-SameValue ($latent | ConvertFrom-Latent) $image | Should -BeTrue
        $latent.DiffusionTiling | Should -Be 'Mixture'
    }

    It 'are made again from the file and by the script' {
        Test-SameValue (Get-DiffusionMetadata $file | New-DiffusionImage) $image | Should -BeTrue
        $script = Get-DiffusionMetadata $file | ConvertTo-DiffusionScript
        $script | Should -Match "New-DiffusionImage .* -DiffusionTiling 'Mixture' -DiffusionTileSize 64 -DiffusionTileOverlap 32"
        Test-SameValue (Invoke-Expression $script) $image | Should -BeTrue
    }

    It 'take their windows from a row' {
        $row = [pscustomobject]@{ Prompt = 'a blue sea'; Seed = 2; Steps = 3; Width = 128; DiffusionTiling = 'MultiDiffusion'; DiffusionTileSize = '48'; DiffusionTileOverlap = '' }
        $made = $row | New-DiffusionImage
        $made.DiffusionTileSize, $made.DiffusionTileOverlap | Should -Be 48, 24
    }

    It 'are refused where windows cannot be, and the next row is made' {
        $rows = @(
            [pscustomobject]@{ Prompt = 'a'; DiffusionTiling = 'Mixture'; Tiling = 'X' }
            [pscustomobject]@{ Prompt = 'a'; DiffusionTileSize = 64 }
            [pscustomobject]@{ Prompt = 'a'; DiffusionTiling = 'Mixture'; DiffusionTileOverlap = 64 }
            [pscustomobject]@{ Prompt = 'a'; DiffusionTiling = 'Wide' }
            [pscustomobject]@{ Prompt = 'a'; DiffusionTiling = 'MultiDiffusion'; Width = 96; Steps = 1; Seed = 1 }
        )
        $made = $rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable failed
        @($made).Count | Should -Be 1
        $failed.FullyQualifiedErrorId | ForEach-Object { ($_ -split ',')[0] } | Should -Be 'DiffusionTilingInvalid', 'DiffusionTileSizeInvalid', 'DiffusionTileOverlapInvalid', 'DiffusionTilingInvalid'
    }
}

Describe 'Images that are made again in tiles' {
    BeforeAll {
        New-DiffusionImage 'a red house' -Seed 1 -Steps 3 -OutFile "$TestDrive/small.png" | Out-Null
        $file = "$TestDrive/large.png"
        $arguments = @{ InitImage = "$TestDrive/small.png"; Seed = 5; Steps = 3; HiresScale = 1.5; HiresTileSize = 64; HiresStrength = 0.4 }
        $image = New-DiffusionImage 'a red house' @arguments -OutFile $file
    }

    It 'are recorded, in the list, in the text and in the file' {
        $image.Width, $image.Info.Width, $image.HiresTileSize, $image.HiresTileOverlap | Should -Be 96, 64, 64, 32
        $image | Format-List | Out-String | Should -Match 'HiresTileSize +: 64'
        $image.Stages.Operation | Should -Be 'ReadImage', 'Upscale', 'RepaintTiles'
        $settings = (Get-DiffusionMetadata $file).Settings
        $settings['SD upscale overlap'], $settings['SD upscale upscaler'], $settings['Denoising strength'] | Should -Be '32', 'Lanczos', '0.4'
        $image.Reproducibility | Should -Be 'Exact'
    }

    It 'are made again from the file and by the script' {
        Test-SameValue (Get-DiffusionMetadata $file | New-DiffusionImage -InitImage "$TestDrive/small.png") $image | Should -BeTrue
        { Get-DiffusionMetadata $file | New-DiffusionImage } | Should -Throw -ErrorId 'RecordNotRepeatable,*'
        Push-Location $TestDrive
        $script = Get-DiffusionMetadata $file | ConvertTo-DiffusionScript
        $script | Should -Match 'New-DiffusionImage .* -HiresTileSize 64 -HiresTileOverlap 32'
        Test-SameValue (Invoke-Expression $script) $image | Should -BeTrue
        Pop-Location
    }

    It 'are the tiles by hand, each with the next seed' {
        $tiles = New-DiffusionImage 'a red house' -InitImage "$TestDrive/small.png" -Seed 5 -Steps 3 -HiresTileSize 64 -Strength 0.4
        $hand = ConvertTo-Latent "$TestDrive/small.png" | Invoke-Denoise (Get-TextEmbedding 'a red house') -Seed 5 -Steps 3 -Strength 0.4 -StrengthRule Exact | ConvertFrom-Latent
        Test-SameValue $tiles $hand | Should -BeTrue
        $wide = New-DiffusionImage 'a red house' -Seed 1 -Steps 3 -Width 128
        $two = New-DiffusionImage 'a red house' -InitImage $wide -Seed 5 -Steps 3 -HiresTileSize 64 -HiresTileOverlap 0 -HiresStrength 0.4
        $two.Width | Should -Be 128
        Test-SameValue $two (Get-DiffusionMetadata ($two | Export-DiffusionImage "$TestDrive/two.png" -PassThru).Path | New-DiffusionImage) | Should -BeTrue
    }

    It 'can be the second of two passes, one by one and stage by stage' {
        $rows = 1, 2 | ForEach-Object { [pscustomobject]@{ Prompt = 'a blue boat'; Seed = $_; Steps = 3; HiresScale = 1.5; HiresTileSize = 64; HiresStrength = 0.4 } }
        $alone = @($rows | New-DiffusionImage)
        $alone[0].Stages.Operation | Should -Be 'Denoise', 'Decode', 'Upscale', 'RepaintTiles'
        $major = @($rows | New-DiffusionImage -StageMajor)
        Test-SameValue $alone[1] $major[1] | Should -BeTrue
        (Compare-DiffusionImage $alone[0] @($rows | New-DiffusionImage -BatchOnDevice 2)[0]).Psnr | Should -BeGreaterThan 40
    }

    It 'go through a network if one is named' {
        $env:STABLEDIFFUSION_UPSCALERS = New-Item -ItemType Directory "$TestDrive/upscalers"
        Copy-Item "$PSScriptRoot/../data/upscalers/compact-2x.safetensors" "$env:STABLEDIFFUSION_UPSCALERS/tiles-compact.safetensors"
        $made = New-DiffusionImage 'a red house' @arguments -HiresUpscaler tiles-compact -OutFile "$TestDrive/net.png"
        $made.Stages[1].Settings['Upscaler'] | Should -Be 'tiles-compact'
        Test-SameValue (Get-DiffusionMetadata "$TestDrive/net.png" | New-DiffusionImage -InitImage "$TestDrive/small.png") $made | Should -BeTrue
    }

    It 'are refused by name, and the next row is made' {
        $rows = @(
            [pscustomobject]@{ Prompt = 'a'; HiresTileSize = 64 }
            [pscustomobject]@{ Prompt = 'a'; HiresScale = 2; HiresTileSize = 60 }
            [pscustomobject]@{ Prompt = 'a'; HiresScale = 2; HiresTileSize = 64; HiresUpscaler = 'Latent' }
            [pscustomobject]@{ Prompt = 'a'; HiresScale = 2; HiresTileSize = 64; InitImage = "$TestDrive/small.png"; MaskImage = "$TestDrive/small.png" }
            [pscustomobject]@{ Prompt = 'a'; HiresScale = 1.5; HiresTileSize = 64; Steps = 1; Seed = 1 }
        )
        $made = $rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable failed
        @($made).Count | Should -Be 1
        $failed.FullyQualifiedErrorId | ForEach-Object { ($_ -split ',')[0] } | Should -Be 'HiresScaleInvalid', 'HiresTileSizeInvalid', 'HiresUpscalerInvalid', 'HiresTileSizeInvalid'
    }
}
