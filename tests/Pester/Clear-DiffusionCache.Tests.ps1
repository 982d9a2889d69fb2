BeforeAll {
    . "$PSScriptRoot/common.ps1"

    # What the files before this one have left open.
    Clear-DiffusionCache
}

Describe 'Clear-DiffusionCache' {
    It 'closes the models, and the next picture opens its own' {
        $first = New-DiffusionImage 'a' -Seed 1 -Steps 1
        (Clear-DiffusionCache -Verbose 4>&1).Message | Should -Contain 'Open models closed: 1.'
        (Clear-DiffusionCache -Verbose 4>&1).Message | Should -Contain 'Open models closed: 0.'
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

    It 'says so where there is nothing to delete' {
        $before = $env:STABLEDIFFUSION_CACHE
        try {
            foreach ($env:STABLEDIFFUSION_CACHE in "$TestDrive/nothing", (New-Item -ItemType Directory "$TestDrive/empty").FullName) {
                $said = (Clear-DiffusionCache -Graphs -Downloads -Verbose 4>&1).Message
                $said | Should -Contain 'Graphs deleted: 0 B.'
                $said | Should -Contain 'Unfinished downloads deleted: 0, 0 B.'
            }

            (Clear-DiffusionCache -Verbose 4>&1).Message -like '*deleted*' | Should -BeNullOrEmpty
            "$TestDrive/nothing" | Should -Not -Exist
        }
        finally {
            $env:STABLEDIFFUSION_CACHE = $before
        }
    }

    It 'deletes unfinished downloads on demand, but not one in progress' {
        $downloads = (New-Item -ItemType Directory "$TestDrive/downloads").FullName
        foreach ($name in 'left', 'running') {
            $null = New-Item -ItemType Directory "$downloads/$name/parts"
            [System.IO.File]::WriteAllBytes("$downloads/$name/parts/a.part", [byte[]]::new(1500))
        }

        $lock = [System.IO.File]::Open("$downloads/running.lock", 'OpenOrCreate', 'ReadWrite', 'None')
        $before = $env:STABLEDIFFUSION_CACHE
        $env:STABLEDIFFUSION_CACHE = "$TestDrive"
        try {
            Clear-DiffusionCache -Downloads -WhatIf
            "$downloads/left/parts/a.part" | Should -Exist
            $records = Clear-DiffusionCache -Downloads -Verbose 3>&1 4>&1
            $records.Message | Should -Contain ('Unfinished downloads deleted: 1, {0} kB.' -f 1.5.ToString('0.00'))
            $records.Message | Should -Contain "The download in '$(Join-Path $downloads running)' is in progress and was not deleted. Wait until it is finished or stop it, and run the command again."
            "$downloads/left" | Should -Not -Exist
            "$downloads/running/parts/a.part" | Should -Exist
        }
        finally {
            $lock.Dispose()
            $env:STABLEDIFFUSION_CACHE = $before
        }
    }

    It 'has examples in its help' {
        (Get-Help Clear-DiffusionCache -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
