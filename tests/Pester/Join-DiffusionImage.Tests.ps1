BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.JoinDiffusionImageCommand'
}

Describe 'Join-DiffusionImage' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
        $images = New-DiffusionImage 'a red house', 'a blue fish' -Seed 1 -Steps 1
        $images[0] | Export-DiffusionImage a.png
        $images[1] | Export-DiffusionImage '[b].png'
        $expected = ($images | Join-DiffusionImage).Pixels
    }

    AfterEach {
        Pop-Location
    }

    It 'joins images from the pipeline and as an argument' {
        $sheet = Join-DiffusionImage $images -Columns 2 -Gap 4
        $sheet.Width, $sheet.Height | Should -Be 132, 64
        [System.Linq.Enumerable]::SequenceEqual((Join-DiffusionImage -InputObject $images).Pixels, $expected) | Should -BeTrue
    }

    It 'joins the files of <Name>, in their order' -ForEach @(
        @{ Name = 'the pipeline'; Join = { Get-ChildItem *.png | Sort-Object Length, Name | Sort-Object { $_.Name -ne 'a.png' } | Join-DiffusionImage } }
        @{ Name = 'texts in the pipeline'; Join = { 'a.png', '`[b`].png' | Join-DiffusionImage } }
        @{ Name = 'rows'; Join = { "Path`na.png`n?b?.png" | ConvertFrom-Csv | Join-DiffusionImage } }
        @{ Name = 'an argument'; Join = { Join-DiffusionImage a.png, *b*.png } }
        @{ Name = 'paths as they are'; Join = { Join-DiffusionImage -LiteralPath a.png, '[b].png' } }
        @{ Name = 'files and images by turns'; Join = { (Get-Item a.png), $images[1] | Join-DiffusionImage } }
    ) {
        [System.Linq.Enumerable]::SequenceEqual((& $Join).Pixels, $expected) | Should -BeTrue
    }

    It 'takes the files of a wildcard in the order of their names' {
        $sheet = Join-DiffusionImage *.png
        $turned = Join-DiffusionImage $images[1], $images[0]
        [System.Linq.Enumerable]::SequenceEqual($sheet.Pixels, $turned.Pixels) | Should -BeTrue
    }

    It 'leaves out a file that cannot be read, with an error' {
        'no image' | Set-Content text.png
        (Join-DiffusionImage a.png, text.png, none.png -ErrorAction SilentlyContinue -ErrorVariable problems).Width | Should -Be 64
        $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet", "PathNotFound,$cmdlet"
    }

    It 'refuses images of different sizes' {
        New-DiffusionImage 'a' -Width 72 -Steps 1 -OutFile wide.png | Out-Null
        Join-DiffusionImage a.png, wide.png -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet"
    }

    It 'refuses more pixels than a sheet can have with one error, and reads no more' {
        $large = [Activator]::CreateInstance($images[0].GetType(), @(5800, 5800, [byte[]]::new(5800 * 5800 * 3), $null))
        $large, $large, 'none.png', 'a.png' | Join-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "InputObjectInvalid,$cmdlet"
    }

    It 'has examples in its help' {
        (Get-Help Join-DiffusionImage -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
