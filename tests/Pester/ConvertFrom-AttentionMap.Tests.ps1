BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ConvertFromAttentionMapCommand'
    $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 2 -Attention
    $image = $latent | ConvertFrom-Latent
    $maps = $latent | Get-AttentionMap
}

Describe 'ConvertFrom-AttentionMap' {
    It 'draws maps alone, or over an image or a file' {
        $alone = $maps | ConvertFrom-AttentionMap
        $alone.Count | Should -Be 3
        $alone.Width | Should -Be 64, 64, 64
        $alone | Should -BeOfType StableDiffusion.Images.DiffusionImage
        $image | Export-DiffusionImage "$TestDrive/house.png"
        $over = ConvertFrom-AttentionMap $maps[0] -Image "$TestDrive/house.png"
        Test-SameValue $over (ConvertFrom-AttentionMap $maps[0] $image -Opacity 0.6) | Should -BeTrue
        Test-SameValue $over $alone[0] | Should -BeFalse
        Test-SameValue (ConvertFrom-AttentionMap $maps[0] $image -Opacity 0) $image | Should -BeTrue
        Test-SameValue (ConvertFrom-AttentionMap $maps[0] $image -Opacity 1) $alone[0] | Should -BeTrue
        $maps | ConvertFrom-AttentionMap -Image $image | Join-DiffusionImage -Columns 3 | Should -BeOfType StableDiffusion.Images.DiffusionImage
    }

    It 'says what is wrong' {
        foreach ($case in @{ Id = 'OpacityInvalid'; Opacity = 2 }, @{ Id = 'OpacityInvalid'; Opacity = 'full' }, @{ Id = 'PathNotFound'; Image = "$TestDrive/none.png" }) {
            $id = $case.Id
            $case.Remove('Id')
            ConvertFrom-AttentionMap $maps[0] @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }
}
