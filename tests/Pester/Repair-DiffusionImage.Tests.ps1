BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.RepairDiffusionImageCommand'
    $data = Join-Path $PSScriptRoot ../data
    $two = New-DiffusionImage 'a red star and a blue heart on white' -Seed 10 -Steps 12
    $quick = @{ Steps = 4; Strength = 0.6; MaskPadding = 4 }

    function Save-Two {
        $two | Export-DiffusionImage s.png -Force
        Copy-Item s.png p.png
    }
}

Describe 'Repair-DiffusionImage' {
    BeforeEach {
        Push-Location -LiteralPath $TestDrive
    }

    AfterEach {
        Pop-Location
    }

    It 'paints the regions of an image one after another, and nothing else' {
        $region = $two | Find-ImageRegion -Label blue
        $image = $region | Repair-DiffusionImage -Prompt 'a green heart on white' @quick -Strength 0.9 -MaskBlur 0
        $image.Stages.Count | Should -Be ($two.Stages.Count + 1)
        $image.Stages[-1].Operation | Should -Be Repair
        $image.Prompt | Should -Be $two.Prompt
        $changed = foreach ($i in 0..($two.Width * $two.Height - 1)) {
            if (Compare-Object $two.Pixels[(3 * $i)..(3 * $i + 2)] $image.Pixels[(3 * $i)..(3 * $i + 2)] -SyncWindow 0) { , @(($i % 64), [Math]::Floor($i / 64)) }
        }
        $changed.Count | Should -BeGreaterThan 100
        foreach ($place in $changed) {
            $place[0] | Should -BeGreaterOrEqual ($region.X - 2)
            $place[0] | Should -BeLessThan ($region.X + $region.Width + 2)
            $place[1] | Should -BeGreaterOrEqual ($region.Y - 2)
            $place[1] | Should -BeLessThan ($region.Y + $region.Height + 2)
        }

        $both = $two | Find-ImageRegion -SortBy LeftToRight | Repair-DiffusionImage -Prompt { "a $($_.Label) circle on white" } @quick
        $both.Count | Should -Be 1
        $both.Stages.Count | Should -Be ($two.Stages.Count + 2)
        $both.Stages[-2, -1].ForEach{ $_.Settings.Seed } | Should -Be 10, 11
        $both.Stages[-2, -1].ForEach{ $_.Inputs['Embedding'][0][-1].Settings['Prompt'] } | Should -Be 'a blue circle on white', 'a red circle on white'
        ($two | Repair-DiffusionImage -Detector Shapes @quick).Stages.Count | Should -Be ($two.Stages.Count + 2)
    }

    It 'makes an image again from its file and from its script, without the detector' {
        $made = $two | Find-ImageRegion | Repair-DiffusionImage @quick -NegativePrompt 'a square' -Seed 5
        $made | Export-DiffusionImage made.png
        Test-SameValue (Get-DiffusionMetadata made.png | New-DiffusionImage) $made | Should -BeTrue
        Test-SameValue ($made | New-DiffusionImage) $made | Should -BeTrue
        $script = ConvertTo-DiffusionScript made.png
        $script | Should -BeLike '*Repair-DiffusionImage -InputObject $image1 -Box * -Dilation 0 -Prompt*'
        Test-SameValue (& ([scriptblock]::Create($script))) $made | Should -BeTrue
    }

    It 'repeats a region with an outline from the record, which no command can say' {
        $box = $two | Find-ImageRegion -First 1
        $inside = [byte[]](0..($box.Width * $box.Height - 1)).ForEach{ if ($_ % $box.Width -le [Math]::Floor($_ / $box.Width)) { 255 } else { 0 } }
        $region = $box.GetType()::new($two, $box.X, $box.Y, $box.Width, $box.Height, $inside)
        $region.HasOutline | Should -BeTrue
        $made = $region | Repair-DiffusionImage @quick -Prompt 'a circle'
        $made | Export-DiffusionImage outline.png
        Test-SameValue (Get-DiffusionMetadata outline.png | New-DiffusionImage) $made | Should -BeTrue
        ConvertTo-DiffusionScript outline.png -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -BeLike 'RecordNotRepeatable*'
    }

    It 'takes files, writes an image for each, and passes on images without regions' {
        $two | Export-DiffusionImage two.png
        Copy-Item "$data/images/crop-96x48.png" photo.png
        $images = Get-Item two.png, photo.png | Repair-DiffusionImage -Box 2, 3, 20, 10 -Prompt 'a blue square' @quick
        $images.Width | Should -Be 64, 96
        $plain = New-DiffusionImage 'a white background' -Seed 1 -Steps 1
        $found = $plain | Find-ImageRegion -Confidence 1
        if (-not $found) {
            $same = $plain | Repair-DiffusionImage -Detector Shapes -Confidence 1 -WarningVariable warnings -WarningAction SilentlyContinue
            Test-SameValue $same $plain | Should -BeTrue
            $warnings | Should -BeLike 'Nothing was found*'
        }
    }

    It 'does nothing with WhatIf' {
        $two | Find-ImageRegion | Repair-DiffusionImage -WhatIf | Should -BeNullOrEmpty
    }

    It 'refuses <Settings>' -ForEach @(
        @{ Settings = @{ Dilation = -100 }; Id = 'DilationInvalid' }
        @{ Settings = @{ Dilation = 5000 }; Id = 'DilationInvalid' }
        @{ Settings = @{ Strength = 0 }; Id = 'StrengthInvalid' }
        @{ Settings = @{ MaskBlur = -1 }; Id = 'MaskBlurInvalid' }
        @{ Settings = @{ MaskPadding = -1 }; Id = 'MaskPaddingInvalid' }
        @{ Settings = @{ Width = 63 }; Id = 'WidthInvalid' }
        @{ Settings = @{ Scheduler = 'Nope' }; Id = 'SchedulerNotFound' }
        @{ Settings = @{ Seed = [long]::MaxValue; Strength = 0.9 }; Id = 'SeedInvalid' }
    ) {
        $null = $two | Find-ImageRegion | Repair-DiffusionImage -Steps 2 @Settings -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Select-Object -Unique | Should -Be "$Id,$cmdlet"
    }

    It 'refuses an image once and names it: <Settings>' -ForEach @(
        @{ Settings = @{ Seed = -2 }; Id = 'SeedInvalid' }
        @{ Settings = @{ Scheduler = 'Nope' }; Id = 'SchedulerNotFound' }
        @{ Settings = @{ Steps = 0 }; Id = 'StepsInvalid' }
    ) {
        Save-Two
        $unnamed = New-DiffusionImage $two.Prompt -Seed 10 -Steps 12
        @($unnamed; Get-Item s.png, p.png) | Find-ImageRegion | Repair-DiffusionImage @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be (@("$Id,$cmdlet") * 3)
        $problems[0].Exception.Message | Should -BeLike "Image 1 ('a red star and a blue heart on white'): *"
        $problems[1, 2].ForEach{ $_.Exception.Message.Substring(0, 7) } | Should -Be 's.png: ', 'p.png: '
    }

    It 'names the image of a box that is outside of it' {
        Save-Two
        Get-Item s.png, p.png | Repair-DiffusionImage -Box 70, 70, 20, 20 -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.ForEach{ $_.Exception.Message.Substring(0, 7) } | Should -Be 's.png: ', 'p.png: '
    }

    It 'warns of an image that comes back after it was written' {
        Save-Two
        $images = Find-ImageRegion s.png, p.png | Sort-Object Label | Repair-DiffusionImage @quick -WarningVariable told -WarningAction SilentlyContinue
        $images.Count | Should -BeGreaterThan 2
        "$told" | Should -BeLike '*.png: *Sort-Object*'
        $images = Find-ImageRegion s.png, p.png | Sort-Object { $_.Image.Path }, Label | Repair-DiffusionImage @quick -WarningVariable told
        $images.Count | Should -Be 2
        $told | Should -BeNullOrEmpty
        $images.ForEach{ @($_.Stages.Operation -eq 'Repair').Count } | Should -Be 2, 2
    }

    It 'says why a copy of a region, or one beside <Given>, is refused' -ForEach @(
        @{ Given = 'Select-Object'; Make = { $args[0] | Select-Object X, Y, Label }; With = @{}; Says = '*has no image*' }
        @{ Given = 'Select-Object *'; Make = { $args[0] | Select-Object * }; With = @{}; Says = '*has no image*' }
        @{ Given = 'Import-Clixml'; Make = { $args[0] | Export-Clixml region.xml; Import-Clixml region.xml }; With = @{}; Says = '*has no image*' }
        @{ Given = 'Box'; Make = { $args[0] }; With = @{ Box = 0, 0, 9, 9 }; Says = '*are for images*' }
        @{ Given = 'Detector'; Make = { $args[0] }; With = @{ Detector = 'Shapes' }; Says = '*are for images*' }
    ) {
        $region = & $Make ($two | Find-ImageRegion -First 1)
        $region | Repair-DiffusionImage @With -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "RegionInvalid,$cmdlet"
        $problems[0].Exception.Message | Should -BeLike $Says
    }

    It 'takes a path by position, and one of a row' {
        Save-Two
        @((Repair-DiffusionImage s.png @quick).Stages.Operation -eq 'Repair').Count | Should -Be 2
        @((Repair-DiffusionImage s.png -Box 2, 3, 20, 20 @quick).Stages.Operation -eq 'Repair').Count | Should -Be 1
        @(([pscustomobject]@{ Path = 's.png' } | Repair-DiffusionImage -Box 2, 3, 20, 20 @quick).Stages.Operation -eq 'Repair').Count | Should -Be 1
        @((Repair-DiffusionImage ($two | Find-ImageRegion -First 1) @quick).Stages.Operation -eq 'Repair').Count | Should -Be 1
    }

    It 'refuses Box with <Other>' -ForEach @(
        @{ Other = 'Detector'; With = @{ Detector = 'Shapes' } }
        @{ Other = 'Confidence'; With = @{ Confidence = 0.5 } }
    ) {
        { $two | Repair-DiffusionImage -Box 0, 0, 9, 9 @With } | Should -Throw -ErrorId "BoxInvalid,$cmdlet" -ExpectedMessage "*$Other*Omit*"
    }

    It 'refuses a box that is none, a photo without a prompt, and a detector that is missing' {
        $two | Repair-DiffusionImage -Box 1, 2, 3 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $two | Repair-DiffusionImage -Box 60, 60, 10, 10 -ErrorAction SilentlyContinue -ErrorVariable +problems | Should -BeNullOrEmpty
        $two | Repair-DiffusionImage -Box 60, 60, 0, 4 -ErrorAction SilentlyContinue -ErrorVariable +problems | Should -BeNullOrEmpty
        Repair-DiffusionImage -InputObject "$data/images/scene.png" -Box 0, 0, 10, 10 -ErrorAction SilentlyContinue -ErrorVariable +problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "BoxInvalid,$cmdlet", "BoxInvalid,$cmdlet", "BoxInvalid,$cmdlet", "PromptInvalid,$cmdlet"
        { $two | Repair-DiffusionImage -Detector nope } | Should -Throw -ErrorId "DetectorNotFound,$cmdlet"
    }
}
