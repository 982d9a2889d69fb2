BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ExpandPromptCommand'
    $wildcards = (Resolve-Path "$PSScriptRoot/../data/wildcards").Path
}

Describe 'Expand-Prompt' {
    It 'makes all prompts of a template' {
        ('a {red|blue} {x|y}' | Expand-Prompt -All).Prompt | Should -Be 'a red x', 'a red y', 'a blue x', 'a blue y'
        (Expand-Prompt 'a', '{b|c}' -All).Prompt | Should -Be 'a', 'b', 'c'
    }

    It 'makes the same prompts with the same seed' {
        $first = Expand-Prompt '{a|b|c|d|e|f|g|h} {1|2|3|4}' -Count 20 -Seed 4
        $first.Count | Should -Be 20
        (Expand-Prompt '{a|b|c|d|e|f|g|h} {1|2|3|4}' -Count 20 -Seed 4).Prompt | Should -Be $first.Prompt
        ($first.Prompt | Sort-Object -Unique).Count | Should -BeGreaterThan 5
        $first[3].Index, $first[3].TemplateSeed | Should -Be 3, 4
        $first[3].Prompt | Should -Be "$($first[3].Values['1']) $($first[3].Values['2'])"
    }

    It 'ends when the next command needs no more' {
        ('{a|b|c|d|e|f|g|h|i|j}' * 30 | Expand-Prompt -All | Select-Object -First 3).Count | Should -Be 3
    }

    It 'reads lists from the folder that is given, or from the one of the user' {
        (Expand-Prompt '__form__' -All -WildcardPath $wildcards).Prompt | Should -Be 'round', 'square'
        $env:STABLEDIFFUSION_WILDCARDS = $wildcards
        try {
            (Expand-Prompt '__form__' -All).Prompt | Should -Be 'round', 'square'
        }
        finally {
            $env:STABLEDIFFUSION_WILDCARDS = "$StoreFolder/wildcards"
        }
    }

    It 'keeps the columns of a row, and draws with its seed' {
        $rows = [pscustomobject]@{ Prompt = '{a|b|c|d}'; Seed = 5; Steps = 2 } | Expand-Prompt -Count 3
        $rows.Prompt | Should -Be (Expand-Prompt '{a|b|c|d}' -Count 3 -Seed 5).Prompt
        $rows[1].Steps, $rows[1].Seed, $rows[1]._Template, $rows[1]._TemplateSeed | Should -Be 2, 5, '{a|b|c|d}', 5
        $rows[1]._Values['1'] | Should -Be $rows[1].Prompt
        $image = $rows[0] | New-DiffusionImage -WarningVariable warnings
        $image.Prompt, $image.Steps | Should -Be $rows[0].Prompt, 2
        $warnings | Should -BeNullOrEmpty
    }

    It 'pipes prompts to New-DiffusionImage' {
        (Expand-Prompt 'a {red|blue} heart' -All | New-DiffusionImage -Steps 1 -Seed 1).Prompt | Should -Be 'a red heart', 'a blue heart'
    }

    It 'leaves out blank lines and comments' {
        ('a', '', '# b', 'c' | Expand-Prompt).Prompt | Should -Be 'a', 'c'
    }

    It 'goes on after a template that cannot be read' {
        $made = 'a', '{b', '__nope__', 'c' | Expand-Prompt -WildcardPath $wildcards -ErrorAction SilentlyContinue -ErrorVariable problems
        $made.Prompt | Should -Be 'a', 'c'
        $problems.FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet", "WildcardNotFound,$cmdlet"
        $problems[0].TargetObject | Should -Be '{b'
        [pscustomobject]@{ Name = 'x' } | Expand-Prompt -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet"
        { Expand-Prompt 'a' -WildcardPath ./nowhere } | Should -Throw -ErrorId "WildcardNotFound,$cmdlet"
    }
}
