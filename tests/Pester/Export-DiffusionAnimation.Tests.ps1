BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ExportDiffusionAnimationCommand'
    $frames = New-DiffusionImage 'a red house' -Seed 1 -Count 3 -Steps 1
}

Describe 'Export-DiffusionAnimation' {
    It 'refuses a list that holds itself' {
        $list = [System.Collections.ArrayList]::new()
        $null = $list.Add($list)
        { Export-DiffusionAnimation self.png -InputObject $list -ErrorAction Stop } | Should -Throw '*too many levels*'
        { , $list | Export-DiffusionImage self.png -ErrorAction Stop } | Should -Throw
        'self.png' | Should -Not -Exist
    }

    BeforeEach {
        Push-Location -LiteralPath (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
    }

    AfterEach {
        Pop-Location
    }

    It 'writes <File>' -ForEach @(@{ File = 'film.gif' }, @{ File = 'new/film.png' }, @{ File = 'film.apng' }) {
        $written = $frames | Export-DiffusionAnimation $File -PassThru
        $written | Should -BeOfType System.IO.FileInfo
        $written.Length | Should -BeGreaterThan 1000
        Get-ChildItem -Force -Recurse -File | Should -HaveCount 1
    }

    It 'makes its frames again by a script' {
        $frames | Export-DiffusionAnimation film.png -Delay 50 -Loop 2
        $script = Get-DiffusionMetadata film.png | ConvertTo-DiffusionScript
        $script | Should -BeLike '*# Writes the animation to ''film.png'' in the current folder*Export-DiffusionAnimation -Path ''film.png'' -Delay 50 -Loop 2*'
        { & ([scriptblock]::Create($script)) } | Should -Throw -ErrorId 'FileExists,*'
        Push-Location (New-Item -ItemType Directory again)
        & ([scriptblock]::Create($script))
        Pop-Location
        (Get-FileHash again/film.png).Hash | Should -Be (Get-FileHash film.png).Hash
        { Get-DiffusionMetadata film.png | New-DiffusionImage -ErrorAction Stop } | Should -Throw '*animation*'
    }

    It 'names the file of a film in its script, whatever its name is' {
        $frames | Export-DiffusionAnimation "it's `$(1).gif"
        $script = ConvertTo-DiffusionScript "it's `$(1).gif"
        $script | Should -BeLike "*Export-DiffusionAnimation -Path 'it''s `$(1).gif'*"
        $frames | Export-DiffusionAnimation film.png
        Rename-Item film.png film.dat
        ConvertTo-DiffusionScript film.dat | Should -BeLike "*Writes the animation to 'animation.png'*-Path 'animation.png'*"
    }

    It 'takes files, and leaves out what does not fit with an error' {
        $frames | Export-DiffusionImage -OutDirectory .
        New-DiffusionImage 'wide' -Width 72 -Seed 1 -Steps 1 -OutFile wide.png | Out-Null
        'x' | Set-Content text.png
        Get-ChildItem *.png | Export-DiffusionAnimation film.gif -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet", "ImageInvalid,$cmdlet"
        "$($problems[1])" | Should -BeLike '*wide.png*'
        'film.gif' | Should -Exist
    }

    It 'replaces a file with -Force alone, and writes nothing with -WhatIf or without images' {
        'mine' | Set-Content film.gif
        { $frames | Export-DiffusionAnimation film.gif -ErrorAction Stop } | Should -Throw -ErrorId "FileExists,$cmdlet"
        $frames | Export-DiffusionAnimation film.gif -Force -WhatIf
        Get-Content film.gif | Should -Be 'mine'
        $frames | Export-DiffusionAnimation film.gif -Force
        (Get-Item film.gif).Length | Should -BeGreaterThan 1000
        @() | Export-DiffusionAnimation none.gif
        'none.gif' | Should -Not -Exist
    }

    It 'refuses <Arguments>' -ForEach @(
        @{ Arguments = @{ Path = 'film.jpg' }; Id = 'PathInvalid' }
        @{ Arguments = @{ Path = 'film.gif'; Delay = 5 }; Id = 'DelayInvalid' }
        @{ Arguments = @{ Path = 'film.gif'; Loop = -1 }; Id = 'LoopInvalid' }
    ) {
        { $frames | Export-DiffusionAnimation @Arguments -ErrorAction Stop } | Should -Throw -ErrorId "$Id,$cmdlet"
    }
}
