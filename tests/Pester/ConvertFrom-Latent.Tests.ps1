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
}
