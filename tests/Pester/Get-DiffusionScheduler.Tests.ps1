BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetDiffusionSchedulerCommand'
}

Describe 'Get-DiffusionScheduler' {
    It 'lists the schedulers that people know' {
        (Get-DiffusionScheduler).Name | Should -BeIn (Get-DiffusionScheduler *).Name
        foreach ($name in 'DDIM', 'PNDM', 'Euler', 'Euler a', 'DPM++ 2M', 'DPM++ 2M Karras', 'DPM++ 2M SDE', 'DPM++ 2M SDE Karras') {
            (Get-DiffusionScheduler).Name | Should -Contain $name
        }
    }

    It 'finds them by any of their names' {
        ('dpmpp_2m_karras', 'k_euler', 'PNDMScheduler', 'euler_a*' | Get-DiffusionScheduler).Name | Should -Be 'DPM++ 2M Karras', 'Euler', 'PNDM', 'Euler a'
    }

    It 'goes on after a name that is none, and says which come near' {
        ('Eular', 'DDIM' | Get-DiffusionScheduler -ErrorAction SilentlyContinue -ErrorVariable problems).Name | Should -Be 'DDIM'
        $problems.FullyQualifiedErrorId | Should -Be "SchedulerNotFound,$cmdlet"
        $problems.Exception.Message | Should -BeLike "*Did you mean 'Euler'*"
    }

    It 'lists the options, which tell what they take' {
        $option = (Get-DiffusionScheduler Euler).Options | Where-Object Name -EQ timestep_spacing
        $option.AllowedValues | Should -Be 'linspace', 'leading', 'trailing'
        $option.Description | Should -Not -BeNullOrEmpty
    }

    It 'shows a table' {
        Get-DiffusionScheduler 'Euler a' | Out-String -Width 120 | Should -Match 'Name +Order +Stochastic +Aliases +Paper'
    }

    It 'shows the options at full precision in 80 columns' {
        $lines = ((Get-DiffusionScheduler DDIM).Options | Out-String -Width 80) -split '\r?\n'
        $lines -match '^beta_start +Number +0\.00085 +The first beta' | Should -HaveCount 1
        $lines -match '^dynamic_thresholding_ratio +Number +0\.995 ' | Should -HaveCount 1
    }

    It 'has examples in its help' {
        (Get-Help Get-DiffusionScheduler -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
