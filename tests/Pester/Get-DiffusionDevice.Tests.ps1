BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Get-DiffusionDevice' {
    It 'lists the processor as available' {
        (Get-DiffusionDevice -Name Cpu).IsAvailable | Should -BeTrue
    }

    It 'takes names from properties, as rows of a CSV file have them' {
        $devices = "Device`ncpu`ncuda:1" | ConvertFrom-Csv | Get-DiffusionDevice
        $devices.Name | Should -Be 'Cpu', 'Cuda'
    }

    It 'goes on after a name that is none' {
        $devices = 'nope', 'cpu' | Get-DiffusionDevice -ErrorAction SilentlyContinue -ErrorVariable problems
        $devices.Name | Should -Be 'Cpu'
        $problems | Should -HaveCount 1
        $problems[0].FullyQualifiedErrorId | Should -Be 'DeviceInvalid,SdPowerShell.Commands.GetDiffusionDeviceCommand'
    }

    It 'can be written as JSON' {
        (Get-DiffusionDevice -Name Cpu | ConvertTo-Json | ConvertFrom-Json).ExecutionProvider | Should -Be 'CPUExecutionProvider'
    }

    It 'lists what Auto takes' {
        (Get-DiffusionDevice Auto).Name | Should -Be (Get-DiffusionDevice | Where-Object IsDefault).Name
    }

    It 'shows a table' {
        Get-DiffusionDevice Cpu | Out-String -Width 120 | Should -Match 'Name +Available +Default +Reason'
    }

    It 'has examples in its help' {
        (Get-Help Get-DiffusionDevice -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
