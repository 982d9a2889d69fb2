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

    It 'shows a table with the family in 80 columns' {
        Get-DiffusionModel demo | Out-String -Width 80 | Should -Match 'Name +Family +Size +Steps +MB\r?\n[- ]+\r?\ndemo +StableDiffusion1 +64x64 +25 +\d+'
    }

    It 'shows a damaged model as broken, with the reason, and the others' {
        $before = $env:STABLEDIFFUSION_MODELS
        $env:STABLEDIFFUSION_MODELS = "$TestDrive/damaged"
        try {
            $null = New-Item "$TestDrive/damaged/bad" -ItemType Directory
            Set-Content "$TestDrive/damaged/bad/model_index.json" '{"_class_name": "\ud800"}'
            Get-DiffusionModel | Out-String -Width 80 | Should -Match '(?s)demo +StableDiffusion1 .*bad +BROKEN: '
            (Get-DiffusionModel bad).Problem | Should -BeLike '*model_index.json*'
            Get-DiffusionModel | Where-Object Problem | Remove-DiffusionModel -Confirm:$false
            (Get-DiffusionModel).Name | Should -Be 'demo'
        }
        finally {
            $env:STABLEDIFFUSION_MODELS = $before
        }
    }

    It 'has the folders of LoRAs, embeddings and ControlNets beside the folder that STABLEDIFFUSION_MODELS names as <Models>' -ForEach @(
        @{ Models = 'models' }
        @{ Models = 'models/' }
    ) {
        $names = 'MODELS', 'LORAS', 'EMBEDDINGS', 'CONTROLNETS' | ForEach-Object { "STABLEDIFFUSION_$_" }
        $before = $names | ForEach-Object { [Environment]::GetEnvironmentVariable($_) }
        try {
            $names | ForEach-Object { [Environment]::SetEnvironmentVariable($_, $null) }
            $env:STABLEDIFFUSION_MODELS = "$TestDrive/$Models"
            foreach ($folder in 'models', 'loras', 'embeddings', 'controlnets') {
                $null = New-Item "$TestDrive/$folder" -ItemType Directory -Force
                Set-Content "$TestDrive/$folder/my-$folder.safetensors" ''
            }

            foreach ($parameter in @{ Lora = 'loras'; TextualInversion = 'embeddings'; ControlNet = 'controlnets' }.GetEnumerator()) {
                $line = "New-DiffusionImage x -$($parameter.Key) my-"
                (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be "my-$($parameter.Value)"
            }
        }
        finally {
            0..3 | ForEach-Object { [Environment]::SetEnvironmentVariable($names[$_], $before[$_]) }
        }
    }

    It 'has examples in its help' {
        (Get-Help Get-DiffusionModel -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
