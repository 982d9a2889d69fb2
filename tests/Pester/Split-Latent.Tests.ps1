BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.SplitLatentCommand'
}

Describe 'Split-Latent' {
    BeforeAll {
        $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 4
    }

    It 'gives each channel with its statistics and an image of the size of the decoded one' {
        $channels = $latent | Split-Latent
        $channels.Channel | Should -Be 0, 1, 2, 3
        $channels[1].Values | Should -Be $latent.Tensor.Values[64..127]
        $channels[1].Maximum | Should -Be ($latent.Tensor.Values[64..127] | Measure-Object -Maximum).Maximum
        $channels.Image.Width | Should -Be 64, 64, 64, 64
        $channels.Image | Join-DiffusionImage | Export-DiffusionImage "$TestDrive/channels.png"
        "$TestDrive/channels.png" | Should -Exist
    }

    It 'takes channels, a scale of levels and one of pixels' {
        $channel = Split-Latent $latent 2 -Minimum -3 -Maximum 3 -Scale 1
        $channel.Channel, $channel.Black, $channel.White, $channel.Image.Width | Should -Be 2, -3, 3, 8
        $level = [Math]::Round([Math]::Clamp(($latent.Tensor.Values[128] + 3) / 6, 0.0, 1.0) * 255)
        $channel.Image.Pixels[0..2] | Should -Be $level, $level, $level
    }

    It 'makes images whose record claims nothing' {
        (Split-Latent $latent 0).Image | Export-DiffusionImage "$TestDrive/channel.png"
        Get-DiffusionMetadata "$TestDrive/channel.png" | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems | Should -Not -BeNullOrEmpty
    }

    It 'says what is wrong, and goes on' {
        $damaged = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 1
        $damaged.Tensor.Values[0] = [float]::NaN
        ($damaged, $latent | Split-Latent -Channel 3 -ErrorAction SilentlyContinue -ErrorVariable problems).Channel | Should -Be 3
        $problems.FullyQualifiedErrorId | Should -Be "NotFinite,$cmdlet"
        foreach ($case in @{ Id = 'ChannelInvalid'; Channel = 4 }, @{ Id = 'ChannelInvalid'; Channel = -1 }, @{ Id = 'ScaleInvalid'; Scale = 0 }, @{ Id = 'MaximumInvalid'; Minimum = 1; Maximum = 1 }, @{ Id = 'MinimumInvalid'; Minimum = 'dark' }) {
            $id = $case.Id
            $case.Remove('Id')
            Split-Latent $latent @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }

    It 'shows a table of 80 columns' {
        Split-Latent $latent | Out-String -Width 80 | Should -Match 'Channel +Mean +Deviation +Minimum +Maximum +Black +White +Image'
    }
}
