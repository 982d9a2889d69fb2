BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ImportTextEmbeddingCommand'
}

Describe 'Import-TextEmbedding' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'gives back what makes the same image in another process: <Prompt>' -ForEach @(
        @{ Prompt = 'a red house'; Syntax = 'Plain' }
        @{ Prompt = '[a red house:a blue boat:2] AND (grass:1.2) :0.5'; Syntax = 'A1111' }
        @{ Prompt = 'a (red:1.2) house'; Syntax = 'ComfyUI' }
    ) {
        $embedding = Get-TextEmbedding $Prompt -PromptSyntax $Syntax
        $embedding | Invoke-Denoise -Seed 1 -Steps 4 | ConvertFrom-Latent | Export-DiffusionImage whole.png
        $embedding | Export-TextEmbedding prompt
        Invoke-NewSession { Get-Item prompt.safetensors | Import-TextEmbedding | Invoke-Denoise -Seed 1 -Steps 4 | ConvertFrom-Latent | Export-DiffusionImage again.png } | Should -BeNullOrEmpty
        (Get-FileHash again.png).Hash | Should -Be (Get-FileHash whole.png).Hash
        (Import-TextEmbedding *.safetensors | Select-Object Prompt, TokenCount, PromptSyntax | ConvertTo-Json) | Should -Be ($embedding | Select-Object Prompt, TokenCount, PromptSyntax | ConvertTo-Json)
    }

    It 'refuses other files by name and goes on with the next' {
        $embedding = Get-TextEmbedding 'a red house'
        $embedding | Export-TextEmbedding good
        Invoke-Denoise $embedding -Steps 1 | Export-Latent latent
        $read = Import-TextEmbedding latent.safetensors, ., good.safetensors, none -ErrorAction SilentlyContinue -ErrorVariable problems
        $read.Prompt | Should -Be 'a red house'
        $problems.FullyQualifiedErrorId | Should -Be "EmbeddingInvalid,$cmdlet", "EmbeddingInvalid,$cmdlet", "PathNotFound,$cmdlet"
        "$($problems[0])" | Should -BeLike "There is no embedding of a prompt in '*latent.safetensors'*"
    }

    It 'warns of a model that is not there' {
        Copy-Item -Recurse "$ModuleFolder/model" "$folder/elsewhere"
        Get-TextEmbedding 'a red house' -Model "$folder/elsewhere" | Export-TextEmbedding x
        $embedding = Import-TextEmbedding x.safetensors -WarningVariable warnings -WarningAction SilentlyContinue
        $embedding.Model | Should -Be elsewhere
        "$warnings" | Should -BeLike "x.safetensors: The model 'elsewhere' was not found*"
    }

    It 'has examples in its help' {
        (Get-Help Import-TextEmbedding -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
