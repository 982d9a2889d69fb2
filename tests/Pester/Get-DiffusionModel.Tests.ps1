BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetDiffusionModelCommand'
}

Describe 'Get-DiffusionModel' {
    It 'lists the model that ships with the module' {
        $model = Get-DiffusionModel | Where-Object IsEmbedded
        $model.Name | Should -Be 'demo'
        $model.Path | Should -Be (Join-Path $ModuleFolder model)
        $model.Width, $model.Height, $model.Steps, $model.GuidanceScale | Should -Be 64, 64, 25, 5
    }

    It 'takes names, wildcards and folders' {
        (Get-DiffusionModel DEMO).Name | Should -Be 'demo'
        (Get-DiffusionModel d*o).Name | Should -Contain 'demo'
        (Get-DiffusionModel "$ModuleFolder/model").Steps | Should -Be 25
        Get-DiffusionModel zzz* | Should -BeNullOrEmpty
    }

    It 'goes on after a name that is none' {
        ('nope', 'demo' | Get-DiffusionModel -ErrorAction SilentlyContinue -ErrorVariable problems).Name | Should -Be 'demo'
        $problems.FullyQualifiedErrorId | Should -Be "ModelNotFound,$cmdlet"
        $problems.TargetObject | Should -Be 'nope'
    }

    It 'shows a table' {
        Get-DiffusionModel demo | Out-String -Width 120 | Should -Match 'Name +Size +Steps +Guidance +Scheduler'
    }

    It 'has examples in its help' {
        (Get-Help Get-DiffusionModel -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
