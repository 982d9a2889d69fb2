BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'The module in pwsh' {
    It 'is imported from the module folder' {
        (Get-Module StableDiffusion).ModuleBase | Should -Be $ModuleFolder
    }

    It 'can be imported again, and again after it was removed' {
        Import-Module "$ModuleFolder/StableDiffusion.psd1" -Force
        Remove-Module StableDiffusion
        Import-Module "$ModuleFolder/StableDiffusion.psd1"
        (Get-DiffusionDevice -Name Cpu).Name | Should -Be 'Cpu'
    }

    It 'exports cmdlets alone' {
        (Get-Command -Module StableDiffusion).CommandType | Sort-Object -Unique | Should -Be 'Cmdlet'
    }

    It 'has approved verbs' {
        (Get-Command -Module StableDiffusion).Verb | Sort-Object -Unique | Should -BeIn (Get-Verb).Verb
    }

    It 'keeps the engine and its dependencies out of the session''s own load context' {
        $null = Get-DiffusionDevice
        $own = [System.Runtime.Loader.AssemblyLoadContext]::Default.Assemblies | Where-Object { $_.GetName().Name -in 'StableDiffusion', 'Microsoft.ML.OnnxRuntime' }
        $own | Should -BeNullOrEmpty
    }

    It 'has help for each cmdlet' {
        foreach ($cmdlet in Get-Command -Module StableDiffusion) {
            $help = Get-Help $cmdlet.Name -Full
            $help.description.Text | Should -Not -BeNullOrEmpty -Because $cmdlet.Name
            $help.examples.example | Should -Not -BeNullOrEmpty -Because $cmdlet.Name
        }
    }

    It 'has a topic about itself' {
        Get-Help about_StableDiffusion | Should -Match 'SHORT DESCRIPTION'
    }

    It 'shows an object that follows one of another type in a few lines' {
        $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise -Seed 1 -Steps 1
        $image = $latent | ConvertFrom-Latent
        $lines = @(Get-DiffusionModel demo; $latent; $image; Get-DiffusionDevice Cpu) | Out-String -Stream -Width 80 | Where-Object { $_.Trim() }
        $lines.Count | Should -BeLessThan 25
        $lines -match '^Seed +: 1$' | Should -HaveCount 2
    }
}
