BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ImportDiffusionModelCommand'
    $before = $env:STABLEDIFFUSION_MODELS
    $env:STABLEDIFFUSION_MODELS = Join-Path $TestDrive store
    $demo = Resolve-Path "$PSScriptRoot/../../src/demo-model"
}

AfterAll {
    Clear-DiffusionCache
    $env:STABLEDIFFUSION_MODELS = $before
}

Describe 'Import-DiffusionModel' {
    It 'takes a folder of diffusers, from the pipeline too, and names it after the folder' {
        $import = Get-Item $demo | Import-DiffusionModel
        $import.Name, $import.Family, $import.WasThere | Should -Be 'demo-model', 'StableDiffusion1', $false
        (Get-DiffusionModel demo-model).Steps | Should -Be 25
    }

    It 'lets another model use the name only when it is forced to' {
        { Import-DiffusionModel $demo -Name demo-model -Precision Half -ErrorAction Stop } | Should -Throw -ErrorId "FileExists,$cmdlet"
        (Import-DiffusionModel $demo -Name demo-model -Precision Half -Force).Name | Should -Be 'demo-model'
    }

    It 'imports nothing with -WhatIf' {
        Import-DiffusionModel $demo -Name never -WhatIf
        { Get-DiffusionModel never -ErrorAction Stop } | Should -Throw -ErrorId 'ModelNotFound,*'
    }

    It 'compares a model in integers with full precision and shows that' {
        $import = Import-DiffusionModel $demo -Name small -Precision Int8
        $import.Comparison.Distances | Should -HaveCount 8
        $import.Comparison.Psnr | Should -BeGreaterThan 25
        $import | Out-String -Width 120 | Should -BeLike '*PSNR dB*SSIM*Speedup*'
    }

    It 'goes on with the next file after a bad one' {
        Set-Content "$TestDrive/bad.safetensors" '<!DOCTYPE html><html></html>'
        $imports = "$TestDrive/bad.safetensors", "$demo" | Import-DiffusionModel -Force -ErrorAction SilentlyContinue -ErrorVariable problems
        $imports.Name | Should -Be 'demo-model'
        $problems.FullyQualifiedErrorId | Should -Be "ModelInvalid,$cmdlet"
        $problems[0].TargetObject | Should -Be (Join-Path $TestDrive bad.safetensors)
    }

    It 'completes the precisions' {
        (TabExpansion2 'Import-DiffusionModel x -Precision ' -cursorColumn 35).CompletionMatches.CompletionText | Should -Be 'Full', 'Half', 'Int8'
    }

    It 'has examples in its help' {
        (Get-Help Import-DiffusionModel -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
