# The pages that people open, in a headless Chromium; .ci/run installs one. Screenshots are written to out/screenshots.
BeforeDiscovery {
    . "$PSScriptRoot/browser.ps1"
    $isSkipped = -not (Find-Browser) -and -not $env:STABLEDIFFUSION_CHROMIUM_FAULT
    $figures = Get-ChildItem "$PSScriptRoot/../../docs/how-it-works/figures/*.html"
}

Describe 'Pages in a browser' -Skip:$isSkipped {
    BeforeAll {
        . "$PSScriptRoot/common.ps1"
        . "$PSScriptRoot/browser.ps1"

        # Where .ci/run could not install the browser that it was to install, that is a failure.
        if ($env:STABLEDIFFUSION_CHROMIUM_FAULT) { throw "There is no Chromium for the tests of pages: $env:STABLEDIFFUSION_CHROMIUM_FAULT" }
        $shots = (New-Item -ItemType Directory -Force "$OutFolder/screenshots").FullName
        $browser = Start-Browser "$TestDrive/browser"

        # What is true of each page, however it is looked at.
        function Assert-Page([string]$Path) {
            Get-PageMessage $browser | Should -BeNullOrEmpty -Because 'the console has no errors and warnings'
            Get-PageRequest $browser $Path | Should -BeNullOrEmpty -Because 'no request leaves the page'
            Get-Overflow $browser | Should -BeNullOrEmpty -Because 'nothing is wider than the window'
            Get-LowestContrast $browser | Should -BeGreaterOrEqual 4.5
            Get-SmallestText $browser | Should -BeGreaterOrEqual 9
        }
    }

    AfterAll {
        if ($browser) { Stop-Browser $browser }
    }

    Context 'a report' {
        BeforeAll {
            $report = "$TestDrive/report.html"
            New-DiffusionImage 'a red house and a (yellow:1.2) boat' -NegativePrompt 'a tree' -PromptSyntax A1111 -Seed 1 -Steps 25 | Export-DiffusionReport $report
            Open-Page $browser $report
            $frame = "[...document.querySelectorAll('#film figure')].filter(f => f.offsetWidth).map(f => f.dataset.step).join()"
            $map = "document.querySelector('#map')"
            $shown = "$map.offsetWidth > 0 && $map.naturalWidth > 0 ? $map.alt : ''"
        }

        It 'is a page of less than 3 MB' {
            (Get-Item $report).Length | Should -BeLessThan 3MB
        }

        It 'is readable in <Width> pixels in <Scheme>' -ForEach @(
            foreach ($width in 1100, 420) { foreach ($scheme in 'light', 'dark') { @{ Width = $width; Scheme = $scheme } } }
        ) {
            Set-PageView $browser $Width $Scheme
            Save-Screenshot $browser "$shots/report-$Width-$Scheme.png"
            Assert-Page $report
        }

        It 'is readable on paper, with all steps and without controls' {
            Set-PageView $browser 720 paper
            Save-Pdf $browser "$shots/report.pdf"
            Assert-Page $report
            Measure-Page $browser $frame | Should -Be (1..25 -join ',')
            Measure-Page $browser "[...document.querySelectorAll('.tokens img')].map(i => i.offsetWidth > 0 && i.naturalWidth > 0).join()" | Should -Be (@('true') * 7 -join ',')
            Measure-Page $browser "document.querySelector('#film input').offsetWidth" | Should -Be 0
            [System.Text.Encoding]::Latin1.GetString([System.IO.File]::ReadAllBytes("$shots/report.pdf"), 0, 5) | Should -Be '%PDF-'
        }

        It 'shows another step by the arrow keys, in the film and in the plots' {
            Set-PageView $browser 1100 light
            Measure-Page $browser $frame | Should -Be 25
            $null = Measure-Page $browser "document.querySelector('#film input').focus()"
            Send-Key $browser Home
            Measure-Page $browser $frame | Should -Be 1
            $line = "document.querySelector('svg .now').getAttribute('x1')"
            $first = Measure-Page $browser $line
            Send-Key $browser ArrowRight
            Measure-Page $browser $frame | Should -Be 2
            Measure-Page $browser "document.querySelector('#film output').textContent" | Should -Be '2 of 25'
            [double](Measure-Page $browser $line) | Should -BeGreaterThan $first
        }

        It 'shows another step by the mouse' {
            Move-Pointer $browser '#film input'
            $x, $y = Measure-Page $browser "(() => { const r = document.querySelector('#film input').getBoundingClientRect(); return [r.right - 2, r.y + r.height / 2]; })()"
            'mousePressed', 'mouseReleased' | ForEach-Object { $null = Invoke-Browser $browser Input.dispatchMouseEvent @{ type = $_; x = $x; y = $y; button = 'left'; clickCount = 1 } }
            Measure-Page $browser $frame | Should -Be 25
        }

        It 'shows where the U-Net looked at a word that the pointer is on' {
            Measure-Page $browser $shown | Should -Be ''
            Move-Pointer $browser '.tokens li:nth-child(3)'
            Measure-Page $browser $shown | Should -BeLike '*house*'
            Measure-Page $browser "$map.src === document.querySelector('.tokens li:nth-child(3)').dataset.map" | Should -BeTrue
            Measure-Page $browser "(() => { const a = $map.getBoundingClientRect(), b = document.querySelector('.stack img').getBoundingClientRect(); return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height; })()" | Should -BeTrue
            Save-Screenshot $browser "$shots/report-map.png"
            Move-Pointer $browser h1
            Measure-Page $browser $shown | Should -Be ''
        }

        It 'shows it beside the word where the image is out of sight' {
            Set-PageView $browser 420 light
            Move-Pointer $browser '.tokens li:nth-child(3)'
            Measure-Page $browser $shown | Should -BeLike '*house*'
            $box = Measure-Page $browser "(() => { const a = $map.getBoundingClientRect(), b = document.querySelector('.tokens li:nth-child(3)').getBoundingClientRect(); return { top: a.top, bottom: a.bottom, end: innerHeight, isApart: a.bottom < b.top || a.top > b.bottom }; })()"
            $box.top | Should -BeGreaterOrEqual 0
            $box.bottom | Should -BeLessOrEqual $box.end
            $box.isApart | Should -BeTrue
            Save-Screenshot $browser "$shots/report-420-map.png" -Window
            Move-Pointer $browser h1
            Set-PageView $browser 1100 light
        }

        It 'is used by the keyboard alone: Tab goes to each word, the film and the script' {
            $null = Measure-Page $browser 'document.activeElement.blur(); scrollTo(0, 0); getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus()'
            $words = 'a', 'red', 'house', 'and', 'a', 'yellow', 'boat'
            foreach ($word in $words) {
                Send-Key $browser Tab
                Measure-Page $browser "document.activeElement.querySelector('b').textContent" | Should -Be $word
                Measure-Page $browser $shown | Should -BeLike "*$word*"
            }
            Send-Key $browser Tab
            Measure-Page $browser 'document.activeElement.type' | Should -Be range
            Measure-Page $browser $shown | Should -Be ''
            Send-Key $browser Tab
            Measure-Page $browser 'document.activeElement.tagName' | Should -Be PRE
        }

        It 'has written nothing to the console up to now' {
            Assert-Page $report
        }
    }

    Context 'the figure <_.Name> of the tour' -ForEach $figures {
        It 'fits into a narrow window, and its slider goes through its frames' {
            Set-PageView $browser 420 light
            Open-Page $browser $_.FullName
            Assert-Page $_.FullName
            $frame = "[...document.querySelectorAll('figure')].findIndex(f => f.offsetWidth)"
            Measure-Page $browser $frame | Should -Be 0
            Send-Key $browser ArrowRight
            Measure-Page $browser $frame | Should -Be 1
            Send-Key $browser End
            Measure-Page $browser $frame | Should -Be (Measure-Page $browser "document.querySelectorAll('figure').length - 1")
            Measure-Page $browser "[...document.images].every(i => i.naturalWidth > 0 && i.alt)" | Should -BeTrue
            Save-Screenshot $browser "$shots/figure-$($_.BaseName).png"
            Set-PageView $browser 420 dark
            Assert-Page $_.FullName
        }
    }
}
