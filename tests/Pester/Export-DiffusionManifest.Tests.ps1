BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Export-DiffusionManifest' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
        $null = 'a house', 'a boat' | New-DiffusionImage -Seed 1 -Steps 1 -OutDirectory out
    }

    AfterEach {
        Pop-Location
    }

    It 'writes manifest.json into the folder, the same for the same folder' {
        Export-DiffusionManifest out | Should -BeNullOrEmpty
        $first = Get-Content -Raw out/manifest.json
        ($first | ConvertFrom-Json).images.name | Should -Be 'a-boat-1.png', 'a-house-1.png'
        $first | Should -Not -BeLike "*$([regex]::Escape($folder))*"
        Export-DiffusionManifest out -Force
        Get-Content -Raw out/manifest.json | Should -Be $first
    }

    It 'says how far each image can be made again, and with which models' {
        Set-Content -LiteralPath out/text.txt 'no image'
        $null = New-DiffusionImage 'a private house' -Seed 1 -Steps 1 -OutFile out/private.png -NoMetadata
        $manifest = Export-DiffusionManifest out -PassThru
        $manifest.Images | Should -HaveCount 3
        ($manifest.Images | Where-Object Name -EQ private.png).Reproducibility | Should -Be None
        ($manifest.Images | Where-Object Name -EQ a-boat-1.png).Reproducibility | Should -Be Exact
        $manifest.Parts.Name | Should -Be demo
        (Get-Item out/a-house-1.png | Get-FileHash).Hash | Should -Be $manifest.Images[1].FileHash
    }

    It 'takes folders from the pipeline, subfolders and another file' {
        $null = New-DiffusionImage 'a cat' -Seed 1 -Steps 1 -OutFile out/deep/down/cat.png
        (Get-Item out | Export-DiffusionManifest -OutFile new/all.json -Recurse -PassThru).Images.Name | Should -Contain 'deep/down/cat.png'
        'new/all.json' | Should -Exist
        Get-Item out, out/deep/down | Export-DiffusionManifest
        'out/manifest.json', 'out/deep/down/manifest.json' | Should -Exist
    }

    It 'names files that cannot be read, and has the others' {
        Set-Content -LiteralPath out/broken.png 'no image'
        $manifest = Export-DiffusionManifest out -PassThru -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be 'ImageInvalid,SdPowerShell.Commands.ExportDiffusionManifestCommand'
        $problems[0].TargetObject | Should -BeLike '*broken.png'
        $manifest.Images | Should -HaveCount 2
    }

    It 'refuses <Name>' -ForEach @(
        @{ Name = 'an existing file'; Run = { Export-DiffusionManifest out; Export-DiffusionManifest out -ErrorAction SilentlyContinue -ErrorVariable script:problems }; Id = 'FileExists' }
        @{ Name = 'a file'; Run = { Export-DiffusionManifest out/a-boat-1.png -ErrorAction SilentlyContinue -ErrorVariable script:problems }; Id = 'ImageInvalid' }
        @{ Name = 'a folder without images'; Run = { Export-DiffusionManifest . -ErrorAction SilentlyContinue -ErrorVariable script:problems }; Id = 'ImageInvalid' }
        @{ Name = 'no folder'; Run = { Export-DiffusionManifest nowhere -ErrorAction SilentlyContinue -ErrorVariable script:problems }; Id = 'PathNotFound' }
    ) {
        & $Run
        $script:problems.FullyQualifiedErrorId | Should -BeLike "$Id,*"
    }

    It 'does not write the manifests of two folders to one file' {
        $null = New-DiffusionImage 'a cat' -Seed 1 -Steps 1 -OutFile other/cat.png
        Export-DiffusionManifest out, other all.json -Force -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -BeLike 'OutFileInvalid,*'
        (Get-Content -Raw all.json | ConvertFrom-Json).images | Should -HaveCount 2
    }

    It 'takes only the folders that a wildcard stands for' {
        $null = New-DiffusionImage 'a cat' -Seed 1 -Steps 1 -OutFile cat.png
        Export-DiffusionManifest *
        (Get-ChildItem -Recurse manifest.json).Directory.Name | Should -Be out
    }

    It 'writes nothing with -WhatIf' {
        Export-DiffusionManifest out -WhatIf
        'out/manifest.json' | Should -Not -Exist
    }
}
