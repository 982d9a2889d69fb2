BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Images whose edges meet' {
    BeforeAll {
        $file = "$TestDrive/both.png"
        $image = New-DiffusionImage 'a green field' -Seed 1 -Steps 3 -Tiling both -OutFile $file
    }

    It 'are recorded, in the list, in the text and in the file' {
        $image.Tiling | Should -Be 'Both'
        $image | Format-List | Out-String | Should -Match 'Tiling +: Both'
        (Get-DiffusionMetadata $file).Settings['Tiling'] | Should -Be 'True'
        (Get-DiffusionMetadata $file).Tiling | Should -Be 'Both'
        (New-DiffusionImage 'a green field' -Seed 1 -Steps 3).Tiling | Should -BeNullOrEmpty
        (New-DiffusionImage 'a green field' -Seed 1 -Steps 3 -Tiling None).Tiling | Should -BeNullOrEmpty
    }

    It 'are those of the stages by hand, which decode as they denoised' {
        $latent = Get-TextEmbedding 'a green field' | Invoke-Denoise -Seed 1 -Steps 3 -Tiling Both
        Test-SameValue ($latent | ConvertFrom-Latent) $image | Should -BeTrue
        Test-SameValue ($latent | ConvertFrom-Latent -Tiling Both) $image | Should -BeTrue
        Test-SameValue ($latent | ConvertFrom-Latent -Tiling None) $image | Should -BeFalse
    }

    It 'are made again from the file and by the script' {
        Test-SameValue (Get-DiffusionMetadata $file | New-DiffusionImage) $image | Should -BeTrue
        $script = Get-DiffusionMetadata $file | ConvertTo-DiffusionScript
        $script | Should -Match "New-DiffusionImage .* -Tiling 'Both'"
        Test-SameValue (Invoke-Expression $script) $image | Should -BeTrue
        (Compare-DiffusionImage $image (New-DiffusionImage 'a green field' -Seed 1 -Steps 3)).SettingDifferences.Name | Should -Be 'Tiling'
    }

    It 'are made again if only one of the stages joined the edges' {
        foreach ($case in @{ Denoise = 'X'; Decode = 'None' }, @{ Denoise = 'None'; Decode = 'Y' }, @{ Denoise = 'Both'; Decode = 'X' }) {
            $mixed = Get-TextEmbedding 'a green field' | Invoke-Denoise -Seed 1 -Steps 2 -Tiling $case.Denoise |
                ConvertFrom-Latent -Tiling $case.Decode | Export-DiffusionImage "$TestDrive/$($case.Denoise).png" -PassThru
            Test-SameValue (Get-DiffusionMetadata "$TestDrive/$($case.Denoise).png" | New-DiffusionImage) $mixed | Should -BeTrue
            Test-SameValue (Get-DiffusionMetadata "$TestDrive/$($case.Denoise).png" | ConvertTo-DiffusionScript | Invoke-Expression) $mixed | Should -BeTrue
        }
    }

    It 'start from an image and take their tiling from a row' {
        $row = [pscustomobject]@{ Prompt = 'a blue sea'; Seed = 2; Steps = 3; InitImage = $file; Strength = 0.7; Tiling = 'Y'; OutFile = "$TestDrive/start.png" }
        $started = $row | New-DiffusionImage
        $started.Stages.Where({ $_.Operation -in 'EncodeImage', 'Denoise', 'Decode' }).ForEach({ $_.Settings['Tiling'] }) | Select-Object -Last 3 | Should -Be 'Y', 'Y', 'Y'
        Test-SameValue (Get-DiffusionMetadata "$TestDrive/start.png" | New-DiffusionImage -InitImage $file) $started | Should -BeTrue
    }

    It 'are made in batches, each with its own edges' {
        $rows = 'Both', 'None', 'Both' | ForEach-Object { [pscustomobject]@{ Prompt = 'a green field'; Seed = 1; Steps = 2; Tiling = $_ } }
        $images = @($rows | New-DiffusionImage -BatchOnDevice 3)
        $alone = @($rows | New-DiffusionImage)
        $images.Tiling | Should -Be 'Both', $null, 'Both'
        foreach ($i in 0..2) {
            (Compare-DiffusionImage $alone[$i] $images[$i]).Psnr | Should -BeGreaterThan 45
        }
    }

    It 'refuses another word for <_> and goes on with the next row' -ForEach 'New-DiffusionImage', 'Invoke-Denoise' {
        $rows = 'Sideways', 'X' | ForEach-Object { [pscustomobject]@{ Prompt = 'a'; Seed = 1; Steps = 1; Tiling = $_ } }
        $made = @(if ($_ -eq 'Invoke-Denoise') {
            $rows | ForEach-Object { Invoke-Denoise (Get-TextEmbedding 'a') -Seed 1 -Steps 1 -Tiling $_.Tiling -ErrorAction SilentlyContinue -ErrorVariable +problems }
        }
        else {
            $rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems
        })
        $made | Should -HaveCount 1
        $made[0].Tiling | Should -Be 'X'
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'TilingInvalid,*'
        "$($problems[0])" | Should -Match 'None, X, Y or Both'
    }

    It 'offers the words' {
        (TabExpansion2 'New-DiffusionImage x -Tiling ' 29).CompletionMatches.CompletionText | Should -Be 'None', 'X', 'Y', 'Both'
    }
}
