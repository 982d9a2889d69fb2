BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Register-DiffusionAssertion
    $docs = (Resolve-Path "$PSScriptRoot/../../docs").Path
}

Describe 'docs/gallery.md' {
    It 'shows the images that its commands make' {
        & "$docs/pages.ps1" "$docs/gallery.md" -OutDirectory $TestDrive
        $shown = Get-ChildItem "$docs/images/gallery/*.png"
        (Get-ChildItem "$TestDrive/*.png").Name | Should -Be $shown.Name

        # Another processor rounds otherwise.
        foreach ($file in $shown) {
            Get-Item "$TestDrive/$($file.Name)" | Should -BeDiffusionImage $file -Psnr 30
        }

        foreach ($film in $shown | Where-Object Name -Like 'walk-*') {
            $frames = (Get-DiffusionMetadata $film).Stages[-1].Inputs['Image'].Count
            $frames | Should -BeGreaterThan 7
            (Get-DiffusionMetadata "$TestDrive/$($film.Name)").Stages[-1].Inputs['Image'].Count | Should -Be $frames
        }
    }

    It 'has a command for each of its images, and describes it' {
        $images = [regex]::Matches((Get-Content -Raw "$docs/gallery.md"), '!\[(?<text>[^\]]+)\]\(images/gallery/(?<file>[^)]+)\)')
        ($images | ForEach-Object { $_.Groups['file'].Value } | Sort-Object) | Should -Be (Get-ChildItem "$docs/images/gallery/*.png" | Sort-Object Name).Name
        $images | ForEach-Object { $_.Groups['text'].Value.Length | Should -BeGreaterThan 10 }
    }
}
