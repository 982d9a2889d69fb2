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

    Context 'where the name is that of a folder in the models folder' {
        BeforeEach {
            $folder = Join-Path $env:STABLEDIFFUSION_MODELS x
            Copy-Item $demo $folder -Recurse
        }

        AfterEach {
            Get-DiffusionModel x | Remove-DiffusionModel -Confirm:$false
        }

        It 'refuses it without -Force' {
            { Import-DiffusionModel $demo -Name x -ErrorAction Stop } | Should -Throw -ErrorId "FileExists,$cmdlet"
            (Get-DiffusionModel x).Path | Should -Be $folder
        }

        It 'replaces it with -Force' {
            (Import-DiffusionModel $demo -Name x -Force).Model.Path | Should -BeLike '*.content*'
            (Get-DiffusionModel x).Path | Should -BeLike '*.content*'
            $folder | Should -Not -Exist
            (Test-DiffusionModel x).IsValid | Should -BeTrue
        }

        It 'keeps it where the import fails' {
            Set-Content "$TestDrive/broken.safetensors" '<!DOCTYPE html><html></html>'
            { Import-DiffusionModel "$TestDrive/broken.safetensors" -Name x -Force -ErrorAction Stop } | Should -Throw -ErrorId "ModelInvalid,$cmdlet"
            (Test-DiffusionModel x).IsValid | Should -BeTrue
            (Get-DiffusionModel x).Path | Should -Be $folder
        }

        It 'does not replace the folder that it imports from' {
            { Import-DiffusionModel $folder -Force -ErrorAction Stop } | Should -Throw -ErrorId "NameInvalid,$cmdlet"
            (Test-DiffusionModel x).IsValid | Should -BeTrue
        }

        It 'deletes the link alone where the folder is one' -Skip:$IsWindows {
            Move-Item $folder "$TestDrive/elsewhere"
            $null = New-Item -ItemType SymbolicLink $folder -Target "$TestDrive/elsewhere"
            $null = Import-DiffusionModel "$TestDrive/elsewhere" -Name x -Force
            (Get-DiffusionModel x).Path | Should -BeLike '*.content*'
            "$TestDrive/elsewhere/model_index.json" | Should -Exist
        }
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
