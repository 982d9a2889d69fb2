BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.InvokeDenoiseCommand'
    $embedding = Get-TextEmbedding 'a red house'
}

Describe 'Invoke-Denoise' {
    It 'gives every step with -EachStep' {
        ($embedding | Invoke-Denoise -Seed 1 -Steps 3 -EachStep).Step | Should -Be 1, 2, 3
        ($embedding | Invoke-Denoise -Seed 1 -Steps 500 -EachStep | Select-Object -First 2).Step | Should -Be 1, 2
    }

    It 'goes on after a stop as if it had never stopped, with <_>' -ForEach 'DDIM', 'Euler a', 'DPM++ 2M Karras' {
        $whole = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler $_
        $parts = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler $_ -StopStep 2 | Invoke-Denoise -Embedding $embedding
        $parts.Tensor.Values | Should -Be $whole.Tensor.Values
    }

    It 'reuses features, records it, and refuses a branch without it' {
        $reused = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -FeatureReuse 2 -FeatureReuseBranch 1
        $reused.FeatureReuse, $reused.FeatureReuseBranch | Should -Be 2, 1
        Test-SameValue $reused ($embedding | Invoke-Denoise -Seed 1 -Steps 4) | Should -BeFalse
        Test-SameValue ($embedding | Invoke-Denoise -Seed 1 -Steps 4 -FeatureReuse 1) ($embedding | Invoke-Denoise -Seed 1 -Steps 4) | Should -BeTrue
        $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 4 -FeatureReuse 2 -FeatureReuseBranch 1 -OutFile (Join-Path $TestDrive reused.png)
        (Get-DiffusionMetadata (Join-Path $TestDrive reused.png) | New-DiffusionImage).Pixels | Should -Be $image.Pixels
        { $embedding | Invoke-Denoise -Steps 4 -FeatureReuseBranch 1 -ErrorAction Stop } | Should -Throw -ErrorId 'FeatureReuseBranchInvalid,*'
    }

    It 'takes the model of its embedding and its latent, as arguments as from the pipeline' {
        $storeBefore = Enter-OtherStore $TestDrive other
        try {
            $own = Get-DiffusionModel other | Get-TextEmbedding 'a'
            $own.Model | Should -Be 'other'
            $expected = $own | Invoke-Denoise -Seed 1
            $expected.Model, $expected.Steps | Should -Be 'other', 3
            Test-SameValue (Invoke-Denoise $own -Seed 1) $expected | Should -BeTrue
            $half = Invoke-Denoise $own -Seed 1 -StopStep 1
            Test-SameValue (Invoke-Denoise $own -Latent $half) $expected | Should -BeTrue
            Test-SameValue ($half | Invoke-Denoise -Embedding $own) $expected | Should -BeTrue
            (Invoke-Denoise $own -Model demo -Seed 1 -Steps 1).Model | Should -Be 'demo'
        }
        finally {
            Exit-OtherStore $storeBefore
        }
    }

    It 'takes rows with embeddings and steps, and warns of what it does not know in them' {
        $rows = [pscustomobject]@{ Embedding = $embedding; Steps = '3'; StopStep = '2'; EachStep = 'true'; Seed = 1; Id = 4 },
            [pscustomobject]@{ Embedding = $embedding; Steps = '3'; StopStep = 'x'; Seed = 1 }
        ($rows | Invoke-Denoise -WarningAction SilentlyContinue -WarningVariable warnings -ErrorAction SilentlyContinue -ErrorVariable problems).Step | Should -Be 1, 2
        $warnings | Should -Be "The column 'Id' is not known and was ignored."
        $problems.FullyQualifiedErrorId | Should -Be "StopStepInvalid,$cmdlet"
        $problems.Exception.Message | Should -BeLike "Row 2 ('a red house'): StopStep is 'x'*"
    }

    It 'refuses an object that no parameter takes' {
        'x' | Invoke-Denoise $embedding -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "InputObjectNotBound,$cmdlet"
    }

    It 'takes a picture up at a step' {
        $latent = New-DiffusionImage 'a blue fish' -Seed 1 -Steps 2 | ConvertTo-Latent -Seed 1
        $byStep = $latent | Invoke-Denoise -Embedding $embedding -Steps 4 -StartStep 2
        $byStrength = $latent | Invoke-Denoise -Embedding $embedding -Steps 4 -Strength 0.5
        $byStep.Tensor.Values | Should -Be $byStrength.Tensor.Values
    }

    It 'refuses <Settings>' -ForEach @(
        @{ Settings = @{ Scheduler = 'Eular' }; Id = 'SchedulerNotFound' }
        @{ Settings = @{ Width = 60 }; Id = 'WidthInvalid' }
        @{ Settings = @{ Seed = -2 }; Id = 'SeedInvalid' }
        @{ Settings = @{ Steps = 4; StopStep = 5 }; Id = 'StopStepInvalid' }
        @{ Settings = @{ SchedulerOption = @{ nope = 1 } }; Id = 'SchedulerOptionInvalid' }
    ) {
        $embedding | Invoke-Denoise @Settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "$Id,$cmdlet"
    }

    It 'refuses ControlNets for a model that edits pictures, before it opens one' {
        $model = "$TestDrive/edit"
        Copy-Item -Recurse -Path "$ModuleFolder/model" -Destination $model
        $config = Get-Content "$model/unet/config.json" | ConvertFrom-Json
        $config | Add-Member -Force in_channels 8
        $config | ConvertTo-Json | Set-Content "$model/unet/config.json"
        $settings = @{ Model = $model; ControlNet = 'no-such-net'; ControlImage = "$PSScriptRoot/../data/images/scene.png" }
        $embedding | Invoke-Denoise @settings -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "ControlNetInvalid,$cmdlet"
        "$problems" | Should -BeLike '*edits images by instructions*'
    }

    It 'refuses a latent that is not finite' {
        $latent = $embedding | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1
        $latent.Tensor.Values[0] = [float]::NaN
        $latent | Invoke-Denoise -Embedding $embedding -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "NotFinite,$cmdlet"
        $problems.CategoryInfo.Category | Should -Be 'InvalidData'
    }

    It 'shows a table of one line a latent and none of its numbers' {
        $lines = @(($embedding | Invoke-Denoise -Seed 1 -Steps 2 | Out-String -Width 120) -split '\r?\n' | Where-Object { $_ })
        $lines | Should -HaveCount 3
        $lines[0] | Should -Match '^Shape +Step +Seed +Scheduler +Prompt'
        $lines[2] | Should -Match '\[1,4,8,8\] +2/2 +1 DDIM +a red house'
    }

    It 'lists no more of a latent than is set' {
        $lines = @(($embedding | Invoke-Denoise -Seed 0 -Steps 2 | Format-List | Out-String -Width 80) -split '\r?\n' | Where-Object { $_ })
        $lines -match '^Tensor +: .*\[1,4,8,8\]$' | Should -HaveCount 1
        $lines -match '^Seed +: 0$' | Should -HaveCount 1
        $lines -match ': *$' | Should -HaveCount 0
    }

    It 'has examples in its help' {
        (Get-Help Invoke-Denoise -Examples).examples.example | Should -Not -BeNullOrEmpty
    }
}
