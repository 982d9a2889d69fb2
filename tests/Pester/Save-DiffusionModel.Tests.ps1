BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.SaveDiffusionModelCommand'
    $before = $env:STABLEDIFFUSION_MODELS, $env:HF_HUB_OFFLINE
    $env:STABLEDIFFUSION_MODELS = "$TestDrive"
    $env:HF_HUB_OFFLINE = '1'
}

AfterAll {
    $env:STABLEDIFFUSION_MODELS, $env:HF_HUB_OFFLINE = $before
}

Describe 'Save-DiffusionModel' {
    It 'gives a model that is here already without asking the hub' {
        Copy-Item -Recurse -Path "$ModuleFolder/model" -Destination "$TestDrive/name"
        $index = Get-Item "$TestDrive/name/model_index.json"
        @{
            source = @{ kind = 'hub'; id = 'owner/name'; revision = '0123456789abcdef0123456789abcdef01234567'; requested = 'main' }
            files  = @{ 'model_index.json' = @{ length = $index.Length; sha256 = (Get-FileHash $index).Hash.ToLowerInvariant() } }
        } | ConvertTo-Json -Depth 4 | Set-Content "$TestDrive/name/model_manifest.json"

        $model = Save-DiffusionModel owner/name
        $model.Name, $model.Steps | Should -Be 'name', 25
        $model.Path | Should -Be (Join-Path "$TestDrive" name)
    }

    It 'gives a checkpoint that was imported here without asking the hub' {
        $null = Import-DiffusionModel "$ModuleFolder/model" -Name painting
        @{
            source = @{ kind = 'hub'; id = 'owner/painting'; revision = '0123456789abcdef0123456789abcdef01234567'; requested = 'main' }
            files  = @{ 'painting.safetensors' = @{ length = 12; sha256 = '0' * 64 } }
        } | ConvertTo-Json -Depth 4 | Add-Content "$TestDrive/painting.model"

        $model = Save-DiffusionModel owner/painting
        $model.Name, $model.Steps | Should -Be 'painting', 25
        (Get-DiffusionModel paint*).Path | Should -Be $model.Path
        { Save-DiffusionModel owner/painting -Include *.safetensors } | Should -Throw -ErrorId "DownloadFailed,$cmdlet"
    }

    It 'says that it is offline, and goes on with the next model' {
        $null = 'owner/none', 'none' | Save-DiffusionModel -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "DownloadFailed,$cmdlet", "IdInvalid,$cmdlet"
        "$($problems[0])" | Should -BeLike '*HF_HUB_OFFLINE*'
    }

    It 'has examples in its help' {
        (Get-Help Save-DiffusionModel -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
