BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetDiffusionMetadataCommand'
}

Describe 'Get-DiffusionMetadata' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
        $image = New-DiffusionImage 'a red house' -NegativePrompt 'a car' -Seed 3 -Steps 2 -GuidanceScale 3.5 -Scheduler 'Euler a' -OutFile house.png
    }

    AfterEach {
        Pop-Location
    }

    It 'gives the settings under the names of the parameters of New-DiffusionImage' {
        $metadata = Get-DiffusionMetadata house.png
        $metadata.Prompt, $metadata.NegativePrompt, $metadata.Scheduler | Should -Be 'a red house', 'a car', 'Euler a'
        $metadata.Seed, $metadata.Steps, $metadata.GuidanceScale, $metadata.Width, $metadata.Height | Should -Be 3, 2, 3.5, 64, 64
        $metadata.Path | Should -Be (Get-Item house.png).FullName
    }

    It 'makes the same file again from a .<_> file' -ForEach 'png', 'jpg', 'webp' {
        $image | Export-DiffusionImage "first.$_"
        Get-DiffusionMetadata "first.$_" | New-DiffusionImage -OutFile "again.$_"
        (Get-FileHash "again.$_").Hash | Should -Be (Get-FileHash "first.$_").Hash
    }

    It 'leaves the parameters that are given their place' {
        (Get-DiffusionMetadata house.png | New-DiffusionImage -Seed 4).Seed | Should -Be 4
    }

    It 'reads the files of a wildcard, of the pipeline, and those whose names have brackets' {
        Copy-Item house.png '[1].png'
        (Get-DiffusionMetadata *.png).Seed | Should -Be 3, 3
        (Get-ChildItem *.png | Get-DiffusionMetadata).Seed | Should -Be 3, 3
        (Get-DiffusionMetadata -LiteralPath '[1].png').Seed | Should -Be 3
    }

    It 'reads the infotext of other tools and warns of what has no counterpart' {
        $image | Export-DiffusionImage plain.png -NoMetadata
        (Get-DiffusionMetadata plain.png -WarningAction SilentlyContinue -WarningVariable told).Source | Should -Be Unknown
        $told.Message | Should -Be 'plain.png: The file contains no generation settings.'

        # A tEXt chunk before the first IDAT, with a CRC that readers of texts do not need.
        $bytes = [System.IO.File]::ReadAllBytes("$folder/plain.png")
        $text = [System.Text.Encoding]::Latin1.GetBytes("parameters`0a boat`nNegative prompt: a tree`nSteps: 5, Sampler: Euler a, CFG scale: 6, Seed: 8, Size: 64x64, Model: elsewhere")
        $length = [System.BitConverter]::GetBytes([int]$text.Length)
        [array]::Reverse($length)
        $chunk = [byte[]]($length + [System.Text.Encoding]::ASCII.GetBytes('tEXt') + $text + (0, 0, 0, 0))
        [System.IO.File]::WriteAllBytes("$folder/other.png", [byte[]]($bytes[0..32] + $chunk + $bytes[33..($bytes.Length - 1)]))

        $metadata = Get-DiffusionMetadata other.png -WarningAction SilentlyContinue -WarningVariable told
        $metadata.Prompt, $metadata.NegativePrompt, $metadata.Seed, $metadata.Steps | Should -Be 'a boat', 'a tree', 8, 5
        $metadata.Model | Should -BeNullOrEmpty
        @($told -like "other.png: The model 'elsewhere'*").Count | Should -Be 1
    }

    It 'writes an error for a file that is no image, and reads the next one' {
        Set-Content note.png 'no image'
        (Get-DiffusionMetadata note.png, house.png, gone.png -ErrorAction SilentlyContinue -ErrorVariable problems).Seed | Should -Be 3
        $problems.FullyQualifiedErrorId | Should -Be "ImageInvalid,$cmdlet", "PathNotFound,$cmdlet"
    }
}
