BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'ConvertFrom-Latent' {
    It 'makes a picture of each latent, finished or not' {
        $latents = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -Width 72 -EachStep
        $images = $latents | ConvertFrom-Latent
        $images.Width | Should -Be 72, 72
        $images.Prompt | Should -Be 'a', 'a'
        $again = ConvertFrom-Latent $latents[1]
        [System.Linq.Enumerable]::SequenceEqual($again.Pixels, $images[1].Pixels) | Should -BeTrue
        [System.Linq.Enumerable]::SequenceEqual($again.Pixels, $images[0].Pixels) | Should -BeFalse
    }

    It 'goes on after a latent that is not finite' {
        $latents = 'a', 'b' | Get-TextEmbedding | Invoke-Denoise -Seed 1 -Steps 1
        $latents[0].Tensor.Values[0] = [float]::NaN
        ($latents | ConvertFrom-Latent -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'b'
        $problems.FullyQualifiedErrorId | Should -Be 'NotFinite,SdPowerShell.Commands.ConvertFromLatentCommand'
        $problems.TargetObject | Should -Be $latents[0]
    }

    Context 'with latents of two models' {
        BeforeAll {
            $storeBefore = Enter-OtherStore $TestDrive other
            $embedding = Get-TextEmbedding 'a' -Model other
            $latent = Invoke-Denoise $embedding -Seed 1 -Steps 1
        }

        AfterAll {
            Exit-OtherStore $storeBefore
        }

        It 'takes the model of each, as an argument as from the pipeline' {
            $expected = ConvertFrom-Latent $latent -Model other
            $expected.Model | Should -Be 'other'
            Test-SameValue (ConvertFrom-Latent $latent) $expected | Should -BeTrue
            Test-SameValue ($latent | ConvertFrom-Latent) $expected | Should -BeTrue
            (ConvertFrom-Latent $latent, (Invoke-Denoise (Get-TextEmbedding 'a') -Seed 1 -Steps 1)).Model | Should -Be 'other', 'demo'
        }

        It 'takes the model that is given' {
            (ConvertFrom-Latent $latent -Model demo).Model | Should -Be 'demo'
            (Get-DiffusionModel demo | ConvertFrom-Latent $latent).Model | Should -Be 'demo'
        }
    }

    It 'names the latent at fault' {
        $bad = 'a', 'b' | Get-TextEmbedding | Invoke-Denoise -Seed 1 -Steps 1
        $bad[1].Tensor.Values[0] = [float]::NaN
        $null = $bad | ConvertFrom-Latent -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.Exception.Message | Should -BeLike "Latent 2 ('b'): The latent has*"
    }

    It 'refuses what is no latent' {
        'a' | ConvertFrom-Latent -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'InputObjectNotBound,SdPowerShell.Commands.ConvertFromLatentCommand'
    }

    It 'has examples in its help' {
        (Get-Help ConvertFrom-Latent -Examples).examples.example | Should -Not -BeNullOrEmpty
    }

    Context 'in tiles' {
        BeforeAll {
            $latent = Get-TextEmbedding 'a blue fish' | Invoke-Denoise -Seed 1 -Steps 2 -Width 160
        }

        It 'says so in the verbose stream and in the record' {
            $image = $latent | ConvertFrom-Latent -VaeTiling On -Verbose 4>&1 -OutVariable all | Where-Object { $_ -isnot [System.Management.Automation.VerboseRecord] }
            $all.Message -match 'works in 3 tiles of up to 64 pixels' | Should -HaveCount 1
            $image.VaeTiling, $image.VaeTileSize | Should -Be 'On', 64
            ($image | Format-List | Out-String) -match 'VaeTileSize +: 64' | Should -BeTrue
            Test-SameValue $image ($latent | ConvertFrom-Latent) | Should -BeFalse
        }

        It 'takes the image as a whole where it is small enough or tiles are off' {
            $images = @($latent | ConvertFrom-Latent; $latent | ConvertFrom-Latent -VaeTiling off; $latent | ConvertFrom-Latent -VaeTiling On -VaeTileSize 160)
            $images.Where({ $_.VaeTiling }) | Should -HaveCount 0
            Test-SameValue $images[0] $images[1] | Should -BeTrue
            Test-SameValue $images[0] $images[2] | Should -BeTrue
        }

        It 'is made again with the same tiles, from its record and by its script' {
            $file = "$TestDrive/tiles.png"
            $image = $latent | ConvertFrom-Latent -VaeTiling On -VaeTileSize 96 | Export-DiffusionImage $file -PassThru
            Test-SameValue (Get-DiffusionMetadata $file | New-DiffusionImage) $image | Should -BeTrue
            $script = Get-DiffusionMetadata $file | ConvertTo-DiffusionScript
            $script | Should -Match "New-DiffusionImage .* -VaeTiling 'On' -VaeTileSize 96"
            Test-SameValue (Invoke-Expression $script) $image | Should -BeTrue
        }

        It 'refuses <Name> <Value>' -ForEach @(
            @{ Name = 'VaeTiling'; Value = 'Maybe' }
            @{ Name = 'VaeTileSize'; Value = 16 }
        ) {
            $parameters = @{ $Name = $Value }
            $latent | ConvertFrom-Latent @parameters -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "${Name}Invalid,SdPowerShell.Commands.ConvertFromLatentCommand"
        }
    }
}
