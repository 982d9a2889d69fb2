BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetAttentionMapCommand'
    $prompt = Get-TextEmbedding 'a red star and a blue heart on white'
    $plain = Invoke-Denoise $prompt -Seed 10 -Steps 4
    $latent = Invoke-Denoise $prompt -Seed 10 -Steps 4 -AttentionStep '2; 4' -AttentionHead
}

Describe 'Get-AttentionMap' {
    It 'makes a map of each word, or of those that are asked for' {
        Test-SameValue $plain $latent | Should -BeTrue
        $plain.Attention | Should -BeNullOrEmpty
        $maps = $latent | Get-AttentionMap
        $maps.Token -join ' ' | Should -Be 'a red star and a blue heart on white'
        $maps.Positions | Should -Be (1..9)
        $map = Get-AttentionMap $latent 'blue heart'
        $map.Positions | Should -Be 6, 7
        $map.Steps | Should -Be 2, 4
        $map.Steps[1] | Should -Be 4
        $map.Values.Count | Should -Be 64
        $map | Should -BeOfType StableDiffusion.Denoising.CrossAttention.AttentionMap
        ($latent | Get-AttentionMap -Token heart).CenterX | Should -BeLessThan ($latent | Get-AttentionMap -Token star).CenterX
        $special = $latent | Get-AttentionMap -Token '<|startoftext|>', '<|endoftext|>'
        ($maps + $special | Measure-Object Mean -Sum).Sum | Should -BeGreaterThan 0.9999
        ($maps + $special | Measure-Object Mean -Sum).Sum | Should -BeLessThan 1.0001
    }

    It 'makes one of each step, layer and head' {
        $each = $latent | Get-AttentionMap -Token heart -Each Step, Layer, Head -Layer up_blocks.1.*, mid*
        $each.Count | Should -Be (2 * 4 * 4)
        $each.Step | Sort-Object -Unique | Should -Be 2, 4
        $each.Head | Sort-Object -Unique | Should -Be (0..3)
        $each[0].Layer | Should -Be 'mid_block.attentions.0.transformer_blocks.0'
        ($latent | Get-AttentionMap -Token heart -Step 4 -Head 1).Step | Should -Be 4
    }

    It 'keeps layers by their names, and nothing unless it is asked for' {
        $few = Invoke-Denoise $prompt -Seed 10 -Steps 2 -AttentionLayer up_blocks.0.*
        $few.Attention.Layers.Count | Should -Be 3
        $few.Attention.HasHeads | Should -BeFalse
        (Invoke-Denoise $prompt -Seed 10 -Steps 2 -Attention -EachStep).Attention.Steps | Should -Be 1, 1, 2
        (TabExpansion2 'Invoke-Denoise $prompt -AttentionLayer up').CompletionMatches.ListItemText | Should -Be 'up_blocks*'
        (TabExpansion2 'Get-AttentionMap $latent -Token h').CompletionMatches.CompletionText | Should -Be heart
        (TabExpansion2 'Get-AttentionMap $latent -Layer mid_block.').CompletionMatches.CompletionText | Should -Be 'mid_block.attentions.0.transformer_blocks.0'
        (TabExpansion2 'Get-AttentionMap $latent -Each L').CompletionMatches.CompletionText | Should -Be 'Layer'
    }

    It 'says what was not kept, and goes on' {
        ($plain, $latent | Get-AttentionMap -Token star -ErrorAction SilentlyContinue -ErrorVariable problems).Count | Should -Be 1
        $problems.FullyQualifiedErrorId | Should -Be "AttentionInvalid,$cmdlet"
        $problems.TargetObject | Should -Be $plain
        foreach ($case in @{ Id = 'TokenInvalid'; Token = 'house' }, @{ Id = 'StepInvalid'; Step = 1 }, @{ Id = 'StepInvalid'; Step = 'first' }, @{ Id = 'LayerInvalid'; Layer = 'attn1' }, @{ Id = 'HeadInvalid'; Head = 4 }) {
            $id = $case.Id
            $case.Remove('Id')
            Get-AttentionMap $latent @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }

        Invoke-Denoise $prompt -Steps 2 -AttentionStep 3 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'AttentionStepInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'
        Invoke-Denoise $prompt -Steps 2 -Attention -FeatureReuse 2 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'AttentionInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'
    }

    It 'shows a table of 80 columns without numbers of the map' {
        $lines = ($latent | Get-AttentionMap -Each Layer -Token heart | Out-String -Width 80).Trim() -split '\r?\n'
        $lines[0] | Should -Match '^Token +Step +Head +Size +Mean +X +Y +Layer'
        $lines.Count | Should -Be 13
        $lines[2] | Should -Match '^heart +2-4 +8x8 +0\.\d{4} +0\.\d\d +0\.\d\d down_blocks'
    }

    It 'shows rounded numbers in the list that PowerShell makes of objects of several types, as do others of the same part' {
        $steps = Invoke-Denoise $prompt -Seed 1 -Steps 2 -EachStep
        $shown = @{
            Attention  = $latent | Get-AttentionMap -Token star
            Norms      = $steps
            MeanLoss   = $latent | Measure-NoisePrediction $prompt -Timestep 500 -Seed 1 -Repeat 2
            Spread     = $latent | Split-Latent
            NoiseLevel = Get-DiffusionSchedule Euler -Steps 2
            Cosine     = (Get-PromptToken 'a' -Neighbor 2)[1].Neighbors
            Neighbors  = Get-PromptToken 'a' -Neighbor 2
        }
        foreach ($name in $shown.Keys) {
            $text = & { Get-DiffusionDevice Cpu; $shown[$name] } | Out-String -Width 80
            $text | Should -Match "(?m)^$name +: \S" -Because $name
            $text | Should -Not -Match '\d\.\d{6}' -Because $name
        }
        (& { Get-DiffusionDevice Cpu; $steps[0] } | Out-String) -split '\r?\n' | Where-Object { $_ -match ' : ' } | Should -HaveCount 5
    }
}
