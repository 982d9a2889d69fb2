BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.TestDiffusionModelCommand'
    $before = $env:STABLEDIFFUSION_MODELS
    $env:STABLEDIFFUSION_MODELS = Join-Path $TestDrive store
    $import = Import-DiffusionModel "$PSScriptRoot/../../src/demo-model" -Name mine
}

AfterAll {
    Clear-DiffusionCache
    $env:STABLEDIFFUSION_MODELS = $before
}

Describe 'Test-DiffusionModel' {
    It 'compares every file with its hash and runs the model' {
        $report = 'mine' | Test-DiffusionModel
        $report.IsValid, $report.HasRun | Should -Be $true, $true
        $report.CheckedFiles | Should -BeGreaterThan 8
    }

    It 'tests all models, the embedded one too' {
        (Test-DiffusionModel -SkipRun).Name | Should -Be (Get-DiffusionModel).Name
    }

    It 'finds a file that was changed' {
        $file = Join-Path $import.Model.Path unet config.json
        Add-Content -LiteralPath $file ' ' -Force
        $report = Test-DiffusionModel mine -SkipRun
        $report.IsValid | Should -BeFalse
        $report.Problems | Should -BeLike "*$file*"
    }

    It 'knows no model that is not there' {
        { Test-DiffusionModel none -ErrorAction Stop } | Should -Throw -ErrorId "ModelNotFound,$cmdlet"
    }

    It 'takes a model as an argument, and refuses other objects by their type' {
        $null = Import-DiffusionModel "$PSScriptRoot/../../src/demo-model" -Name object
        (Test-DiffusionModel (Get-DiffusionModel object), demo -SkipRun).Name | Should -Be 'object', 'demo'
        { Test-DiffusionModel @{ Name = 'object' } -SkipRun } | Should -Throw '*Hashtable is not a model*'
    }

    It 'reports a model whose <_> is broken, and does not end' -ForEach scheduler/scheduler_config.json, vae/config.json, model_index.json {
        $folder = Join-Path $TestDrive "broken-$($_ -replace '\W')"
        Copy-Item -Recurse "$PSScriptRoot/../../src/demo-model" $folder
        Set-Content -LiteralPath (Join-Path $folder $_) '{'
        $report = Test-DiffusionModel $folder -SkipRun -ErrorAction Stop
        $report.IsValid | Should -BeFalse
        $report.Problems | Should -BeLike "*$(Split-Path -Leaf $_)*"
    }

    It 'has examples in its help' {
        (Get-Help Test-DiffusionModel -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
