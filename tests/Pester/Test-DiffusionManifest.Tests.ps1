BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Test-DiffusionManifest' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
        $null = 'a house', 'a boat', 'a cat', 'a fish' | New-DiffusionImage -Seed 1 -Steps 1 -OutDirectory out
        Export-DiffusionManifest out
    }

    AfterEach {
        Pop-Location
    }

    It 'makes as many images again as are asked for, and chooses them by the seed' {
        $reports = Test-DiffusionManifest out -Count 2 -SetSeed 5
        $reports | Should -HaveCount 4
        $reports.IsValid | Should -Not -Contain $false
        $remade = $reports | Where-Object Remade -EQ Equal
        $remade | Should -HaveCount 2
        (Test-DiffusionManifest out -Count 2 -SetSeed 5 | Where-Object Remade -EQ Equal).Name | Should -Be $remade.Name
        Test-DiffusionManifest out -Count 0 | Where-Object Remade -NE NotTried | Should -BeNullOrEmpty
        (Test-DiffusionManifest out -Count 99 | Where-Object Remade -EQ Equal) | Should -HaveCount 4
    }

    It 'says what became of a file that is <State>' -ForEach @(
        @{ State = 'Missing'; IsValid = $false; Do = { Remove-Item out/a-cat-1.png } }
        @{ State = 'Changed'; IsValid = $false; Do = { Copy-Item out/a-boat-1.png out/a-cat-1.png -Force } }
        @{ State = 'Unreadable'; IsValid = $false; Do = { Set-Content out/a-cat-1.png 'no image' } }
        @{ State = 'EqualPixels'; IsValid = $true; Do = { Get-Item out/a-cat-1.png | Export-DiffusionImage out/a-cat-1.png -NoMetadata -Force } }
    ) {
        & $Do
        $report = Test-DiffusionManifest out/manifest.json -Count 0 | Where-Object Name -EQ a-cat-1.png
        $report.FileState | Should -Be $State
        $report.IsValid | Should -Be $IsValid
    }

    It 'takes manifests from the pipeline, and the folder of the images' {
        Move-Item out/manifest.json all.json
        (Get-Item all.json | Test-DiffusionManifest -Directory out -Count 1).IsValid | Should -Be $true, $true, $true, $true
        (Export-DiffusionManifest out -PassThru | Test-DiffusionManifest -Count 0).IsValid | Should -Be $true, $true, $true, $true
    }

    It 'says of an image that comes out differently why' {
        $text = Get-Content -Raw out/manifest.json
        $text -replace '"Seed":1', '"Seed":2' | Set-Content out/manifest.json
        $report = Test-DiffusionManifest out -Count 1 | Where-Object Remade -NE NotTried
        $report.Remade | Should -Be Different
        $report.Reason | Should -Not -BeNullOrEmpty
        $report.Comparison.Psnr | Should -BeGreaterThan 0
        $report.IsValid | Should -BeFalse
    }

    It 'takes images of a batch on the device as such, and says so of one that comes out differently' {
        $null = 'a house', 'a boat' | New-DiffusionImage -Seed 1 -Steps 1 -BatchOnDevice 2 -OutDirectory batch
        Export-DiffusionManifest batch
        $reports = Test-DiffusionManifest batch -Count 2
        $reports.Reproducibility | Should -Be Device, Device
        $reports.IsValid | Should -Be $true, $true
        $reports.Remade | Should -Not -Contain NotTried

        (Get-Content -Raw batch/manifest.json) -replace '"Seed":1', '"Seed":2' | Set-Content batch/manifest.json
        $report = Test-DiffusionManifest batch -Count 2 | Where-Object Name -EQ a-boat-1.png
        $report.Remade | Should -Be Different
        $report.Reason | Should -BeLike '*row 2 of a batch of 2 on the device*and now with*'
    }

    It 'refuses what is not a manifest' {
        Set-Content text.json 'no manifest'
        Test-DiffusionManifest text.json, out -Count 0 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -HaveCount 4
        $problems.FullyQualifiedErrorId | Should -Be 'ManifestInvalid,SdPowerShell.Commands.TestDiffusionManifestCommand'
        $problems[0].TargetObject | Should -BeLike '*text.json'
    }

    It 'ends for a <Name> that does not exist' -ForEach @(
        @{ Name = 'model'; Arguments = @{ Model = 'nosuch' }; Id = 'ModelNotFound' }
        @{ Name = 'device'; Arguments = @{ Device = 'nosuch' }; Id = 'DeviceInvalid' }
    ) {
        { Test-DiffusionManifest out @Arguments } | Should -Throw -ErrorId "$Id,*"
    }

    It 'does not make images again of which only the settings are known' {
        $text = Get-Content -Raw out/manifest.json
        $text -replace ',"Stages":\[.*\]\}', '}' | Set-Content out/manifest.json
        $reports = Test-DiffusionManifest out -Count 9
        $reports.Reproducibility | Should -Be (@('Statistical') * 4)
        $reports.Remade | Should -Be (@('NotTried') * 4)
        $reports.IsValid | Should -Not -Contain $false
    }

    It 'says what to give in place of an image' {
        Test-DiffusionManifest out/a-cat-1.png -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems[0].ToString() | Should -BeLike '*is an image. Give the manifest*'
        Test-DiffusionManifest . -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems[0].ToString() | Should -BeLike 'There is no manifest *Export-DiffusionManifest makes*'
    }

    It 'shows a table' {
        $shown = Test-DiffusionManifest out -Count 0 | Out-String
        $shown | Should -BeLike '*IsValid FileState*Reproducibility*a-boat-1.png*'
    }
}
