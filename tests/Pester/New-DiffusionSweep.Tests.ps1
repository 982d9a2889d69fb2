BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.NewDiffusionSweepCommand'
}

Describe 'New-DiffusionSweep' {
    It 'makes a row of each combination, in the given order' {
        $rows = New-DiffusionSweep -Prompt 'a red house' -Axis ([ordered]@{ Steps = 10, 20; Scheduler = 'Euler', 'DDIM' }) -Seed 3
        $rows.ForEach{ "$($_.Prompt) $($_.Seed) $($_.Steps) $($_.Scheduler)" } | Should -Be 'a red house 3 10 Euler', 'a red house 3 10 DDIM', 'a red house 3 20 Euler', 'a red house 3 20 DDIM'
        $rows[0]._Axes | Should -Be 'Steps; Scheduler'
        (New-DiffusionSweep 'a' -Axis @{ Scheduler = 'Euler', 'DDIM' }, @{ Steps = 1, 2 })[1].Scheduler | Should -Be 'Euler'
    }

    It 'changes the model slowest, then LoRAs' {
        (New-DiffusionSweep 'a' -Axis @{ Steps = 1, 2 }, @{ Lora = '', 'x:0.5; y' }, @{ Model = 'm', 'n' }).ForEach{ "$($_.Model) $($_.Lora) $($_.Steps)" } |
            Should -Be 'm  1', 'm  2', 'm x:0.5; y 1', 'm x:0.5; y 2', 'n  1', 'n  2', 'n x:0.5; y 1', 'n x:0.5; y 2'
    }

    It 'reads ranges of numbers' {
        (New-DiffusionSweep 'a' -Axis @{ Steps = '1-10 (+3)' }).Steps | Should -Be 1, 4, 7, 10
        (New-DiffusionSweep 'a' -Axis @{ cfg_scale = '1-2 [3]', 7 }).GuidanceScale | Should -Be 1, 1.5, 2, 7
        (New-DiffusionSweep 'a' -Axis @{ Steps = 1..3 }).Steps | Should -Be 1, 2, 3
        (New-DiffusionSweep 'a' -Axis @{ Steps = 3, '3', '2-3' }).Steps | Should -Be 3, 2
    }

    It 'replaces a part of both prompts under <_>' -ForEach 'PromptReplace', 'PromptSR', 'Prompt S/R' {
        $rows = New-DiffusionSweep 'a red, red house' -NegativePrompt 'no red' -Axis @{ $_ = 'red', 'blue' }
        $rows.Prompt | Should -Be 'a red, red house', 'a blue, blue house'
        $rows.NegativePrompt | Should -Be 'no red', 'no blue'
        $rows._PromptReplace | Should -Be 'red', 'blue'
    }

    It 'uses one seed for all rows, and an axis of seeds as it is' {
        $rows = 'a', 'b' | New-DiffusionSweep -Axis @{ Steps = 1, 2 }
        ($rows.Seed | Sort-Object -Unique).Count | Should -Be 1
        $rows[0].Seed | Should -BeGreaterOrEqual 0
        (New-DiffusionSweep 'a' -Axis @{ Seed = '4-6' }).Seed | Should -Be 4, 5, 6
        $drawn = (New-DiffusionSweep 'a' -Axis @{ Seed = 5, -1, -1 }).Seed
        $drawn.Count | Should -Be 3
        $drawn | Should -Not -Contain -1
    }

    It 'multiplies rows, whose other columns stay' {
        $rows = "prompt,seed,steps,_id,cfg_scale`nx,1,5,A,3`ny,,6,B,4" | ConvertFrom-Csv | New-DiffusionSweep -Axis @{ GuidanceScale = 1, 2 } -Seed 9 -Property @{ Width = 64; _Note = 'n' }
        $rows.ForEach{ "$($_.Prompt) $($_.Seed) $($_.Steps) $($_._id) $($_.GuidanceScale) $($_.Width) $($_._Note)" } | Should -Be 'x 9 5 A 1 64 n', 'x 9 5 A 2 64 n', 'y 9 6 B 1 64 n', 'y 9 6 B 2 64 n'
        $rows[0].PSObject.Properties.Name | Should -Not -Contain 'cfg_scale'
        ([pscustomobject]@{ Prompt = 'a'; Seed = 4 } | New-DiffusionSweep -Axis @{ Steps = 1 }).Seed | Should -Be 4
        $expanded = 'a {b|c}' | Expand-Prompt -All | New-DiffusionSweep -Axis @{ Steps = 1, 2 }
        $expanded.Prompt | Should -Be 'a b', 'a b', 'a c', 'a c'
        $expanded[0]._Template | Should -Be 'a {b|c}'
    }

    It 'takes the settings of an image, without those that it does not have' {
        $image = New-DiffusionImage 'a red heart' -Seed 5 -Steps 2
        $rows = $image | New-DiffusionSweep -Axis @{ Steps = 2, 3 }
        $rows[0].PSObject.Properties.Name | Should -Not -Contain 'VaeTiling'
        $rows[0].PSObject.Properties.Name | Should -Not -Contain 'Stages'
        $again = $rows | New-DiffusionImage -Strict
        [System.Linq.Enumerable]::SequenceEqual($again[0].Pixels, $image.Pixels) | Should -BeTrue
        $again[1].Steps | Should -Be 3
    }

    It 'needs no prompt' {
        $images = New-DiffusionSweep -Axis @{ Steps = 1, 2 } -Seed 1 | New-DiffusionImage -Prompt 'a red heart'
        $images.ForEach{ "$($_.Prompt) $($_.Steps)" } | Should -Be 'a red heart 1', 'a red heart 2'
    }

    It 'makes rows that New-DiffusionImage takes as they are, also from a table' {
        $rows = New-DiffusionSweep 'a red heart' -Axis ([ordered]@{ Steps = 1, 2; PromptReplace = 'red', 'blue' }) -Seed 5
        $images = $rows | New-DiffusionImage -Strict
        $images.ForEach{ "$($_.Prompt) $($_.Seed) $($_.Steps)" } | Should -Be 'a red heart 5 1', 'a blue heart 5 1', 'a red heart 5 2', 'a blue heart 5 2'
        $again = $rows | ConvertTo-Csv | ConvertFrom-Csv | New-DiffusionImage -Strict
        [System.Linq.Enumerable]::SequenceEqual($again[3].Pixels, $images[3].Pixels) | Should -BeTrue
    }

    It 'ends when the next command needs no more' {
        (New-DiffusionSweep 'a' -Axis @{ Seed = '1-1000000'; Steps = '1-100'; Width = '64-6400 (+8)' } | Select-Object -First 2).Count | Should -Be 2
    }

    It 'refuses <Name> before the first row' -ForEach @(
        @{ Name = 'an unknown column'; Axis = @{ Step = 1 }; Id = 'AxisInvalid'; Message = "*Did you mean 'Steps'?*" }
        @{ Name = 'a parameter that is no column'; Axis = @{ Force = $true }; Id = 'AxisInvalid'; Message = '*not a column*' }
        @{ Name = 'a column twice'; Axis = @{ Steps = 1 }, @{ steps = 2 }; Id = 'AxisInvalid'; Message = '*twice*' }
        @{ Name = 'a constant that is an axis'; Axis = @{ Seed = 1, 2 }; Id = 'AxisInvalid'; Message = '*Seed is an axis*' }
        @{ Name = 'a number out of range'; Axis = @{ Strength = 0.5, 2 }; Id = 'StrengthInvalid'; Message = '*above 0*' }
        @{ Name = 'a text that is no number'; Axis = @{ Steps = 'x' }; Id = 'StepsInvalid'; Message = '*whole number*' }
        @{ Name = 'a fraction of a step'; Axis = @{ Steps = 1.5 }; Id = 'StepsInvalid'; Message = '*whole number*' }
        @{ Name = 'an unknown word'; Axis = @{ VaeTiling = 'Sometimes' }; Id = 'VaeTilingInvalid'; Message = '*Auto*' }
        @{ Name = 'what is neither true nor false'; Axis = @{ MaskedOnly = 'perhaps' }; Id = 'MaskedOnlyInvalid'; Message = '*neither true nor false*' }
        @{ Name = 'an unknown scheduler'; Axis = @{ Scheduler = 'Euler', 'Eulr' }; Id = 'SchedulerNotFound'; Message = '*Did you mean*' }
        @{ Name = 'an axis without values'; Axis = @{ Steps = @() }; Id = 'StepsInvalid'; Message = '*no values*' }
        @{ Name = 'an empty text to replace'; Axis = @{ PromptReplace = '', 'x' }; Id = 'PromptReplaceInvalid'; Message = '*empty*' }
    ) {
        $made = [System.Collections.Generic.List[object]]::new()
        { New-DiffusionSweep 'a' -Axis $Axis -Seed 1 | ForEach-Object { $made.Add($_) } } | Should -Throw -ErrorId "$Id,$cmdlet" -ExpectedMessage $Message
        $made.Count | Should -Be 0
    }

    It 'refuses an unknown column that is the same for all rows' {
        { New-DiffusionSweep 'a' -Axis @{ Steps = 1 } -Property @{ Seeds = 1 } } | Should -Throw -ErrorId "PropertyInvalid,$cmdlet" -ExpectedMessage "*'Seed'*"
    }

    It 'goes on after an input that it cannot use' {
        $rows = 'a red fish', 'a cat', $null, @{ Prompt = 'red' }, 7, '', '# red', 'a red car' | New-DiffusionSweep -Axis @{ PromptReplace = 'red' } -ErrorAction SilentlyContinue -ErrorVariable problems
        $rows.Prompt | Should -Be 'a red fish', 'a red car'
        $problems.FullyQualifiedErrorId | Should -Be "PromptReplaceInvalid,$cmdlet", "PromptInvalid,$cmdlet", "PromptInvalid,$cmdlet", "PromptInvalid,$cmdlet"
        $problems[0].Exception.Message | Should -BeLike "*Prompt 2 ('a cat')*"
    }

    It 'completes the names of settings with values' {
        $line = 'New-DiffusionSweep a -Axis Schedul'
        $texts = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
        $texts | Should -Contain "@{ Scheduler = 'Euler', 'DDIM' }"
        foreach ($text in (TabExpansion2 'New-DiffusionSweep a -Axis x' 28).CompletionMatches.CompletionText) {
            { [scriptblock]::Create($text) } | Should -Not -Throw
        }
    }
}
