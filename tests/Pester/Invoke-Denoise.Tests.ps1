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
        Test-SameValue $parts $whole | Should -BeTrue
    }

    It 'gives with each step what the U-Net predicted' {
        $steps = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -Scheduler Euler -EachStep
        $steps.Sigma | Should -Be (Get-DiffusionSchedule Euler -Steps 4).Sigma
        ($steps | ConvertFrom-Latent).Width | Should -Be 64, 64, 64, 64
        foreach ($step in $steps) {
            foreach ($i in 0, 100, 255) {
                [Math]::Abs(($step.CleanScale * $step.Denoised.Tensor.Values[$i]) + ($step.NoiseScale * $step.NoisePrediction.Values[$i]) - $step.Sample.Values[$i]) | Should -BeLessThan 1e-4
            }
        }

        $steps.GuidanceNorm | ForEach-Object { $_ | Should -BeGreaterThan 0 }
        $steps | Out-String -Width 80 | Should -Match 'Step Timestep +Sigma Prediction +Guidance Prompt'
    }

    It 'gives latents that survive being serialized, and files' {
        $step = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -StopStep 2 -EachStep -Attention | Select-Object -Last 1
        $step | Export-Clixml "$TestDrive/step.xml"
        $copy = Import-Clixml "$TestDrive/step.xml"
        Test-SameValue ($copy | ConvertFrom-Latent) ($step | ConvertFrom-Latent) | Should -BeTrue
        $expected = $embedding | Invoke-Denoise -Seed 1 -Steps 4
        Test-SameValue (Invoke-Denoise $embedding -Latent $copy) $expected | Should -BeTrue
        $step | Export-Latent "$TestDrive/step.safetensors"
        Test-SameValue (Invoke-Denoise $embedding -Latent (Import-Latent "$TestDrive/step.safetensors")) $expected | Should -BeTrue
    }

    It 'records the clean latent of a step so that it can be made again' {
        $step = ($embedding | Invoke-Denoise -Seed 1 -Steps 4 -EachStep)[1]
        $image = $step.Denoised | ConvertFrom-Latent
        $image | Export-DiffusionImage "$TestDrive/predicted.png"
        $record = Get-DiffusionMetadata "$TestDrive/predicted.png"
        $record.Stages.Operation | Should -Be 'Denoise', 'PredictClean', 'Decode'
        Test-SameValue ($record | New-DiffusionImage) $image | Should -BeTrue
        $record | ConvertTo-DiffusionScript -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -BeLike 'RecordNotRepeatable,*'
    }

    It 'runs a script after each step that may change what follows, which the record repeats' {
        $seen = [System.Collections.Generic.List[object]]::new()
        $boat = Get-TextEmbedding 'a red boat on the sea'
        $latent = $embedding | Invoke-Denoise -Seed 1 -Steps 5 -OnStep {
            param($step)
            $seen.Add(($step.Step, $_.Step, $step.GuidanceScale))
            'this is not output'
            if ($step.Step -eq 2) { $step.GuidanceScale = 2 }
            if ($step.Step -eq 3) { $step.Embedding = $boat }
        }
        $latent.Count | Should -Be 1
        $seen | ForEach-Object { $_[0] } | Should -Be 1, 2, 3, 4, 5
        $seen | ForEach-Object { $_[1] } | Should -Be 1, 2, 3, 4, 5
        $seen[3][2] | Should -Be 2
        $byHand = $embedding | Invoke-Denoise -Seed 1 -Steps 5 -StopStep 2 | Invoke-Denoise -Embedding $embedding -GuidanceScale 2 -StopStep 3 | Invoke-Denoise -Embedding $boat -GuidanceScale 2
        Test-SameValue $latent $byHand | Should -BeTrue
        $image = $latent | ConvertFrom-Latent
        $image | Export-DiffusionImage "$TestDrive/steered.png"
        $record = Get-DiffusionMetadata "$TestDrive/steered.png"
        $record.Stages.Operation | Should -Be 'Denoise', 'Denoise', 'Denoise', 'Decode'
        Test-SameValue ($record | New-DiffusionImage) $image | Should -BeTrue
        Test-SameValue (& ([scriptblock]::Create(($record | ConvertTo-DiffusionScript)))) $image | Should -BeTrue
    }

    It 'can be stopped by the script, by a method or a break' {
        $stopped = $embedding | Invoke-Denoise -Seed 1 -Steps 5 -OnStep { if ($_.Step -eq 2) { $_.Stop() } }
        $stopped.Step, $stopped.StepCount | Should -Be 2, 5
        $broken = foreach ($once in 1) { $embedding | Invoke-Denoise -Seed 1 -Steps 5 -OnStep { if ($_.Step -eq 2) { break } } }
        Test-SameValue $broken $stopped | Should -BeTrue
        Test-SameValue (Invoke-Denoise $embedding -Latent $stopped) ($embedding | Invoke-Denoise -Seed 1 -Steps 5) | Should -BeTrue
        ($embedding | Invoke-Denoise -Seed 1 -Steps 5 -EachStep -OnStep { if ($_.Step -eq 2) { $_.Stop() } }).Step | Should -Be 1, 2
    }

    It 'says in the record that a script changed the values' {
        $image = $embedding | Invoke-Denoise -Seed 1 -Steps 3 -OnStep { if ($_.Step -eq 2) { $_.Latent.Tensor.Values[0] = 2 } } | ConvertFrom-Latent
        $image | Export-DiffusionImage "$TestDrive/edited.png"
        Get-DiffusionMetadata "$TestDrive/edited.png" | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -BeLike 'RecordNotRepeatable,*'
    }

    It 'makes an error of the script one of the row' {
        $rows = [pscustomobject]@{ Embedding = $embedding; Seed = 1 }, [pscustomobject]@{ Embedding = $embedding; Seed = 2 }
        foreach ($script in { if ($fails) { throw 'no more' } }, { if ($fails) { $_.GuidanceScale = 'much' } }, { if ($fails) { $_.Sleep() } }, { if ($fails) { 1 / 0 } }) {
            $fails = $true
            $rows | Invoke-Denoise -Steps 2 -OnStep $script -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
            $problems.FullyQualifiedErrorId | Should -Be "OnStepInvalid,$cmdlet", "OnStepInvalid,$cmdlet"
            $problems[0].Exception.Message | Should -BeLike '*after step 1*'
        }

        ($rows | Invoke-Denoise -Steps 2 -OnStep { if ($_.Latent.Seed -eq 1) { throw 'not this' } } -ErrorAction SilentlyContinue -ErrorVariable problems).Seed | Should -Be 2
        $problems.Count | Should -Be 1
        $rows[0] | Invoke-Denoise -Steps 2 -OnStep { $_.GuidanceScale = 101 } -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be "GuidanceScaleInvalid,$cmdlet"
    }

    It 'reuses features, records it, and refuses a branch without it' {
        $reused = $embedding | Invoke-Denoise -Seed 1 -Steps 4 -FeatureReuse 2 -FeatureReuseBranch 1
        $reused.FeatureReuse, $reused.FeatureReuseBranch | Should -Be 2, 1
        Test-SameValue $reused ($embedding | Invoke-Denoise -Seed 1 -Steps 4) | Should -BeFalse
        Test-SameValue ($embedding | Invoke-Denoise -Seed 1 -Steps 4 -FeatureReuse 1) ($embedding | Invoke-Denoise -Seed 1 -Steps 4) | Should -BeTrue
        $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 4 -FeatureReuse 2 -FeatureReuseBranch 1 -OutFile (Join-Path $TestDrive reused.png)
        Test-SameValue (Get-DiffusionMetadata (Join-Path $TestDrive reused.png) | New-DiffusionImage) $image | Should -BeTrue
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
        Test-SameValue $byStep $byStrength | Should -BeTrue
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
