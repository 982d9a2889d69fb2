BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ConvertToControlImageCommand'
    $images = Join-Path $PSScriptRoot ../data/images
    Copy-Item "$images/scene.png" "$TestDrive/a.png"
    Copy-Item "$images/crop-96x48.png" "$TestDrive/b.png"
}

Describe 'ConvertTo-ControlImage' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'finds edges' {
        $edges = ConvertTo-ControlImage a.png Canny
        $edges.Width, $edges.Height | Should -Be 64, 64
        $edges.Pixels | Sort-Object -Unique | Should -Be 0, 255
    }

    It 'takes files and pictures from the pipeline' {
        (Get-ChildItem -Filter *.png | ConvertTo-ControlImage -Preprocessor Invert).Width | Should -Be 64, 96
        $twice = ConvertTo-ControlImage a.png Invert | ConvertTo-ControlImage -Preprocessor Invert
        Test-SameValue $twice (ConvertTo-ControlImage a.png None) | Should -BeTrue
    }

    It 'completes its preprocessors' {
        (TabExpansion2 'ConvertTo-ControlImage a.png -Preprocessor ').CompletionMatches.CompletionText | Should -Be None, Canny, Invert, Tile
    }

    It 'refuses <Settings>' -ForEach @(
        @{ Settings = @{ Preprocessor = 'Depth' }; Id = 'PreprocessorInvalid' }
        @{ Settings = @{ Preprocessor = 'Canny'; LowThreshold = 300 }; Id = 'LowThresholdInvalid' }
    ) {
        ConvertTo-ControlImage a.png @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }
}
