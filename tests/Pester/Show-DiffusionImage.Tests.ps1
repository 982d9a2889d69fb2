BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ShowDiffusionImageCommand'
}

Describe 'Show-DiffusionImage' {
    BeforeEach {
        Push-Location -LiteralPath (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
    }

    AfterEach {
        Pop-Location
    }

    It 'writes nothing to the pipeline, and the objects with -PassThru' {
        $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 1
        $image | Show-DiffusionImage -Protocol None | Should -BeNullOrEmpty
        $image | Show-DiffusionImage -Protocol None -PassThru | Should -Be $image
    }

    It 'shows nothing in a new session whose output is read by another program' {
        $null = New-DiffusionImage 'a' -Seed 1 -Steps 1 -OutFile a.png
        $lines = Invoke-NewSession "Show-DiffusionImage a.png -Verbose 4>&1; 'end'"
        $lines | Should -HaveCount 2
        $lines[0] | Should -BeLike '*does not go to a terminal*'
        Invoke-NewSession 'Show-DiffusionImage a.png -Protocol HalfBlock -Width 10' | Should -HaveCount 5
    }

    It 'gives the text of <Protocol>' -ForEach @(
        @{ Protocol = 'Sixel'; Start = "`eP0;1;0q" }
        @{ Protocol = 'Kitty'; Start = "`e_Ga=T," }
        @{ Protocol = 'ITerm2'; Start = "`e]1337;File=" }
        @{ Protocol = 'HalfBlock'; Start = "`e[38;2;" }
        @{ Protocol = 'Ascii'; Start = '' }
    ) {
        $text = New-DiffusionImage 'a red house' -Seed 1 -Steps 1 | Show-DiffusionImage -Protocol $Protocol -AsString
        $text | Should -BeOfType string
        $text.StartsWith($Start) | Should -BeTrue
        $text.Contains([char]27) | Should -Be ($Protocol -ne 'Ascii')
    }

    It 'takes the protocol of the environment' {
        $env:STABLEDIFFUSION_TERMINAL = 'Sixel'
        try {
            (New-DiffusionImage 'a' -Seed 1 -Steps 1 | Show-DiffusionImage -AsString)[1] | Should -Be 'P'
            $env:STABLEDIFFUSION_TERMINAL = 'Crayon'
            { Show-DiffusionImage a.png -AsString -ErrorAction Stop } | Should -Throw -ErrorId "STABLEDIFFUSION_TERMINALInvalid,$cmdlet"
        }
        finally {
            $env:STABLEDIFFUSION_TERMINAL = $null
        }
    }

    It 'shows copies from a job' {
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize((New-DiffusionImage 'a' -Seed 1 -Steps 1)))
        $copy | Show-DiffusionImage -Protocol Sixel -AsString | Should -Not -BeNullOrEmpty
    }

    It 'draws in a terminal' -Skip:(-not $IsLinux -or -not (Get-Command script -CommandType Application -ErrorAction Ignore)) {
        $null = New-DiffusionImage 'a' -Seed 1 -Steps 1 -OutFile a.png

        # Without colors there are shades of ASCII; an explicit protocol keeps its colors.
        $plain = "'plain'; `$env:STABLEDIFFUSION_TERMINAL = `$null; `$PSStyle.OutputRendering = 'PlainText'; Show-DiffusionImage a.png -Width 12; 'asked'; Show-DiffusionImage a.png -Width 12 -Protocol HalfBlock; `$env:TERM = 'dumb'; New-DiffusionImage a -Steps 2 -Preview -Verbose 4>&1 | Where-Object { `$_ -match 'No previews' }" -replace '\$', '\$'

        # For a progress bar, .NET asks the terminal where its cursor is, and waits for an answer that this one does not give.
        $start = "$([Environment]::ProcessPath) $PSHOME/pwsh.dll -NoProfile -NonInteractive -Command `"\`$ProgressPreference = 'SilentlyContinue'; Import-Module '$ModuleFolder/StableDiffusion.psd1'; Show-DiffusionImage a.png -Width 12; New-DiffusionImage a -Steps 2 -Preview | Out-Null; $plain`""
        $before = $env:NO_COLOR, $env:TERM
        $env:STABLEDIFFUSION_TERMINAL, $env:NO_COLOR, $env:TERM = 'HalfBlock', $null, 'xterm-256color'
        try { $lines = script -qec $start /dev/null }
        finally { $env:STABLEDIFFUSION_TERMINAL, $env:NO_COLOR, $env:TERM = $null, $before[0], $before[1] }
        $drawn, $shades, $asked = ($lines -join "`n") -split "(?m)^.*(?:plain|asked)\s*$"
        ($drawn -split "`n" -match "^\P{C}*(\e\[[0-9;]*m|\u2580)+").Count | Should -BeGreaterThan 6
        $drawn | Should -Match "\e8\e\[38;2;"
        $shades.Trim() -split "\r?\n" | Should -Match '^[ .:=+*#%@-]{12}$'
        $asked | Should -Match "\e\[38;2;"
        $asked | Should -Match 'No previews are shown. The terminal has no place'
    }
}
