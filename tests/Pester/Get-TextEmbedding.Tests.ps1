BeforeAll {
    . "$PSScriptRoot/common.ps1"
}

Describe 'Get-TextEmbedding' {
    It 'takes prompts by position, from the pipeline and from rows' {
        (Get-TextEmbedding 'a', '').Prompt | Should -Be 'a', ''
        ('a', 'b' | Get-TextEmbedding).Prompt | Should -Be 'a', 'b'
        ("Prompt`na`nb" | ConvertFrom-Csv | Get-TextEmbedding).Prompt | Should -Be 'a', 'b'
    }

    It 'has the tokens and the shape of a CLIP text encoder' {
        $embedding = Get-TextEmbedding 'a red house'
        $embedding.Tokens | Should -Be 'a', 'red', 'house'
        $embedding.TokenIds | Should -HaveCount 77
        $embedding.HiddenStates.Shape[0, 1] | Should -Be 1, 77
    }

    It 'warns of the words that did not fit' {
        $embedding = Get-TextEmbedding ('red ' * 75 + 'purple heart') -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings | Should -BeLike "*'purple heart'*"
        $embedding.LostText | Should -Be 'purple heart'
    }

    It 'passes over blank lines and comments of a file, and of no other texts' {
        'a', '', '# b', 'c' | Set-Content "$TestDrive/prompts.txt"
        (Get-Content "$TestDrive/prompts.txt" | Get-TextEmbedding).Prompt | Should -Be 'a', 'c'
        ('a', '', '# b' | Get-TextEmbedding).Prompt | Should -Be 'a', '', '# b'
    }

    It 'warns of columns that it does not know, and names the row in errors' {
        $rows = [pscustomobject]@{ Prompt = 'a'; Seed = 1 }, [pscustomobject]@{ Prompt = 'b'; ClipSkip = 'x' }
        ($rows | Get-TextEmbedding -WarningAction SilentlyContinue -WarningVariable warnings -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'a'
        $warnings | Should -Be "The column 'Seed' is not known and was ignored."
        $problems.Exception.Message | Should -BeLike "Row 2 ('b'): ClipSkip is 'x'*"
    }

    It 'goes on after null' {
        ($null, 'a' | Get-TextEmbedding -ErrorAction SilentlyContinue -ErrorVariable problems).Prompt | Should -Be 'a'
        $problems.FullyQualifiedErrorId | Should -Be 'PromptInvalid,SdPowerShell.Commands.GetTextEmbeddingCommand'
        $problems.CategoryInfo.Category | Should -Be 'InvalidArgument'
    }

    It 'lists no more of an embedding than is set' {
        $lines = @((Get-TextEmbedding 'a red house' | Format-List | Out-String -Width 80) -split '\r?\n' | Where-Object { $_ })
        $lines -match '^Tokens +: \{a, red, house\}$' | Should -HaveCount 1
        $lines -match ': (\{\})?$' | Should -HaveCount 0
    }

    It 'shows a table of one line a prompt and no numbers of the embedding' {
        $lines = @(('a', 'b' | Get-TextEmbedding | Out-String -Width 120) -split '\r?\n' | Where-Object { $_ })
        $lines | Should -HaveCount 4
        $lines[0] | Should -Match '^Tokens +Shape +Model .*Prompt'
    }

    It 'refuses <Parameter> <Value>' -ForEach @(
        @{ Parameter = 'Lora'; Value = 'no-such-lora'; Id = 'AdapterNotFound'; Category = 'ObjectNotFound' }
        @{ Parameter = 'Lora'; Value = "$PSScriptRoot/../data/adapters/my-style.safetensors"; Id = 'AdapterInvalid'; Category = 'InvalidData' }
        @{ Parameter = 'Lora'; Value = 'style;lbw=XYZ'; Id = 'LoraInvalid'; Category = 'InvalidArgument' }
        @{ Parameter = 'TextualInversion'; Value = "$PSScriptRoot/../data/adapters/my-style.safetensors"; Id = 'AdapterInvalid'; Category = 'InvalidData' }
    ) {
        $arguments = @{ $Parameter = $Value }
        Get-TextEmbedding 'a' @arguments -ErrorAction SilentlyContinue -ErrorVariable problems
        $problems.FullyQualifiedErrorId | Should -Be "$Id,SdPowerShell.Commands.GetTextEmbeddingCommand"
        $problems.CategoryInfo.Category | Should -Be $Category
    }

    It 'has examples in its help' {
        (Get-Help Get-TextEmbedding -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
