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

    It 'makes a table of settings, whose labels are in the record and come again' {
        $axes = [ordered]@{ Steps = 1, 2; Scheduler = 'Euler', 'DDIM' }
        $cells = New-DiffusionSweep 'a red house' -Axis $axes -Seed 1 | New-DiffusionImage
        $sheet = $cells | Join-DiffusionImage -Row Steps -Column Scheduler -Label
        $sheet.Width, $sheet.Height | Should -Be (48 + 128), (13 + 128)
        $stage = $sheet.Stages[-1]
        $stage.Settings['RowLabels'] | Should -Be 'Steps 1', 'Steps 2'
        $stage.Settings['ColumnLabels'] | Should -Be 'Euler', 'DDIM'
        $stage.Inputs['Image'].Count | Should -Be 4
        $sheet | Export-DiffusionImage table.png
        $again = Get-DiffusionMetadata table.png | New-DiffusionImage -WarningVariable warnings
        [System.Linq.Enumerable]::SequenceEqual($again.Pixels, $sheet.Pixels) | Should -BeTrue
        $warnings | Should -BeNullOrEmpty

        # Without labels, and with a place that no image has.
        $three = $cells[1, 0, 2] | Join-DiffusionImage -Row cfg_scale -Column { "$($_.Steps) $($_.Scheduler)" }
        $three.Width, $three.Height | Should -Be 192, 64
        $hole = $cells[0, 1, 2] | Join-DiffusionImage -Row Scheduler -Column Steps
        $hole.Pixels[-1] | Should -Be 255
    }

    It 'writes captions below images' {
        $strip = $images | Join-DiffusionImage -Columns 2 -Caption { "#$($_.Seed)" }
        $strip.Width, $strip.Height | Should -Be 128, (64 + 13)
        $strip.Stages[-1].Settings['Captions'] | Should -Be '#1', '#1'
        ($images | Join-DiffusionImage -Label).Stages[-1].Settings['Captions'] | Should -Be 'a red house', 'a blue fish'
        $images[0] | Export-DiffusionImage other.png
        (Join-DiffusionImage a.png, other.png -Label).Stages[-1].Settings['Captions'] | Should -Be 'a.png', 'other.png'
        (Join-DiffusionImage a.png -Caption Path).Stages[-1].Settings['Captions'] | Should -Be 'a.png'
    }

    It 'refuses <Name> with one error' -ForEach @(
        @{ Name = 'an unknown property'; Options = @{ Row = 'Step' }; Id = 'RowInvalid'; Message = "*Did you mean 'Steps'?" }
        @{ Name = 'a script that fails'; Options = @{ Caption = { throw 'no' } }; Id = 'CaptionInvalid'; Message = '*no' }
        @{ Name = 'two images in one place'; Options = @{ Row = 'Steps'; Column = 'Seed' }; Id = 'InputObjectInvalid'; Message = '*Images 1 and 2 have the same place: Steps 1, Seed 1.*' }
    ) {
        $images | Join-DiffusionImage @Options -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
        $problems[0].Exception.Message | Should -BeLike $Message
    }

    It 'refuses Columns with Row' {
        { $images | Join-DiffusionImage -Columns 2 -Row Seed } | Should -Throw -ErrorId "ColumnsInvalid,$cmdlet"
    }

    It 'completes the names of settings' {
        $line = 'Join-DiffusionImage a.png -Row Schedul'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain 'Scheduler'
    }

    It 'has examples in its help' {
        (Get-Help Join-DiffusionImage -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
