BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.MergeLatentCommand'
    $prompt = Get-TextEmbedding 'a red house'
    $first, $second = 1, 2 | ForEach-Object { Invoke-Denoise $prompt -Seed $_ -Steps 2 }
}

Describe 'Merge-Latent' {
    It 'makes a place between or a walk' {
        Test-SameValue (Merge-Latent $first, $second -Ratio 0) $first | Should -BeTrue
        $walk = $first, $second, $first | Merge-Latent -Count 5 -Mode Linear
        $walk.Count | Should -Be 5
        Test-SameValue $walk[2] $second | Should -BeTrue
        $walk[1].Tensor.Values[7] | Should -Be ([float](([double]$first.Tensor.Values[7] + [double]$second.Tensor.Values[7]) / 2))
        (Merge-Latent $first, $second).Seed | Should -BeNullOrEmpty
        (Merge-Latent $first, $second).Prompt | Should -Be 'a red house'
    }

    It 'is made again from the file of the image and by a script: <Name>' -ForEach @(
        @{ Name = 'two seeds'; Script = { $first, $second | Merge-Latent -Ratio 0.3 | ConvertFrom-Latent } }
        @{ Name = 'the start of another denoising'; Script = { $between = $first, $second | Merge-Latent -Mode Linear; Invoke-Denoise $prompt -Latent $between -Strength 0.5 -Seed 3 -Steps 4 | ConvertFrom-Latent } }
        @{ Name = 'two prompts'; Script = { $first, (Get-TextEmbedding 'a blue boat' | Invoke-Denoise -Seed 1 -Steps 3) | Merge-Latent | ConvertFrom-Latent } }
    ) {
        $image = & $Script
        $file = "$TestDrive/$Name.png"
        $image | Export-DiffusionImage $file
        $record = Get-DiffusionMetadata $file
        $record.Reproducibility | Should -Be 'Exact'
        Test-SameValue ($record | New-DiffusionImage) $image | Should -BeTrue
        $text = $record | ConvertTo-DiffusionScript
        $text | Should -BeLike '*Merge-Latent $latent1, $latent2 -Ratio 0.*'
        Test-SameValue (& ([scriptblock]::Create($text))) $image | Should -BeTrue
        { $record | New-DiffusionImage -Steps 9 -ErrorAction Stop } | Should -Throw -ErrorId 'StepsInvalid,*'
        { $record | New-DiffusionImage -WhatIf -ErrorAction Stop 6>&1 } | Should -Not -Throw
    }

    It 'is not made from the settings alone' {
        { $first, $second | Merge-Latent | New-DiffusionImage -ErrorAction Stop } | Should -Throw '*ConvertFrom-Latent*' -ErrorId 'RecordNotRepeatable,*'
    }

    It 'makes nothing of nothing' {
        @() | Merge-Latent -ErrorAction Stop | Should -BeNullOrEmpty
        @() | Merge-TextEmbedding -Weight 1, 2 -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'asks for the images that merged latents began with' {
        $files = 1, 2 | ForEach-Object { New-DiffusionImage 'a red house' -Seed $_ -Steps 1 -OutFile "$TestDrive/start-$_.png" }
        $image = Get-Item "$TestDrive/start-*.png" | ConvertTo-Latent | Merge-Latent | ConvertFrom-Latent
        Test-SameValue ($image | New-DiffusionImage) $image | Should -BeTrue
        $image | Export-DiffusionImage "$TestDrive/fade.png"
        $record = Get-DiffusionMetadata "$TestDrive/fade.png"
        { $record | New-DiffusionImage -ErrorAction Stop } | Should -Throw '*start-1.png*start-2.png*' -ErrorId 'RecordNotRepeatable,*'
        $files.Count | Should -Be 2
    }

    It 'refuses by name what is no latent, and merges nothing then' {
        $image = $first | ConvertFrom-Latent
        $first, $prompt, $image, 'house.png', $second | Merge-Latent -Count 3 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be (@("LatentInvalid,$cmdlet") * 3)
        "$($problems[0])" | Should -BeLike 'Object 2: Latent is * of type TextEmbedding. Merge-TextEmbedding merges embeddings*'
        "$($problems[1])" | Should -BeLike 'Object 3: Latent is * of type DiffusionImage. ConvertTo-Latent makes a latent of an image.'
        "$($problems[2])" | Should -BeLike "Object 4: Latent is 'house.png' of type String. Import-Latent*"
        $problems[1].TargetObject | Should -Be $image
    }

    It 'takes copies, and names a damaged one' {
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($second))
        Test-SameValue (Merge-Latent $first, $copy) (Merge-Latent $first, $second) | Should -BeTrue
        $damaged = [pscustomobject]@{ SerializationData = [byte[]](1, 2, 3) }
        $damaged.PSObject.TypeNames.Insert(0, 'Deserialized.StableDiffusion.Denoising.Latent')
        $first, $damaged | Merge-Latent -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "SerializedObjectInvalid,$cmdlet"
    }

    It 'says why latents cannot be merged: <Id>' -ForEach @(
        @{ Id = 'LatentInvalid'; Arguments = { @{ Latent = $first } } }
        @{ Id = 'LatentInvalid'; Arguments = { @{ Latent = $first, (Invoke-Denoise $prompt -Seed 1 -Steps 2 -StopStep 1) } } }
        @{ Id = 'LatentInvalid'; Arguments = { @{ Latent = ($first | Add-LatentNoise 400 -Seed 1), $first } } }
        @{ Id = 'LatentShapeMismatch'; Arguments = { @{ Latent = $first, (Invoke-Denoise $prompt -Seed 1 -Steps 1 -Width 72) } } }
        @{ Id = 'RatioInvalid'; Arguments = { @{ Latent = $first, $second, $first } } }
        @{ Id = 'CountInvalid'; Arguments = { @{ Latent = $first, $second; Count = 'many' } } }
        @{ Id = 'ModeInvalid'; Arguments = { @{ Latent = $first, $second; Mode = 'Bislerp' } } }
    ) {
        $given = & $Arguments
        Merge-Latent @given -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }
}
