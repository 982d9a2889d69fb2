BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Clear-DiffusionCache' {
    It 'closes the models, and the next picture opens its own' {
        $first = New-DiffusionImage 'a' -Seed 1 -Steps 1
        (Clear-DiffusionCache -Verbose 4>&1).Message | Should -Contain 'Closed 1 open models.'
        (Clear-DiffusionCache -Verbose 4>&1).Message | Should -Contain 'Closed 0 open models.'
        $second = New-DiffusionImage 'a' -Seed 1 -Steps 1
        [System.Linq.Enumerable]::SequenceEqual($second.Pixels, $first.Pixels) | Should -BeTrue
    }

    It 'deletes the graphs on demand, and not with -WhatIf' {
        $graphs = (New-Item -ItemType Directory "$TestDrive/graphs").FullName
        $null = New-Item -ItemType Directory "$graphs/0123"
        $before = $env:STABLEDIFFUSION_CACHE
        $env:STABLEDIFFUSION_CACHE = "$TestDrive"
        try {
            Clear-DiffusionCache -Graphs -WhatIf
            "$graphs/0123" | Should -Exist
            Clear-DiffusionCache -Graphs -Confirm:$false
            "$graphs/0123" | Should -Not -Exist
        }
        finally {
            $env:STABLEDIFFUSION_CACHE = $before
        }
    }

    It 'has examples in its help' {
        (Get-Help Clear-DiffusionCache -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
