BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.RemoveDiffusionModelCommand'
    $before = $env:STABLEDIFFUSION_MODELS
    $env:STABLEDIFFUSION_MODELS = Join-Path $TestDrive store
    'first', 'second', 'other' | ForEach-Object { $null = Import-DiffusionModel "$PSScriptRoot/../../src/demo-model" -Name $_ }
}

AfterAll {
    Clear-DiffusionCache
    $env:STABLEDIFFUSION_MODELS = $before
}

Describe 'Remove-DiffusionModel' {
    It 'removes nothing with -WhatIf' {
        Remove-DiffusionModel first, s* -WhatIf
        (Get-DiffusionModel).Name | Should -Be 'demo', 'first', 'other', 'second'
    }

    It 'completes the names of the models that can be removed' {
        (TabExpansion2 'Remove-DiffusionModel ' 22).CompletionMatches.CompletionText | Should -Be 'first', 'other', 'second'
    }

    It 'removes by name, by wildcard and by objects of the pipeline' {
        Remove-DiffusionModel f* -Confirm:$false
        (Get-DiffusionModel).Name | Should -Be 'demo', 'other', 'second'
        Get-DiffusionModel second | Remove-DiffusionModel -Confirm:$false
        'other' | Remove-DiffusionModel -Confirm:$false
        (Get-DiffusionModel).Name | Should -Be 'demo'
        Get-ChildItem "$env:STABLEDIFFUSION_MODELS/.content" -Directory | Should -BeNullOrEmpty
    }

    It 'leaves the embedded model' {
        { Remove-DiffusionModel demo -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId "NameInvalid,$cmdlet"
    }

    It 'takes a model as an argument, and refuses other objects by their type' {
        $null = Import-DiffusionModel "$PSScriptRoot/../../src/demo-model" -Name object
        Remove-DiffusionModel (Get-DiffusionModel object) -Confirm:$false
        (Get-DiffusionModel).Name | Should -Not -Contain 'object'
        { Remove-DiffusionModel @{ Name = 'object' } -Confirm:$false } | Should -Throw '*Hashtable is not a model*'
    }

    It 'has examples in its help' {
        (Get-Help Remove-DiffusionModel -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
