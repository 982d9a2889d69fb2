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

    It 'refuses what is no latent' {
        'a' | ConvertFrom-Latent -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'InputObjectNotBound,SdPowerShell.Commands.ConvertFromLatentCommand'
    }

    It 'has examples in its help' {
        (Get-Help ConvertFrom-Latent -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
