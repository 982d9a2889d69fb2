BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ResizeLatentCommand'
}

Describe 'Resize-Latent' {
    BeforeAll {
        $prompt = Get-TextEmbedding 'a red house'
        $latent = Invoke-Denoise $prompt -Seed 1 -Steps 2
    }

    It 'makes latents of the new size, by a scale or in pixels' {
        $resized = $latent, $latent | Resize-Latent -Scale 1.6
        $resized.Width | Should -Be 96, 96
        $resized.Prompt | Should -Be 'a red house', 'a red house'
        $other = Resize-Latent $latent -Width 128 -Height 72 -Mode Bicubic -Antialias
        "$($other.Tensor)" | Should -BeLike '*1,4,9,16*'
        (TabExpansion2 'Resize-Latent $latent -Scale 2 -Mode bi').CompletionMatches.CompletionText | Should -Be 'Bilinear', 'Bicubic', 'Bislerp'
    }

    It 'is a stage of an image in two passes, which can be made again from its file' {
        $large = $latent | Resize-Latent -Scale 1.5 -Mode NearestExact
        $image = Invoke-Denoise $prompt -Latent $large -Steps 4 -Strength 0.5 | ConvertFrom-Latent
        $image | Export-DiffusionImage "$TestDrive/two-passes.png"
        $record = Get-DiffusionMetadata "$TestDrive/two-passes.png"
        $record.Stages.Operation | Should -Be 'Denoise', 'ResizeLatent', 'Denoise', 'Decode'
        Test-SameValue ($record | New-DiffusionImage) $image | Should -BeTrue
        $script = $record | ConvertTo-DiffusionScript
        $script | Should -BeLike '*Resize-Latent -Width 96 -Height 96 -Mode ''NearestExact''*'
        Test-SameValue (& ([scriptblock]::Create($script))) $image | Should -BeTrue
    }

    It 'says why a latent cannot be resized, and goes on' {
        $stopped = Invoke-Denoise $prompt -Seed 1 -Steps 2 -StopStep 1
        ($stopped, $latent | Resize-Latent -Scale 2 -ErrorAction SilentlyContinue -ErrorVariable problems).Width | Should -Be 128
        $problems.FullyQualifiedErrorId | Should -Be "LatentInvalid,$cmdlet"
        $problems.TargetObject | Should -Be $stopped
        foreach ($case in @{ Id = 'ScaleInvalid'; Scale = 0 }, @{ Id = 'ScaleInvalid'; Scale = 'large' }, @{ Id = 'WidthInvalid'; Width = 65; Height = 64 }, @{ Id = 'ModeInvalid'; Scale = 2; Mode = 'Cubic' }, @{ Id = 'AntialiasInvalid'; Scale = 2; Mode = 'Nearest'; Antialias = $true }) {
            $id = $case.Id
            $case.Remove('Id')
            Resize-Latent $latent @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }
}
