BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetDiffusionScheduleCommand'
}

Describe 'Get-DiffusionSchedule' {
    It 'lists the timesteps that a denoising goes through' {
        $latents = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler Euler -EachStep
        $steps = Get-DiffusionSchedule Euler -Steps 4
        $steps.Step | Should -Be $latents.Step
        $steps.Timestep | Should -Be $latents.Timestep
        $steps.Sigma | Should -Be $latents.Sigma
        $steps[-1].SigmaNext | Should -Be 0
        ($steps | Measure-Object Calls -Sum).Sum | Should -Be 4
    }

    It 'takes schedulers, their names and made objects from the pipeline' {
        (Get-DiffusionScheduler DDIM | Get-DiffusionSchedule -Steps 3).Scheduler | Should -Be 'DDIM', 'DDIM', 'DDIM'
        ('Euler', 'dpm2' | Get-DiffusionSchedule -Steps 1).Scheduler | Should -Be 'Euler', 'DPM2'
        $latent = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -Scheduler Heun
        $steps = $latent | Get-DiffusionSchedule
        $steps.Scheduler | Should -Be 'Heun', 'Heun'
        $steps.Calls | Should -Be 2, 1
        (Get-DiffusionSchedule).Count | Should -Be 25
    }

    It 'works with every scheduler' {
        $names = (Get-DiffusionScheduler).Name
        $steps = Get-DiffusionScheduler | Get-DiffusionSchedule -Steps 6 -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems | Should -BeNullOrEmpty
        ($steps.Scheduler | Select-Object -Unique).Count | Should -Be $names.Count
        $steps | Where-Object { -not ($_.Sigma -ge $_.SigmaNext) } | ForEach-Object Scheduler | Select-Object -Unique | Should -BeNullOrEmpty
    }

    It 'begins where image-to-image begins, and takes options' {
        (Get-DiffusionSchedule DDIM -Steps 25 -Strength 0.2).Step | Should -Be 21, 22, 23, 24, 25
        (Get-DiffusionSchedule DDIM -Steps 2 -SchedulerOption @{ timestep_spacing = 'trailing' }).Timestep | Should -Be 999, 499
        (TabExpansion2 'Get-DiffusionSchedule -Scheduler PLM').CompletionMatches.CompletionText | Should -Be 'PLMS'
    }

    It 'says what is wrong, and goes on' {
        ('Eular', 'Euler' | Get-DiffusionSchedule -Steps 1 -ErrorAction SilentlyContinue -ErrorVariable problems).Scheduler | Should -Be 'Euler'
        $problems.FullyQualifiedErrorId | Should -Be "SchedulerNotFound,$cmdlet"
        foreach ($case in @{ Id = 'StepsInvalid'; Steps = 0 }, @{ Id = 'StepsInvalid'; Steps = 1001 }, @{ Id = 'StrengthInvalid'; Strength = 2 }, @{ Id = 'StrengthInvalid'; Strength = 0.01 }, @{ Id = 'SchedulerOptionInvalid'; SchedulerOption = @{ eta = 1 } }) {
            $id = $case.Id
            $case.Remove('Id')
            Get-DiffusionSchedule Euler @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }

    It 'shows a table of 80 columns' {
        $lines = (Get-DiffusionSchedule 'DPM++ 2M Karras' -Steps 2 | Out-String -Width 80) -split '\r?\n'
        $lines | Where-Object { $_ -match '^Scheduler +Step Timestep +Sigma +Next +Alpha +SNR Calls' } | Should -Not -BeNullOrEmpty
    }
}
