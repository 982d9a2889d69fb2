BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.CompareDiffusionImageCommand'
    $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 2
    $other = New-DiffusionImage 'a red house' -Seed 1 -Steps 3
}

Describe 'Compare-DiffusionImage' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
        $image | Export-DiffusionImage a.png
        $other | Export-DiffusionImage '[b].png'
    }

    AfterEach {
        Pop-Location
    }

    It 'compares <Name>' -ForEach @(
        @{ Name = 'files as arguments'; Compare = { Compare-DiffusionImage a.png '[b].png' } }
        @{ Name = 'a wildcard'; Compare = { Compare-DiffusionImage a.png '*b*.png' } }
        @{ Name = 'named arguments'; Compare = { Compare-DiffusionImage -DifferenceImage '[b].png' -ReferenceImage a.png } }
        @{ Name = 'a file of the pipeline'; Compare = { Get-Item -LiteralPath '[b].png' | Compare-DiffusionImage (Get-Item a.png) } }
        @{ Name = 'a path of the pipeline'; Compare = { '[b].png' | Compare-DiffusionImage ./a.png } }
        @{ Name = 'an image of the pipeline'; Compare = { $other | Compare-DiffusionImage a.png } }
        @{ Name = 'an image with a file'; Compare = { Compare-DiffusionImage $image '[b].png' } }
        @{ Name = 'a row'; Compare = { [pscustomobject]@{ ReferenceImage = 'a.png'; DifferenceImage = '[b].png'; Note = 'x' } | Compare-DiffusionImage } }
        @{ Name = 'a row with a reference as an argument'; Compare = { [pscustomobject]@{ DifferenceImage = '[b].png' } | Compare-DiffusionImage a.png } }
        @{ Name = 'two images'; Compare = { Compare-DiffusionImage $image $other } }
    ) {
        $comparison = & $Compare
        $comparison | Should -HaveCount 1
        $comparison.Verdict | Should -Be OtherSettings
        $comparison.Reason | Should -Be 'These settings differ: Steps (2, 3).'
        $comparison.SettingDifferences.Name | Should -Be Steps
        $comparison.SettingDifferences.ReferenceValue, $comparison.SettingDifferences.DifferenceValue | Should -Be 2, 3
        $comparison.Psnr, $comparison.Ssim | ForEach-Object { $_ | Should -BeGreaterThan 0 }
        $comparison.DifferentPixels | Should -BeGreaterThan 100
        $comparison.HeatMap.Width, $comparison.SideBySide.Width | Should -Be 64, 200
    }

    It 'compares many images with one' {
        $all = Get-ChildItem *.png | Compare-DiffusionImage a.png
        $all | Should -HaveCount 2
        [System.IO.Path]::GetFileName($all.Where{ $_.Verdict -eq 'Equal' }.DifferencePath) | Should -Be 'a.png'
        (Compare-DiffusionImage a.png a.png, '[b].png', $image, *.png).Verdict | Should -HaveCount 5
    }

    It 'knows an image in its own file' {
        (Compare-DiffusionImage $image a.png).Verdict | Should -Be Equal
    }

    It 'says that <Verdict>' -ForEach @(
        @{ Verdict = 'EqualPixels'; Reason = '*equal, although*GuidanceScale (1, 0.5)*'; Compare = { Compare-DiffusionImage (New-DiffusionImage 'a' -Seed 1 -Steps 1 -GuidanceScale 1) (New-DiffusionImage 'a' -Seed 1 -Steps 1 -GuidanceScale 0.5) } }
        @{ Verdict = 'OtherPixels'; Reason = '*settings are the same*JPEG*'; Compare = { $image | Export-DiffusionImage a.jpg; Compare-DiffusionImage a.png a.jpg } }
        @{ Verdict = 'OtherSize'; Reason = '*64x64 and 72x64*'; Compare = { Compare-DiffusionImage a.png (New-DiffusionImage 'a' -Seed 1 -Steps 1 -Width 72) } }
        @{ Verdict = 'NoRecord'; Reason = '*the other image does not say*'; Compare = { $other | Export-DiffusionImage none.png -NoMetadata; Compare-DiffusionImage a.png none.png } }
    ) {
        $comparison = & $Compare
        $comparison.Verdict | Should -Be $Verdict
        $comparison.Reason | Should -BeLike $Reason
    }

    It 'goes on after an image that cannot be read' {
        'no image' | Set-Content text.png
        $all = 'none.png', 'text.png', 5, 'x*.png', 'a.png' | Compare-DiffusionImage a.png -ErrorAction SilentlyContinue -ErrorVariable problems
        $all.Verdict | Should -Be Equal
        $problems.FullyQualifiedErrorId | Should -Be "PathNotFound,$cmdlet", "ImageInvalid,$cmdlet", "DifferenceImageInvalid,$cmdlet", "PathNotFound,$cmdlet"
    }

    It 'ends when the reference is <Name>' -ForEach @(
        @{ Name = 'missing'; Reference = 'none.png'; Id = 'PathNotFound' }
        @{ Name = 'no image'; Reference = 'text.png'; Id = 'ImageInvalid' }
        @{ Name = 'a number'; Reference = 5; Id = 'ReferenceImageInvalid' }
    ) {
        'no image' | Set-Content text.png
        { 'a.png', 'a.png' | Compare-DiffusionImage $Reference } | Should -Throw -ErrorId "$Id,$cmdlet"
    }

    It 'goes on after a row whose reference cannot be read' {
        $rows = 'none.png', 'a.png' | ForEach-Object { [pscustomobject]@{ ReferenceImage = $_; DifferenceImage = 'a.png' } }
        $all = $rows | Compare-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems
        $all.Verdict | Should -Be Equal
        $problems.FullyQualifiedErrorId | Should -Be "PathNotFound,$cmdlet"
    }

    It 'is shown as a list that fits, and as a table on demand' {
        $lines = Compare-DiffusionImage a.png '[b].png' | Out-String -Stream -Width 80 | Where-Object { $_.Trim() }
        $lines[0] | Should -BeLike 'Reference * : *a.png'
        $lines -match '^Reason +: These settings differ: Steps \(2, 3\)\.$' | Should -HaveCount 1
        $lines -match '^Psnr +: \d+.\d\d dB$' | Should -HaveCount 1
        $lines -match '^DifferentPixels +: \d+ of 4096$' | Should -HaveCount 1
        $lines -match 'HeatMap|Path' | Should -BeNullOrEmpty

        $table = Compare-DiffusionImage a.png '[b].png', (New-DiffusionImage 'a' -Seed 1 -Steps 1 -Width 72) | Format-Table | Out-String -Stream -Width 80 | Where-Object { $_.Trim() }
        $table | Should -HaveCount 4
        $table[2] | Should -Match '^\[b\]\.png +OtherSettings +\d+.\d\d +\d.\d{4} +\d+ +Steps *$'
        $table[3] | Should -Match '^72x64 a +OtherSize +Prompt, Steps'
    }

    It 'keeps its findings when it is serialized, without the pixels' {
        $file = Join-Path $folder comparison.xml
        Compare-DiffusionImage a.png '[b].png' | Export-Clixml $file
        $copy = Import-Clixml $file
        $copy.Reason | Should -BeLike '*Steps (2, 3)*'
        $copy.DifferentPixels | Should -BeGreaterThan 100
        (Get-Item $file).Length | Should -BeLessThan 10kb
    }

    It 'names the stage and the setting that differ' {
        $day, $night = 'a house by day', 'a house at night' | Get-TextEmbedding
        $make = { param($First, $Last, $Guidance) Invoke-Denoise $First -Seed 1 -Steps 3 -StopStep 1 -GuidanceScale $Guidance | Invoke-Denoise $Last -GuidanceScale 2 | ConvertFrom-Latent }
        $reference = & $make $day $night 5
        (Compare-DiffusionImage $reference (& $make $day $night 3)).SettingDifferences.Name | Should -Be 'Denoise 1: GuidanceScale'
        $other = Compare-DiffusionImage $reference (& $make $night $night 5)
        $other.Reason | Should -BeLike "*EncodePrompt 1: Prompt ('a house by day', 'a house at night')*"
        $whole = Invoke-Denoise $night -Seed 1 -Steps 3 -GuidanceScale 2 | ConvertFrom-Latent
        (Compare-DiffusionImage $reference $whole).Reason | Should -BeLike "*Stages ('…EncodePrompt, Denoise, EncodePrompt, *', '…EncodePrompt, Denoise, Decode').*"
        $stopped = Invoke-Denoise $night -Seed 1 -Steps 3 -GuidanceScale 2 -StopStep 1 | ConvertFrom-Latent
        (Compare-DiffusionImage $stopped $whole).Reason | Should -BeLike '*Denoise: StopStep (1, to the last step)*'
    }

    It 'has no record of the images that show the difference' {
        $comparison = Compare-DiffusionImage $image $other
        foreach ($shown in $comparison.HeatMap, $comparison.SideBySide) {
            $shown.Stages | Should -BeNullOrEmpty
            $shown.Reproducibility | Should -Be None
            $shown | Export-DiffusionImage shown.png -Force -WarningVariable warnings
            $warnings | Should -BeNullOrEmpty
            $shown | ConvertTo-DiffusionScript -ErrorAction SilentlyContinue -ErrorVariable problems
            "$problems" | Should -BeLike '*There is no record*'
        }
    }

    It 'shows a comparison that was serialized' {
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((Compare-DiffusionImage $image $image)))
        $copy | Out-String | Should -Match 'DifferentPixels *: 0\b'
    }

    It 'has examples in its help' {
        (Get-Help Compare-DiffusionImage -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}

# The lines of about_StableDiffusion_Comparison, in a repository, with the module where PowerShell finds it.
Describe 'git' -Skip:($IsWindows -or -not (Get-Command git -ErrorAction Ignore)) {
    BeforeAll {
        $page = Get-Content -Raw "$PSScriptRoot/../../docs/en-US/about_StableDiffusion_Comparison.md"
        $driver, $tool, $use, $null = [regex]::Matches($page.Substring($page.IndexOf('### Images in git')), '(?s)```powershell\n(.*?)\n```').ForEach{ $_.Groups[1].Value }

        $bin = (New-Item -ItemType Directory "$TestDrive/bin").FullName
        $shell = [System.Environment]::ProcessPath
        $arguments = [System.IO.Path]::GetFileNameWithoutExtension($shell) -eq 'dotnet' ? "'$PSHOME/pwsh.dll' " : ''
        Set-Content "$bin/pwsh" "#!/bin/sh`nPSModulePath='$OutFolder' exec '$shell' $arguments`"`$@`""
        chmod +x "$bin/pwsh"

        $before = @{}
        foreach ($variable in @{ PATH = "${bin}:$env:PATH"; GIT_CONFIG_GLOBAL = '/dev/null'; GIT_CONFIG_NOSYSTEM = '1' }.GetEnumerator()) {
            $before[$variable.Key] = [Environment]::GetEnvironmentVariable($variable.Key)
            [Environment]::SetEnvironmentVariable($variable.Key, $variable.Value)
        }

        Push-Location (New-Item -ItemType Directory "$TestDrive/repository")
        git init --quiet
        git config user.name me
        git config user.email me@example.org
        & ([scriptblock]::Create($driver))
        & ([scriptblock]::Create($tool))
    }

    AfterAll {
        Pop-Location
        foreach ($name in $before.Keys) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
    }

    It 'shows which settings of an image changed, whatever its name' {
        $name = 'a $(touch oops) "red" house''s; touch oops.png'
        $image | Export-DiffusionImage $name
        git add .
        git commit --quiet -m one
        $other | Export-DiffusionImage $name -Force

        $diff = git diff
        $LASTEXITCODE | Should -Be 0
        $diff -match '^-Steps +: 2$' | Should -HaveCount 1
        $diff -match '^\+Steps +: 3$' | Should -HaveCount 1
        $diff -match '^ Prompt +: a red house$' | Should -HaveCount 1
        $diff -match '^[-+][0-9A-F]{64}$' | Should -HaveCount 2
        $diff -match '^[-+] *(Path|Seed|Model)' | Should -BeNullOrEmpty
        Test-Path oops | Should -BeFalse

        git commit --quiet -a -m two
        git log -p -1 | Where-Object { $_ -match '^\+Steps +: 3$' } | Should -HaveCount 1
    }

    It 'shows that a script changed the pixels, or by the hash that only the file did' {
        $image | Export-DiffusionImage pixels.png
        git add .
        git commit --quiet -m three
        $pixels = [byte[]] $image.Pixels.Clone()
        $pixels[0] = $pixels[0] -bxor 1
        $image.GetType()::new(64, 64, $pixels, $image.Info) | Export-DiffusionImage pixels.png -Force -WarningAction Ignore
        $lines = git diff | Where-Object { $_ -match '^[-+][^-+]' }
        $lines -like '+Stages*, Edit' | Should -HaveCount 1
        $lines | Should -Match '^[-+](Stages|[0-9A-F]{64}$)'

        $image | Export-DiffusionImage pixels.png -Force
        [System.IO.File]::AppendAllText("$PWD/pixels.png", 'x')
        git diff | Where-Object { $_ -match '^[-+][^-+]' } | Should -Match '^[-+][0-9A-F]{64}$'
    }

    It 'compares the pixels of an image with those of a commit' {
        $image | Export-DiffusionImage house.png
        git add .
        git commit --quiet -m four
        $other | Export-DiffusionImage house.png -Force

        $lines = & ([scriptblock]::Create($use))
        $lines -match 'OtherSettings' | Should -HaveCount 1
        (Compare-DiffusionImage difference.png (Compare-DiffusionImage $image $other).SideBySide).DifferentPixels | Should -Be 0
    }
}
