BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ExportTextEmbeddingCommand'
    $embedding = Get-TextEmbedding 'a red house'
}

Describe 'Export-TextEmbedding' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'writes to a file or a folder' {
        $embedding | Export-TextEmbedding x.safetensors | Should -BeNullOrEmpty
        $embedding, $embedding | Export-TextEmbedding -OutDirectory all
        Get-TextEmbedding '' | Export-TextEmbedding -OutDirectory all
        (Get-ChildItem -Recurse -File).Name | Sort-Object | Should -Be 'a-red-house-2.safetensors', 'a-red-house.safetensors', 'embedding.safetensors', 'x.safetensors'
        ($embedding | Export-TextEmbedding y -PassThru).Path | Should -Be (Join-Path $folder y.safetensors)
    }

    It 'replaces a file with -Force alone' {
        'mine' | Set-Content x.safetensors
        $embedding | Export-TextEmbedding x -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "FileExists,$cmdlet"
        Get-Content x.safetensors | Should -Be 'mine'
        $embedding | Export-TextEmbedding x -Force
        (Import-TextEmbedding x.safetensors).Prompt | Should -Be 'a red house'
    }

    It 'leaves nothing of a name with another ending, and writes nothing with -WhatIf' {
        $embedding | Export-TextEmbedding x.pt -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "PathInvalid,$cmdlet"
        $embedding | Export-TextEmbedding -OutDirectory new -WhatIf
        Get-ChildItem | Should -BeNullOrEmpty
    }

    It 'has examples in its help' {
        (Get-Help Export-TextEmbedding -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
