BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetAttentionMapCommand'
}

Describe 'Get-AttentionMap' {
    BeforeAll {
        $embedding = Get-TextEmbedding 'a red circle and a blue square on white'
        $latent = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Attention
    }

    It 'keeps the attention without changing the latent' {
        Test-SameValue $latent ($embedding | Invoke-Denoise -Seed 1 -Steps 4) | Should -BeTrue
        ($latent.Attention.Step | Select-Object -Unique) | Should -Be 1, 2, 3, 4
        ($embedding | Invoke-Denoise -Seed 1 -Steps 4 -AttentionLayer mid_block.* -AttentionStep 2, 3).Attention.Step | Should -Be 2, 3
        ($embedding | Invoke-Denoise -Seed 1 -Steps 2 -Attention -EachStep | ForEach-Object { $_.Attention.Step | Select-Object -Unique }) | Should -Be 1, 2
    }

    It 'gives a map for each word, or one for each token' {
        $maps = $latent | Get-AttentionMap circle, SQUARE
        $maps.Token | Should -Be 'circle', 'SQUARE'
        $maps.Image.Width | Should -Be 64, 64
        $maps | ForEach-Object { $_.CenterX | Should -BeGreaterThan 0; $_.CenterX | Should -BeLessThan 1 }
        ($latent | Get-AttentionMap).Token | Should -Be 'a', 'red', 'circle', 'and', 'blue', 'square', 'on', 'white'
    }

    It 'divides by step, layer and head' {
        ($latent | Get-AttentionMap circle -By Step).Step | Should -Be 1, 2, 3, 4
        $layers = $latent | Get-AttentionMap circle -By Layer
        $layers.Layer | Should -Contain 'mid_block.attentions.0.transformer_blocks.0'
        $layers | Where-Object { $null -ne $_.Step } | Should -BeNullOrEmpty
        ($latent | Get-AttentionMap circle -By Head).Count | Should -BeGreaterThan $layers.Count
    }

    It 'says what is wrong, and goes on' {
        $plain = $embedding | Invoke-Denoise -Seed 1 -Steps 1
        ($plain, $latent | Get-AttentionMap red -ErrorAction SilentlyContinue -ErrorVariable problems).Token | Should -Be 'red'
        $problems.FullyQualifiedErrorId | Should -Be "LatentInvalid,$cmdlet"
        $latent | Get-AttentionMap boat -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "TokenInvalid,$cmdlet"
        $embedding | Invoke-Denoise -AttentionLayer none -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'AttentionLayerInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'
        $embedding | Invoke-Denoise -Attention -FeatureReuse 2 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'AttentionInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'
    }

    It 'shows a table of 80 columns' {
        $latent | Get-AttentionMap circle -By Layer | Out-String -Width 80 | Should -Match 'Token +Step Layer +Head +X +Y +Mean Maximum'
    }
}
