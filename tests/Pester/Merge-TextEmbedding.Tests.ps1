BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.MergeTextEmbeddingCommand'
    $house, $tree, $boat = 'a red house on the grass', 'a red tree on the grass', 'a blue boat on the sea' | Get-TextEmbedding
}

Describe 'Merge-TextEmbedding' {
    It 'makes a place between, a walk, or a mean' {
        (Merge-TextEmbedding $house, $tree).Prompt | Should -Be "0.5 * 'a red house on the grass' + 0.5 * 'a red tree on the grass'"
        $walk = $house, $tree, $boat | Merge-TextEmbedding -Count 5
        $walk.Count | Should -Be 5
        $points = $house, $tree, $boat
        0..2 | ForEach-Object { [System.Linq.Enumerable]::SequenceEqual($walk[2 * $_].HiddenStates.Values, $points[$_].HiddenStates.Values) | Should -BeTrue }
        $places = $house, $tree | Merge-TextEmbedding -Ratio 0, 0.25 -Mode Spherical
        $expected = 0.75 * $house.HiddenStates.Values[900] + 0.25 * $tree.HiddenStates.Values[900]
        ($house, $tree | Merge-TextEmbedding -Ratio 0.25).HiddenStates.Values[900] | Should -BeGreaterThan ($expected - 1e-5)
        ($house, $tree | Merge-TextEmbedding -Ratio 0.25).HiddenStates.Values[900] | Should -BeLessThan ($expected + 1e-5)
        $places[1].Stages[0].Settings.Mode | Should -Be Spherical
        ($house, $tree, $boat | Merge-TextEmbedding -Weight 1, 0, 1).Prompt | Should -BeLike '0.5*0 *0.5*'
        (TabExpansion2 'Merge-TextEmbedding $a -Mode s').CompletionMatches.CompletionText | Should -Be 'Spherical'
    }

    It 'is made again from the file of the image, by a script, and from a manifest' {
        $folder = New-Item -ItemType Directory "$TestDrive/images"
        $negative = $tree, $boat | Merge-TextEmbedding -Ratio 0.1
        $image = $house, $tree, $boat | Merge-TextEmbedding -Weight 3, 2, 1 | Invoke-Denoise -NegativeEmbedding $negative -Seed 1 -Steps 3 | ConvertFrom-Latent
        $image | Export-DiffusionImage "$folder/mean.png"
        $record = Get-DiffusionMetadata "$folder/mean.png"
        $record.Prompt | Should -Be "0.5 * 'a red house on the grass' + 0.333 * 'a red tree on the grass' + 0.167 * 'a blue boat on the sea'"
        $record.NegativePrompt | Should -Be "0.9 * 'a red tree on the grass' + 0.1 * 'a blue boat on the sea'"
        $record.Reproducibility | Should -Be 'Exact'
        Test-SameValue ($record | New-DiffusionImage) $image | Should -BeTrue
        $script = $record | ConvertTo-DiffusionScript
        $script | Should -BeLike '*Merge-TextEmbedding $embedding1, $embedding2, $embedding3 -Weight 3, 2, 1*Merge-TextEmbedding $embedding2, $embedding3 -Ratio 0.1*'
        Test-SameValue (& ([scriptblock]::Create($script))) $image | Should -BeTrue
        Export-DiffusionManifest $folder
        Remove-Item "$folder/mean.png"
        $null = Restore-DiffusionManifest $folder
        Test-SameValue (Get-DiffusionMetadata "$folder/mean.png" | New-DiffusionImage) $image | Should -BeTrue
    }

    It 'does not take the description of a merged prompt for a prompt' {
        $merged = $house, $tree | Merge-TextEmbedding
        $image = $merged | Invoke-Denoise -Seed 1 -Steps 1 | ConvertFrom-Latent
        { $image | Get-TextEmbedding -ErrorAction Stop } | Should -Throw -ErrorId 'PromptInvalid,*'
        { $merged | Get-PromptToken -ErrorAction Stop } | Should -Throw -ErrorId 'PromptInvalid,*'
        { $merged | New-DiffusionImage -ErrorAction Stop } | Should -Throw -ErrorId 'PromptInvalid,*'
        { Repair-DiffusionImage $image -Box 0, 0, 32, 32 -ErrorAction Stop } | Should -Throw -ErrorId 'PromptInvalid,*'
        { $image | New-DiffusionImage -Steps 2 -ErrorAction Stop } | Should -Throw -ErrorId 'StepsInvalid,*'
        { $merged | Invoke-Denoise -Attention -ErrorAction Stop } | Should -Throw -ErrorId 'AttentionInvalid,*'
        ($image | Get-TextEmbedding -Prompt 'a red house').Prompt | Should -Be 'a red house'
        $image | Export-DiffusionReport "$TestDrive/report.html"
        Get-Content -Raw "$TestDrive/report.html" | Should -BeLike '*One of the prompts*Merge-TextEmbedding*'
    }

    It 'takes copies and files of merged embeddings' {
        $house, $tree | Merge-TextEmbedding | Export-TextEmbedding "$TestDrive/merged.safetensors"
        $read = Import-TextEmbedding "$TestDrive/merged.safetensors"
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($read))
        (Merge-TextEmbedding $copy, $boat -Ratio 0.5).Prompt | Should -Be "0.5 * (0.5 * 'a red house on the grass' + 0.5 * 'a red tree on the grass') + 0.5 * 'a blue boat on the sea'"
    }

    It 'lengthens the shorter of two prompts' {
        $long = Get-TextEmbedding ('a red house on the grass, ' * 20) -PromptSyntax A1111
        $short = Get-TextEmbedding 'a red house' -PromptSyntax A1111
        $merged = $short, $long | Merge-TextEmbedding
        $merged.HiddenStates.Shape[1] | Should -Be $long.HiddenStates.Shape[1]
        $merged | Invoke-Denoise -Seed 1 -Steps 1 | Should -Not -BeNullOrEmpty
    }

    It 'refuses by name what is no embedding, and merges nothing then' {
        $latent = Invoke-Denoise $house -Seed 1 -Steps 1
        $house, 'a red house', $latent, $null, 7, $tree | Merge-TextEmbedding -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be (@("EmbeddingInvalid,$cmdlet") * 4)
        "$($problems[0])" | Should -BeExactly "Object 2: Embedding is 'a red house' of type String. Get-TextEmbedding makes an embedding of a prompt, and Import-TextEmbedding reads one from a file."
        "$($problems[1])" | Should -BeLike 'Object 3: Embedding is * of type Latent. Merge-Latent merges latents.'
        "$($problems[2])" | Should -BeLike 'Object 4: Embedding is null. Give embeddings from Get-TextEmbedding*'
        $problems[3].TargetObject | Should -Be 7
        Merge-TextEmbedding $house, 'a red house' -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "EmbeddingInvalid,$cmdlet"
    }

    It 'says why embeddings cannot be merged: <Id>' -ForEach @(
        @{ Id = 'EmbeddingInvalid'; Arguments = { @{ Embedding = $house } } }
        @{ Id = 'EmbeddingInvalid'; Arguments = { @{ Embedding = $house, (Get-TextEmbedding 'a [red:blue:1] house' -PromptSyntax A1111) } } }
        @{ Id = 'EmbeddingInvalid'; Arguments = { @{ Embedding = $house, (Get-TextEmbedding 'a red house' -ClipSkip 2) } } }
        @{ Id = 'RatioInvalid'; Arguments = { @{ Embedding = $house, $tree, $boat } } }
        @{ Id = 'RatioInvalid'; Arguments = { @{ Embedding = $house, $tree; Ratio = 0.5, 2 } } }
        @{ Id = 'CountInvalid'; Arguments = { @{ Embedding = $house, $tree; Count = 1 } } }
        @{ Id = 'WeightInvalid'; Arguments = { @{ Embedding = $house, $tree; Weight = 1, 2, 3 } } }
        @{ Id = 'ModeInvalid'; Arguments = { @{ Embedding = $house, $tree; Mode = 'Cubic' } } }
    ) {
        $given = & $Arguments
        Merge-TextEmbedding @given -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }
}
