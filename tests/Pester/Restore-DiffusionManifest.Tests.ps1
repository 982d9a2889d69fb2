BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Restore-DiffusionManifest' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'makes ten deleted images of a hundred again, with equal bytes' {
        $null = 1..100 | ForEach-Object { "a house number $_" } | New-DiffusionImage -Steps 1 -OutDirectory out
        Export-DiffusionManifest out
        $before = Get-ChildItem out/*.png | Get-FileHash
        Get-ChildItem out/*.png | Get-Random -Count 10 | Remove-Item
        Restore-DiffusionManifest out | Should -BeNullOrEmpty
        $after = Get-ChildItem out/*.png | Get-FileHash
        $after.Hash | Should -Be $before.Hash
        $after.Path | Should -Be $before.Path
    }

    It 'makes images of every kind again: <Name>' -ForEach @(
        @{ Name = 'JPEG of another quality'; Make = { New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile out/a.jpg -Quality 71 } }
        @{ Name = 'WebP'; Make = { New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile out/a.webp } }
        @{ Name = 'several stages'; Make = { Get-TextEmbedding 'a house' | Invoke-Denoise -Seed 1 -Steps 3 -StopStep 1 | Invoke-Denoise (Get-TextEmbedding 'a boat') | ConvertFrom-Latent | Export-DiffusionImage out/a.png } }
        @{ Name = 'from another image of the folder'; Make = { $null = New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile out/z.png; New-DiffusionImage 'a boat' -InitImage out/z.png -MaskImage out/z.png -Seed 2 -Steps 3 -OutFile out/a.png } }
        @{ Name = 'a sheet'; Make = { New-DiffusionImage 'a house' -Seed 1 -Steps 1 -Count 4 | Join-DiffusionImage | Export-DiffusionImage out/a.png } }
    ) {
        $null = New-Item -ItemType Directory out
        $null = & $Make
        Export-DiffusionManifest out
        $before = Get-ChildItem out | Get-FileHash
        Remove-Item out/* -Exclude manifest.json
        Restore-DiffusionManifest out -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        (Get-ChildItem out | Get-FileHash).Hash | Should -Be $before.Hash
    }

    It 'takes images that are not in the folder' {
        $null = New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile start.png
        $null = New-DiffusionImage 'a boat' -InitImage start.png -Seed 2 -Steps 3 -OutFile out/a.png
        Export-DiffusionManifest out
        $hash = (Get-FileHash out/a.png).Hash
        Remove-Item out/a.png
        Restore-DiffusionManifest out -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be 'RecordNotRepeatable,SdPowerShell.Commands.RestoreDiffusionManifestCommand'
        $problems[0].ToString() | Should -BeLike "a.png*'start.png'*Give them with -InitImage."
        Restore-DiffusionManifest out -InitImage start.png
        (Get-FileHash out/a.png).Hash | Should -Be $hash
    }

    It 'makes the images of a manifest in another folder, and returns them with -PassThru' {
        $null = 'a house', 'a boat' | New-DiffusionImage -Seed 1 -Steps 1 -OutDirectory out
        Export-DiffusionManifest out
        $images = Restore-DiffusionManifest out/manifest.json new/copy -PassThru
        $images.Path | Should -Be (Get-ChildItem new/copy).FullName
        $images | Should -BeOfType StableDiffusion.Images.DiffusionImage
        (Get-ChildItem new/copy | Get-FileHash).Hash | Should -Be (Get-ChildItem out/*.png | Get-FileHash).Hash
        Restore-DiffusionManifest out/manifest.json new/copy -PassThru | Should -BeNullOrEmpty
    }

    It 'keeps changed files unless -Force is given' {
        $null = New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile out/a.png
        Export-DiffusionManifest out
        $before = (Get-FileHash out/a.png).Hash
        Set-Content out/a.png 'no image'
        Restore-DiffusionManifest out -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings | Should -BeLike '*a.png*-Force*'
        Get-Content out/a.png | Should -Be 'no image'
        Restore-DiffusionManifest out -Force
        (Get-FileHash out/a.png).Hash | Should -Be $before
    }

    It 'writes an image with other pixels only with -AllowDifference, and goes on' {
        $null = 'a house', 'a boat' | New-DiffusionImage -Seed 1 -Steps 1 -OutDirectory out
        Export-DiffusionManifest out
        $lines = Get-Content out/manifest.json | ForEach-Object { if ($_ -like '*"a boat"*') { $_ -replace '"Seed":1', '"Seed":2' } else { $_ } }
        Set-Content out/manifest.json $lines
        Remove-Item out/*.png
        Restore-DiffusionManifest out -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be 'ImageDiffers,SdPowerShell.Commands.RestoreDiffusionManifestCommand'
        $problems[0].TargetObject.Name | Should -Be a-boat-1.png
        (Get-ChildItem out/*.png).Name | Should -Be a-house-1.png
        Restore-DiffusionManifest out -AllowDifference -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings | Should -BeLike 'a-boat-1.png*other pixels*'
        (Get-ChildItem out/*.png).Name | Should -Be a-boat-1.png, a-house-1.png
    }

    It 'names models that are missing, with where they came from, before it begins' {
        $null = New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile out/a.png
        Export-DiffusionManifest out
        (Get-Content -Raw out/manifest.json) -replace '"demo"', '"lost"' -replace '"source": "StableDiffusion.PowerShell[^"]*"', '"source": "owner/lost", "revision": "abc"' | Set-Content out/manifest.json
        Remove-Item out/a.png
        Restore-DiffusionManifest out -ErrorAction SilentlyContinue -ErrorVariable problems -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings | Should -BeLike "*'lost' is missing*owner/lost*abc*"
        $problems.FullyQualifiedErrorId | Should -BeLike 'ModelNotFound,*'
        'out/a.png' | Should -Not -Exist
    }

    It 'does nothing with -WhatIf' {
        $null = New-DiffusionImage 'a house' -Seed 1 -Steps 1 -OutFile out/a.png
        Export-DiffusionManifest out
        Restore-DiffusionManifest out/manifest.json copy -WhatIf
        'copy' | Should -Not -Exist
    }
}
