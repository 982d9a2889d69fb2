BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.FindImageRegionCommand'
    $data = Join-Path $PSScriptRoot ../data
    $two = New-DiffusionImage 'a red star and a blue heart on white' -Seed 10 -Steps 15
}

Describe 'Find-ImageRegion' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'finds the shapes of the small model, sorted and filtered' {
        $regions = $two | Find-ImageRegion -SortBy LeftToRight
        $regions.Label | Should -Be blue, red
        $regions[0].X | Should -BeLessThan $regions[1].X
        $regions | ForEach-Object { $_.Score | Should -BeGreaterThan 0.3; $_.Detector | Should -Be Shapes; $_.Image | Should -Be $two }
        ($two | Find-ImageRegion -Label 'b*').Label | Should -Be blue
        ($two | Find-ImageRegion -First 1 -Label red, green).Label | Should -Be red
        $two | Find-ImageRegion -Label yellow | Should -BeNullOrEmpty
    }

    It 'takes files, wildcards and images from the pipeline, and goes on after a bad one' {
        $two | Export-DiffusionImage two.png
        Copy-Item two.png other.png
        Set-Content text.png 'no image'
        (Find-ImageRegion [ot]*[ro].png).Image.Path | Sort-Object -Unique | Split-Path -Leaf | Should -Be other.png, two.png
        $regions = Get-Item two.png, text.png, other.png | Find-ImageRegion -ErrorVariable problems -ErrorAction SilentlyContinue
        $regions.Count | Should -Be 4
        $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet"
    }

    It 'shows a table of 80 columns, and copies the boxes' {
        $lines = ($two | Find-ImageRegion | Out-String -Width 80).Trim() -split '\r?\n'
        $lines[0] | Should -Match '^Label +Score +X +Y +Width +Height +Area +Image'
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize(($two | Find-ImageRegion -First 1)))
        $copy.Label | Should -BeIn red, blue
        $copy.PSObject.Properties.Name | Should -Not -Contain Image
    }

    It 'warns of a label that no class of the detector has' {
        $two, $two | Find-ImageRegion -Label teal, 'b*' -WarningVariable told -WarningAction SilentlyContinue | Should -HaveCount 2
        $told | Should -HaveCount 1
        $told[0].Message | Should -BeLike "*'Shapes'*'teal'*red, green, blue*"
        $null = $two | Find-ImageRegion -Label pink, 'b*' -WarningVariable told
        $told | Should -BeNullOrEmpty
    }

    It 'names the commands that make an image where something else is given' {
        Find-ImageRegion 42 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems[0].Exception.Message | Should -BeLike '*New-DiffusionImage or ConvertFrom-Latent*'
        { $two | Find-ImageRegion -Detector nope } | Should -Throw -ExpectedMessage '*Put the file there*'
    }

    It 'completes the names of detectors' {
        $null = New-Item -ItemType Directory -Force $env:STABLEDIFFUSION_DETECTORS
        Set-Content "$env:STABLEDIFFUSION_DETECTORS/face.onnx" ''
        (TabExpansion2 'Find-ImageRegion a.png -Detector ').CompletionMatches.CompletionText | Select-Object -First 2 | Should -Be Shapes, face
        { $two | Find-ImageRegion -Detector nope } | Should -Throw -ErrorId "DetectorNotFound,$cmdlet" -ExpectedMessage '*face*Shapes*'
        { $two | Find-ImageRegion -Model face } | Should -Throw -ErrorId "ModelInvalid,$cmdlet"
        Remove-Item -Recurse -Force $env:STABLEDIFFUSION_DETECTORS
        { $two | Find-ImageRegion -Detector (Join-Path $data images/scene.png) } | Should -Throw -ErrorId "ModelInvalid,$cmdlet" -ExpectedMessage '*.onnx*'
    }

    It 'refuses <Settings>' -ForEach @(
        @{ Settings = @{ Confidence = 1.5 }; Id = 'ConfidenceInvalid' }
        @{ Settings = @{ First = 0 }; Id = 'FirstInvalid' }
        @{ Settings = @{ SortBy = 'Colour' }; Id = 'SortByInvalid' }
    ) {
        $two | Find-ImageRegion @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }
}
