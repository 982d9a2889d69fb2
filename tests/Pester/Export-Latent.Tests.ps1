BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ExportLatentCommand'
    $embedding = Get-TextEmbedding 'a red house'
    $latent = Invoke-Denoise $embedding -Seed 5 -Steps 2 -StopStep 1
}

Describe 'Export-Latent' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'writes to a file or a folder' {
        $latent | Export-Latent x.safetensors | Should -BeNullOrEmpty
        $latent | Export-Latent new/y
        $latent, $latent | Export-Latent -OutDirectory all
        Export-Latent -OutFile '[z]' -InputObject $latent
        (Get-ChildItem -Recurse -File).Name | Sort-Object | Should -Be '[z].safetensors', 'a-red-house-5-2.safetensors', 'a-red-house-5.safetensors', 'x.safetensors', 'y.safetensors'
        ($latent | Export-Latent z -PassThru).Path | Should -Be (Join-Path $folder z.safetensors)
    }

    It 'names a latent without a prompt and a seed' {
        New-DiffusionImage 'a red house' -Steps 1 | ConvertTo-Latent | Export-Latent -OutDirectory .
        (Get-ChildItem).Name | Should -Be latent.safetensors
    }

    It 'replaces a file with -Force alone' {
        'mine' | Set-Content x.safetensors
        $latent | Export-Latent x -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "FileExists,$cmdlet"
        Get-Content x.safetensors | Should -Be 'mine'
        $latent | Export-Latent x -Force
        (Import-Latent x.safetensors).Step | Should -Be 1
    }

    It 'leaves nothing of <Path>' -ForEach @(
        @{ Path = 'file/x.safetensors'; Id = 'FileWriteFailed' }
        @{ Path = 'x.latent'; Id = 'PathInvalid' }
        @{ Path = 'Env:/x.safetensors'; Id = 'PathNotFileSystem' }
    ) {
        'mine' | Set-Content file
        $latent | Export-Latent $Path -ErrorAction SilentlyContinue -ErrorVariable problems
        $latent | Export-Latent $Path -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +problems
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet", "$Id,$cmdlet"
        (Get-ChildItem).Name | Should -Be file
    }

    It 'writes nothing with -WhatIf' {
        $latent | Export-Latent -OutDirectory new -WhatIf
        Get-ChildItem | Should -BeNullOrEmpty
    }

    It 'goes on with the next latent after one that cannot be written' {
        $broken = Invoke-Denoise $embedding -Seed 6 -Steps 1
        $broken.Tensor.Values[3] = [float]::NaN
        $broken, $latent | Export-Latent -OutDirectory . -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "NotFinite,$cmdlet"
        (Get-ChildItem).Name | Should -Be a-red-house-5.safetensors
    }

    It 'gives each latent a name of its own where several runspaces write to one folder' {
        1..4 | ForEach-Object -ThrottleLimit 4 -Parallel {
            Import-Module "$using:ModuleFolder/StableDiffusion.psd1"
            $latent = $using:latent
            $latent, $latent, $latent | Export-Latent -OutDirectory $using:folder/all
        }
        Get-ChildItem all -Force | Should -HaveCount 12
    }

    It 'has examples in its help' {
        (Get-Help Export-Latent -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
