BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.GetPromptTokenCommand'
}

Describe 'Get-PromptToken' {
    It 'lists the tokens of a prompt with the marks of start and end' {
        $tokens = Get-PromptToken 'a red house'
        $tokens.Piece | Should -Be '<|startoftext|>', 'a', 'red', 'house', '<|endoftext|>'
        $tokens.Position | Should -Be 0, 1, 2, 3, 4
        $tokens.IsSpecial | Should -Be $true, $false, $false, $false, $true
        $tokens.TokenId | Should -Be (Get-TextEmbedding 'a red house').TokenIds[0..4]
        $tokens.Encoder | Select-Object -Unique | Should -Be 'text_encoder'
    }

    It 'lists weights and chunks, and what was cut off' {
        $tokens = Get-PromptToken 'a (red:1.4) house BREAK [trees]' -PromptSyntax A1111 | Where-Object { -not $_.IsSpecial }
        ($tokens | Where-Object Piece -EQ 'red').Weight | Should -Be 1.4
        ($tokens | Where-Object Piece -EQ 'house').Chunk | Should -Be 0
        ($tokens | Select-Object -Last 1).Chunk | Should -Be 1
        $cut = Get-PromptToken ('a house ' * 50) | Where-Object IsCut
        $cut.Count | Should -Be 25
        $cut[0].Position | Should -BeNullOrEmpty
    }

    It 'finds neighbors in the vocabulary' {
        $red = (Get-PromptToken 'red' -Neighbor 3)[1]
        $red.Neighbors.Count | Should -Be 3
        $red.Neighbors.Similarity | Should -Be ($red.Neighbors.Similarity | Sort-Object -Descending)
        $red.Neighbors.Piece | Should -Not -Contain 'red'
        (Get-PromptToken 'red')[1].Neighbors | Should -BeNullOrEmpty
    }

    It 'shows the bytes of a part of a character' {
        $heart = Get-PromptToken ([string][char]0x2665) | Where-Object { -not $_.IsSpecial }
        $heart.Piece -join '' -replace '[<>\s]' | Should -BeExactly E299A5
        $pieces = (Get-PromptToken 'a' -Neighbor 700)[1].Neighbors.Piece
        $pieces.Count | Should -BeGreaterThan 600
        $pieces | Where-Object { $_ -notmatch '^\S+$' -and $_ -notmatch '<[0-9A-F ]+>' } | Should -BeNullOrEmpty
        "$pieces" | Should -Not -Match ([char]0xFFFD)
        $pieces | Should -Contain '<20>'
    }

    It 'takes prompts, rows and images from the pipeline' {
        ('a', '', 'b c' | Get-PromptToken).Prompt | Should -Be 'a', 'a', 'a', '', '', 'b c', 'b c', 'b c', 'b c'
        $row = [pscustomobject]@{ Prompt = '(a:2)'; PromptSyntax = 'A1111'; Lora = $null }
        ($row | Get-PromptToken -WarningAction Stop).Weight | Should -Be 1, 2, 1
        (New-DiffusionImage 'a red house' -Seed 1 -Steps 1 | Get-PromptToken).Count | Should -Be 5
    }

    It 'says what is wrong, and goes on' {
        ($null, 'a' | Get-PromptToken -ErrorAction SilentlyContinue -ErrorVariable problems).Count | Should -Be 3
        $problems.FullyQualifiedErrorId | Should -Be "PromptInvalid,$cmdlet"
        foreach ($case in @{ Id = 'NeighborInvalid'; Neighbor = -1 }, @{ Id = 'PromptSyntaxInvalid'; PromptSyntax = 'Latin' }, @{ Id = 'EmphasisInvalid'; Emphasis = 'much' }) {
            $id = $case.Id
            $case.Remove('Id')
            Get-PromptToken 'a' @case -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "$id,$cmdlet"
        }
    }

    It 'shows a table of 80 columns' {
        Get-PromptToken 'a dragon' -Neighbor 1 | Out-String -Width 80 | Should -Match 'Chunk Position +Id Piece +Weight What +Neighbors'
    }
}
