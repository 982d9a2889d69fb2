BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.AddLatentNoiseCommand'
}

Describe 'Add-LatentNoise' {
    BeforeAll {
        $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 4
    }

    It 'adds as much noise as asked for, the same for the same seed' {
        $levels = 100, 900 | ForEach-Object { $latent | Add-LatentNoise $_ -Seed 3 }
        $levels.Seed | Should -Be 1, 1
        Test-SameValue ($latent | Add-LatentNoise -Timestep 100 -Seed 3) $levels[0] | Should -BeTrue
        Test-SameValue ($latent | Add-LatentNoise -Timestep 100 -Seed 4) $levels[0] | Should -BeFalse
        $distance = $levels | ForEach-Object {
            $noised = $_
            $sum = 0
            0..255 | ForEach-Object { $sum += [Math]::Pow($noised.Tensor.Values[$_] - $latent.Tensor.Values[$_], 2) }
            $sum
        }
        $distance[1] | Should -BeGreaterThan (4 * $distance[0])
    }

    It 'is a stage of the record, which a file and a script repeat' {
        $image = $latent | Add-LatentNoise -Sigma 0.5 -Seed 3 | ConvertFrom-Latent
        $image | Export-DiffusionImage "$TestDrive/noised.png"
        $record = Get-DiffusionMetadata "$TestDrive/noised.png"
        $record.Stages.Operation | Should -Be 'Denoise', 'AddNoise', 'Decode'
        Test-SameValue ($record | New-DiffusionImage) $image | Should -BeTrue
        $script = $record | ConvertTo-DiffusionScript
        $script | Should -BeLike '*Add-LatentNoise -Sigma 0.5 -Seed 3*'
        Test-SameValue (& ([scriptblock]::Create($script))) $image | Should -BeTrue
        ($latent | Add-LatentNoise -Timestep 7 -Seed 1 -RandomSource Cuda | ConvertTo-DiffusionScript) | Should -BeLike "*Add-LatentNoise -Timestep 7 -Seed 1 -RandomSource 'Cuda'*"
    }

    It 'records a seed that was drawn' {
        $noised = $latent | Add-LatentNoise 500
        $seed = $noised.Info.Stages[-1].Settings['Seed']
        Test-SameValue ($latent | Add-LatentNoise 500 -Seed $seed) $noised | Should -BeTrue
    }

    It 'says what is wrong, and goes on' {
        $stopped = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1
        ($stopped, $latent | Add-LatentNoise 5 -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'a red house'
        $problems.FullyQualifiedErrorId | Should -Be "LatentInvalid,$cmdlet"
        foreach ($case in @{ Id = 'TimestepInvalid'; Timestep = 1000 }, @{ Id = 'TimestepInvalid'; Timestep = 1.5 }, @{ Id = 'SigmaInvalid'; Sigma = -1 }, @{ Id = 'SeedInvalid'; Timestep = 1; Seed = -2 }, @{ Id = 'RandomSourceInvalid'; Timestep = 1; RandomSource = 'Dice' }) {
            $id = $case.Id
            $case.Remove('Id')
            $latent | Add-LatentNoise @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }
}
