BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ConvertToLatentCommand'
    $images = Join-Path $PSScriptRoot ../data/images
    Copy-Item "$images/scene.png" "$TestDrive/a.png"
    Copy-Item "$images/crop-96x48.png" "$TestDrive/b.png"
    Copy-Item "$images/scene.png" "$TestDrive/[1].png"
    'no picture' | Set-Content "$TestDrive/text.txt"
}

Describe 'ConvertTo-Latent' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'takes paths, wildcards and paths as they are' {
        (ConvertTo-Latent a.png, b.png).Width | Should -Be 64, 96
        (ConvertTo-Latent ?.png).Width | Should -Be 64, 96
        (ConvertTo-Latent -LiteralPath '[1].png').Width | Should -Be 64
        (ConvertTo-Latent TestDrive:/b.png).Width | Should -Be 96
    }

    It 'takes files, rows and pictures from the pipeline' {
        (Get-ChildItem -Filter *.png | ConvertTo-Latent).Width | Should -Be 64, 64, 96
        ("Path`nb.png" | ConvertFrom-Csv | ConvertTo-Latent).Width | Should -Be 96
        (New-DiffusionImage 'a' -Width 72 -Steps 1 | ConvertTo-Latent).Width | Should -Be 72
    }

    It 'brings pictures to a size as asked' {
        $latent = ConvertTo-Latent b.png -ResizeMode Crop -Width 64 -Height 64
        $latent.Width, $latent.Height | Should -Be 64, 64
        $latent.Tensor.Shape | Should -Be 1, 4, 8, 8
    }

    It 'takes the model of a picture, as an argument as from the pipeline' {
        $storeBefore = Enter-OtherStore $TestDrive other
        try {
            $picture = New-DiffusionImage 'a' -Model other -Seed 1 -Steps 1
            $expected = ConvertTo-Latent -InputObject $picture -Model other
            $expected.Model | Should -Be 'other'
            Test-SameValue (ConvertTo-Latent -InputObject $picture) $expected | Should -BeTrue
            Test-SameValue ($picture | ConvertTo-Latent) $expected | Should -BeTrue
            (ConvertTo-Latent -InputObject $picture -Model demo).Model | Should -Be 'demo'
        }
        finally {
            Exit-OtherStore $storeBefore
        }
    }

    It 'samples with a seed' {
        Test-SameValue (ConvertTo-Latent a.png -Seed 1) (ConvertTo-Latent a.png -Seed 1) | Should -BeTrue
        (ConvertTo-Latent a.png -Seed 1).Tensor.Values[0] | Should -Not -Be (ConvertTo-Latent a.png).Tensor.Values[0]
    }

    It 'goes on after <Path>' -ForEach @(
        @{ Path = 'nope.png'; Id = 'PathNotFound' }
        @{ Path = 'nope*.png'; Id = 'PathNotFound' }
        @{ Path = 'Env:/PATH'; Id = 'PathNotFileSystem' }
        @{ Path = 'text.txt'; Id = 'ImageInvalid' }
    ) {
        ($Path, 'a.png' | ConvertTo-Latent -ErrorAction SilentlyContinue -ErrorVariable problems).Width | Should -Be 64
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }

    It 'refuses sizes that do not fit' {
        ConvertTo-Latent a.png -Width 72 -ErrorAction SilentlyContinue -ErrorVariable other | Should -BeNullOrEmpty
        $other.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet"
        ConvertTo-Latent a.png -Width 60 -ResizeMode Stretch -ErrorAction SilentlyContinue -ErrorVariable odd | Should -BeNullOrEmpty
        $odd.FullyQualifiedErrorId | Should -Be "WidthInvalid,$cmdlet"
    }

    It 'has examples in its help' {
        (Get-Help ConvertTo-Latent -Examples).examples.example | Should -Not -BeNullOrEmpty
    }

    It 'encodes in tiles' {
        $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 2 -Width 160
        $tiled = $image | ConvertTo-Latent -VaeTiling On
        $tiled.VaeTiling, $tiled.VaeTileSize | Should -Be 'On', 64
        $whole = $image | ConvertTo-Latent
        $whole.VaeTiling | Should -BeNullOrEmpty
        Test-SameValue $tiled $whole | Should -BeFalse
        $script = ConvertTo-DiffusionScript $tiled
        $script | Should -Match "ConvertTo-Latent .* -VaeTiling 'On' -VaeTileSize 64"
        Test-SameValue (Invoke-Expression $script) $tiled | Should -BeTrue
    }
}
