BeforeAll {
    . "$PSScriptRoot/common.ps1"
    Register-DiffusionAssertion
    $tour = (Resolve-Path "$PSScriptRoot/../../docs/how-it-works").Path
    $pages = Get-ChildItem "$tour/[1-7]-*.md"
}

Describe 'docs/how-it-works' {
    BeforeAll {
        $texts = & "$tour/../pages.ps1" $pages.FullName -OutDirectory $TestDrive
    }

    It 'shows the images that its commands make' {
        $shown = Get-ChildItem "$tour/images/*.png"
        (Get-ChildItem "$TestDrive/*.png").Name | Should -Be $shown.Name

        # Another processor rounds otherwise.
        foreach ($file in $shown) {
            Get-Item "$TestDrive/$($file.Name)" | Should -BeDiffusionImage $file -Psnr 30
        }
    }

    It 'shows the text that its commands write' {
        $number = '(?<![\w.])-?\d+(\.\d+)?'
        $texts | Should -Not -BeNullOrEmpty
        foreach ($text in $texts) {
            $because = "$(Split-Path -Leaf $text.Page) shows it below '$($text.Command)'"
            ($text.Text -replace $number, '#' -replace ' +', ' ') | Should -BeExactly ($text.Shown -replace $number, '#' -replace ' +', ' ') -Because $because
            $expected = [regex]::Matches($text.Shown, $number).Value
            $actual = [regex]::Matches($text.Text, $number).Value
            for ($i = 0; $i -lt $expected.Count; $i++) {
                [Math]::Abs([double]$actual[$i] - $expected[$i]) | Should -BeLessOrEqual (0.1 + 0.05 * [Math]::Abs([double]$expected[$i])) -Because $because
            }
        }
    }

    It 'has figures with the frames that its commands make' {
        $shown = Get-ChildItem "$tour/figures/*.html"
        $shown.Count | Should -BeGreaterOrEqual $pages.Count
        (Get-ChildItem "$TestDrive/*.html").Name | Should -Be $shown.Name
        $caption = '<figcaption>(.*?)</figcaption>'
        foreach ($file in $shown) {
            $frames = [regex]::Matches((Get-Content -Raw $file), $caption).Value
            $frames.Count | Should -BeGreaterThan 3
            [regex]::Matches((Get-Content -Raw "$TestDrive/$($file.Name)"), $caption).Value | Should -Be $frames
        }
    }

    It 'has an exercise with its answer, a figure, and images that are described on each page' {
        foreach ($page in $pages) {
            $content = Get-Content -Raw $page
            $content | Should -Match '(?s)## Exercise.*<details><summary>Answer</summary>.*```powershell.*</details>' -Because $page.Name
            $content | Should -Match '\]\(figures/[\w-]+\.html\)' -Because $page.Name
            [regex]::Matches($content, '!\[(?<text>[^\]]*)\]') | ForEach-Object { $_.Groups['text'].Value.Length | Should -BeGreaterThan 10 -Because $page.Name }
        }
        $links = $pages | ForEach-Object { [regex]::Matches((Get-Content -Raw $_), '\((?:images|figures)/([^)]+)\)') } | ForEach-Object { $_.Groups[1].Value }
        ($links | Sort-Object) | Should -Be ((Get-ChildItem "$tour/images/*", "$tour/figures/*").Name | Sort-Object)
    }
}
