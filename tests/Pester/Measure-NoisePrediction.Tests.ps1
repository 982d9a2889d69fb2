BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.MeasureNoisePredictionCommand'
}

Describe 'Measure-NoisePrediction' {
    BeforeAll {
        $prompt = 'a red house on the grass in daylight with the sun'
        $embedding = Get-TextEmbedding $prompt
        $latent = $embedding | Invoke-Denoise -Seed 1
    }

    It 'measures the loss at timesteps' {
        $rows = $latent | Measure-NoisePrediction $embedding -Timestep 100, 500, 900 -Seed 1
        $rows.Timestep | Should -Be 100, 500, 900
        $rows.PredictionType | Should -Be 'Epsilon', 'Epsilon', 'Epsilon'
        $rows[0].Loss | Should -BeGreaterThan $rows[2].Loss
        $rows.Loss | ForEach-Object { $_ | Should -BeGreaterThan 0 -Because 'no model is perfect' }
        $rows.Model | Select-Object -Unique | Should -Be $latent.Model
    }

    It 'takes the prompt itself, and by default none' {
        $byText = $latent | Measure-NoisePrediction $prompt -Count 3 -Seed 1 -Repeat 2
        $byText.Timestep | Should -Be 166, 500, 833
        $byText.Loss | Should -Be ($latent | Measure-NoisePrediction $embedding -Count 3 -Seed 1 -Repeat 2).Loss
        $without = $latent | Measure-NoisePrediction -Count 3 -Seed 1 -Repeat 2
        $without.Prompt | Select-Object -Unique | Should -Be ''
        ($without | Measure-Object Loss -Average).Average | Should -BeGreaterThan ($byText | Measure-Object Loss -Average).Average
        ($latent | Measure-NoisePrediction).Count | Should -Be 10
    }

    It 'gives latents to decode' {
        $row = $latent | Measure-NoisePrediction $embedding -Timestep 300 -Seed 1
        Test-SameValue $row.Noised ($latent | Add-LatentNoise 300 -Seed 1) | Should -BeTrue
        ($row.Noised, $row.Denoised | ConvertFrom-Latent).Width | Should -Be 64, 64
    }

    It 'says what is wrong, and goes on' {
        $stopped = $embedding | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1
        ($stopped, $latent | Measure-NoisePrediction -Timestep 1 -ErrorAction SilentlyContinue -ErrorVariable problems).Timestep | Should -Be 1
        $problems.FullyQualifiedErrorId | Should -Be "LatentInvalid,$cmdlet"
        foreach ($case in @{ Id = 'TimestepInvalid'; Timestep = 5, 1000 }, @{ Id = 'CountInvalid'; Count = 0 }, @{ Id = 'RepeatInvalid'; Repeat = 0 }, @{ Id = 'SeedInvalid'; Seed = -2 }, @{ Id = 'EmbeddingInvalid'; Embedding = 5 }, @{ Id = 'RandomSourceInvalid'; RandomSource = 'Dice' }) {
            $id = $case.Id
            $case.Remove('Id')
            $latent | Measure-NoisePrediction @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }

    It 'shows a table of 80 columns' {
        $latent | Measure-NoisePrediction $prompt -Timestep 1 | Out-String -Width 80 | Should -Match 'Timestep +Sigma +SNR +Loss +± +Predicts +Prompt'
    }
}
