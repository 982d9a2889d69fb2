BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $large = Join-Path $FamiliesFolder 'sdxl/sdxl-tiny.safetensors'
    $store = $env:STABLEDIFFUSION_MODELS
    $env:STABLEDIFFUSION_MODELS = "$TestDrive/models"

    # The module's own model with another scheduler.
    Copy-Item -Recurse -LiteralPath "$ModuleFolder/model" -Destination "$TestDrive/refining"
    $scheduler = "$TestDrive/refining/scheduler/scheduler_config.json"
    $config = Get-Content -Raw -LiteralPath $scheduler | ConvertFrom-Json -AsHashtable
    $config['_class_name'] = 'EulerDiscreteScheduler'
    $config | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath $scheduler
    $null = Import-DiffusionModel -LiteralPath "$TestDrive/refining" -Name refining
    $settings = @{ Seed = 1; Steps = 5; GuidanceScale = 3 }
}

AfterAll {
    Clear-DiffusionCache
    $env:STABLEDIFFUSION_MODELS = $store
}

Describe 'A refiner' {
    BeforeAll {
        $file = "$TestDrive/refined.png"
        $image = New-DiffusionImage 'a red house' @settings -Refiner refining -RefinerSwitchAt 0.6 -OutFile $file
    }

    It 'is recorded, in the list, in the text and in the file' {
        $image.Refiner, $image.RefinerSwitchAt, $image.RefinerMode, $image.Model | Should -Be 'refining', 0.6, $null, 'demo'
        $image | Format-List | Out-String | Should -Match 'Refiner +: refining'
        $metadata = Get-DiffusionMetadata $file
        $metadata.Settings['Refiner'], $metadata.Settings['Refiner switch at'] | Should -Be 'refining', '0.6'
        $image.Stages.Operation | Should -Be 'Denoise', 'Denoise', 'Decode'
    }

    It 'makes the image of the stages by hand' {
        $latent = Get-TextEmbedding 'a red house' | Invoke-Denoise @settings -StopStep $image.Stages[0].Settings['StopStep']
        $embedding = Get-TextEmbedding 'a red house' -Model refining
        $refined = Invoke-Denoise $embedding -Latent $latent -Model refining -DenoisingStart 0.6 -GuidanceScale 3
        Test-SameValue ($refined | ConvertFrom-Latent -Model demo) $image | Should -BeTrue
    }

    It 'goes on with an image that starts from another one, which can be made again' {
        $start = "$TestDrive/start.png"
        $null = New-DiffusionImage 'a red house' @settings -OutFile $start
        $mask = New-DiffusionImage 'a white star on black' @settings
        foreach ($given in @{ InitImage = $start; Strength = 0.6 }, @{ InitImage = $start; MaskImage = $mask; MaskBlur = 2 }) {
            $made = New-DiffusionImage 'a red house at night' @settings @given -Refiner refining -RefinerSwitchAt 0.6 -OutFile "$TestDrive/gone-on.png" -Force
            $given.Remove('Strength')
            $given.Remove('MaskBlur')
            Test-SameValue (Get-DiffusionMetadata "$TestDrive/gone-on.png" 3> $null | New-DiffusionImage @given) $made | Should -BeTrue
        }
    }

    It 'makes the same image from the file and by the script, in both ways' {
        Test-SameValue (Get-DiffusionMetadata $file | New-DiffusionImage) $image | Should -BeTrue
        $script = Get-DiffusionMetadata $file | ConvertTo-DiffusionScript
        $script | Should -Match '-DenoisingStart 0.6'
        Test-SameValue (Invoke-Expression $script) $image | Should -BeTrue

        $other = New-DiffusionImage 'a red house' @settings -Refiner refining -RefinerSwitchAt 0.6 -RefinerMode a1111 -OutFile "$TestDrive/a1111.png"
        $other.RefinerMode | Should -Be 'A1111'
        Test-SameValue $other $image | Should -BeFalse
        Test-SameValue (Get-DiffusionMetadata "$TestDrive/a1111.png" | New-DiffusionImage) $other | Should -BeTrue
        Test-SameValue (Get-DiffusionMetadata "$TestDrive/a1111.png" | ConvertTo-DiffusionScript | Invoke-Expression) $other | Should -BeTrue
    }

    It 'comes in order among images of batches, from rows' {
        $rows = $null, 'refining', $null | ForEach-Object { [pscustomobject]@{ Prompt = 'a red house'; Seed = 1; Steps = 5; GuidanceScale = 3; Refiner = $_; RefinerSwitchAt = $(if ($_) { 0.6 }) } }
        $images = @($rows | New-DiffusionImage -BatchOnDevice 2)
        $images.Refiner | Should -Be $null, 'refining', $null
        Test-SameValue $images[1] $image | Should -BeTrue
        @($rows | New-DiffusionImage -StageMajor).Refiner | Should -Be $null, 'refining', $null
    }

    It 'that cannot be used is an error of its row alone: <Id>' -ForEach @(
        @{ Id = 'RefinerInvalid'; Row = @{ Refiner = 'nosuchmodel' } }
        @{ Id = 'RefinerInvalid'; Row = @{ Refiner = 'xl' } }
        @{ Id = 'RefinerSwitchAtInvalid'; Row = @{ Refiner = 'refining'; RefinerSwitchAt = 1 } }
        @{ Id = 'RefinerModeInvalid'; Row = @{ Refiner = 'refining'; RefinerMode = 'Both' } }
        @{ Id = 'RefinerSwitchAtInvalid'; Row = @{ RefinerSwitchAt = 0.5 } }
    ) {
        if ($Row.Refiner -eq 'xl') { $Row.Refiner = $large }
        $rows = [pscustomobject](@{ Prompt = 'a'; Seed = 1; Steps = 2 } + $Row), [pscustomobject]@{ Prompt = 'b'; Seed = 1; Steps = 1 }
        $made = @($rows | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable problems)
        $problems[0].FullyQualifiedErrorId | Should -BeLike "$Id,*"
        $made.Prompt | Should -Be 'b'
    }
}
