BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ExportDiffusionImageCommand'
    $image = New-DiffusionImage 'a red house' -Seed 5 -Steps 1
}

Describe 'Export-DiffusionImage' {
    It 'records and says that a script changed the pixels' -ForEach @(@{ Format = 'png' }, @{ Format = 'jpg' }) {
        Push-Location -LiteralPath $TestDrive
        $image = New-DiffusionImage 'a red house' -Seed 3 -Steps 1
        $image | Export-DiffusionImage "plain.$Format" -Force -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty

        # The pixels of a file need not be those that the stages made.
        Export-DiffusionImage "read.png" -InputObject "plain.$Format" -Force -PassThru -WarningVariable warnings | ForEach-Object {
            $warnings | Should -BeNullOrEmpty
            $_.Stages.ToString() | Should -BeLike '*, Decode'
            $_.Pixels[0] = 255 - $_.Pixels[0]
            $_ | Export-DiffusionImage "edited.png" -Force -WarningVariable warnings -WarningAction SilentlyContinue
            "$warnings" | Should -BeLike 'edited.png: *script changed the values*'
        }

        (Get-DiffusionMetadata read.png -WarningVariable warnings).Stages[-1].Operation | Should -Be Decode
        $warnings | Should -BeNullOrEmpty
        (Get-DiffusionMetadata edited.png -WarningVariable warnings -WarningAction SilentlyContinue).Stages[-1].Operation | Should -Be Edit
        "$warnings" | Should -BeLike '*edited.png*script changed the values*'
        Pop-Location
    }

    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'writes to a file or a folder, in the format of the name' {
        $image | Export-DiffusionImage x.png | Should -BeNullOrEmpty
        $image | Export-DiffusionImage x -Format jpg
        $image, $image | Export-DiffusionImage -OutDirectory new
        (Get-ChildItem -Recurse -File).Name | Sort-Object | Should -Be 'a-red-house-5-2.png', 'a-red-house-5.png', 'x.jpg', 'x.png'
        ($image | Export-DiffusionImage y.webp -PassThru).Path | Should -Be (Join-Path $folder y.webp)
    }

    It 'takes the PSPath of a file: <Command>' -ForEach @(
        @{ Command = 'Export-DiffusionImage'; Use = { ($image | Export-DiffusionImage $path -Force -PassThru).Path } }
        @{ Command = 'New-DiffusionImage'; Use = { ([pscustomobject]@{ Prompt = 'a'; Steps = 1; OutFile = $path } | New-DiffusionImage -Force).Path } }
    ) {
        $file = New-Item -ItemType File -Path 'a file.png'
        $path = $file.PSPath
        & $Use | Should -Be $file.FullName
    }

    It 'leaves out the metadata of a picture that has NoMetadata' {
        $private = New-DiffusionImage 'a red house' -Steps 1 | Add-Member NoMetadata 'true' -PassThru
        $private | Export-DiffusionImage x.png
        (Get-DiffusionMetadata x.png -WarningAction SilentlyContinue).Prompt | Should -BeNullOrEmpty
    }

    It 'replaces a file with -Force alone' {
        'mine' | Set-Content x.png
        $image | Export-DiffusionImage x.png -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "FileExists,$cmdlet"
        Get-Content x.png | Should -Be 'mine'
        $image | Export-DiffusionImage x.png -Force
        (Get-Item x.png).Length | Should -BeGreaterThan 100
    }

    It 'leaves nothing of <Path>' -ForEach @(
        @{ Path = 'file/x.png'; Id = 'FileWriteFailed' }
        @{ Path = 'x.docx'; Id = 'PathInvalid' }
        @{ Path = 'Env:/x.png'; Id = 'PathNotFileSystem' }
    ) {
        'mine' | Set-Content file
        $image | Export-DiffusionImage $Path -ErrorAction SilentlyContinue -ErrorVariable problems
        $image | Export-DiffusionImage $Path -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +problems
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet", "$Id,$cmdlet"
        (Get-ChildItem).Name | Should -Be file
    }

    It 'makes the folder of the file' {
        $image, $image | Join-DiffusionImage | Export-DiffusionImage b/c/sheet.png
        (Get-ChildItem -Recurse -File).Name | Should -Be sheet.png
    }

    It 'gives each image a name of its own where several runspaces write to one folder' {
        1..4 | ForEach-Object -ThrottleLimit 4 -Parallel {
            Import-Module "$using:ModuleFolder/StableDiffusion.psd1"
            $image = $using:image
            $image, $image, $image | Export-DiffusionImage -OutDirectory $using:folder/all
        }
        Get-ChildItem all -Force | Should -HaveCount 12
    }

    It 'writes nothing with -WhatIf' {
        $image | Export-DiffusionImage -OutDirectory new -WhatIf
        Get-ChildItem | Should -BeNullOrEmpty
    }

    It 'has examples in its help' {
        (Get-Help Export-DiffusionImage -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
