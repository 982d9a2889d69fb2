BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ExpandDiffusionImageCommand'
    Copy-Item "$PSScriptRoot/../data/images/scene.png" "$TestDrive/a.png"
}

Describe 'Expand-DiffusionImage' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'keeps the image and marks the borders' {
        $expanded = Expand-DiffusionImage a.png -Left 8 -Bottom 16 -Feather 0
        $expanded.InitImage.Width, $expanded.InitImage.Height, $expanded.MaskImage.Width, $expanded.MaskImage.Height | Should -Be 72, 80, 72, 80
        $source = ConvertTo-ControlImage a.png None
        foreach ($y in 0, 31, 63) {
            $expanded.InitImage.Pixels[((72 * $y + 8) * 3)..((72 * $y + 71) * 3 + 2)] | Should -Be $source.Pixels[(64 * $y * 3)..(64 * $y * 3 + 191)]
        }
        $expanded.MaskImage.Pixels[0], $expanded.MaskImage.Pixels[8 * 3], $expanded.MaskImage.Pixels[(72 * 64 + 8) * 3] | Should -Be 255, 0, 255
    }

    It 'paints the borders and keeps the image, and does so again from the record and by a script' {
        $made = Expand-DiffusionImage a.png -Right 32 -Feather 0 -Fill Mirror | New-DiffusionImage 'a house' -Seed 1 -Steps 3 -Strength 0.9 -OutFile wide.png
        $made.Width, $made.Height | Should -Be 96, 64
        $source = ConvertTo-ControlImage a.png None
        foreach ($y in 0, 40) {
            $made.Pixels[(96 * $y * 3)..(96 * $y * 3 + 191)] | Should -Be $source.Pixels[(64 * $y * 3)..(64 * $y * 3 + 191)]
        }
        $again = Get-DiffusionMetadata wide.png -WarningAction SilentlyContinue | New-DiffusionImage -InitImage a.png
        Test-SameValue $made $again | Should -Be $true
        Set-Content script.ps1 ($made | ConvertTo-DiffusionScript)
        Test-SameValue $made (./script.ps1) | Should -Be $true
    }

    It 'refuses <Settings>' -ForEach @(
        @{ Settings = @{}; Id = 'LeftInvalid' }
        @{ Settings = @{ Top = -8 }; Id = 'TopInvalid' }
        @{ Settings = @{ Right = -5 }; Id = 'RightInvalid' }
        @{ Settings = @{ Left = 2000000000; Right = 2000000000 }; Id = 'LeftInvalid' }
        @{ Settings = @{ Left = 8; Fill = 'Paint' }; Id = 'FillInvalid' }
    ) {
        Expand-DiffusionImage a.png @Settings -ErrorAction SilentlyContinue -ErrorVariable problems -WarningVariable told | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
        $told | Should -BeNullOrEmpty
    }
}
