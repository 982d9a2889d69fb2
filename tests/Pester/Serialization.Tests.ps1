# Objects that PowerShell serialized: by Export-Clixml, and for jobs.
BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $module = "$ModuleFolder/StableDiffusion.psd1"
    Push-Location -LiteralPath $TestDrive
    $settings = @{ Seed = 1; Steps = 4; Scheduler = 'Euler a'; SchedulerOption = @{ timestep_spacing = 'trailing' }; GuidanceScale = 3 }
    $embedding = Get-TextEmbedding 'a (red:1.2) house' -PromptSyntax A1111
    $whole = $embedding | Invoke-Denoise @settings
    $half = $embedding | Invoke-Denoise @settings -StopStep 2
    $image = $whole | ConvertFrom-Latent
    $image | Export-DiffusionImage image.png
    $metadata = Get-DiffusionMetadata image.png

    $half | Export-Latent half.safetensors
    $embedding | Export-TextEmbedding embedding.safetensors
    $embedding | Export-Clixml embedding.xml
    $half | Export-Clixml half.xml
    $image | Export-Clixml image.xml
    $metadata | Export-Clixml metadata.xml

    # What arrives where the module was not loaded yet.
    Remove-Module StableDiffusion
    $copies = @{}
    foreach ($name in 'embedding', 'half', 'image', 'metadata') {
        $copies[$name] = Import-Clixml "$name.xml"
    }

    Import-Module $module

    # Copies that lack what makes them up, or a part of that.
    function Get-DamagedCopy([string] $Name, [string] $Damage) {
        $text = Get-Content -Raw "$Name.xml"
        $text = switch ($Damage) {
            'nothing but properties' { $text -replace '<BA N="SerializationData">.*?</BA>' }
            'a property without a name' { $text -replace 'N="(Source|Width)"', 'N=""' }
            'damaged bytes' { $text -replace '<BA N="SerializationData">.{60}', '<BA N="SerializationData">' }
        }
        $text | Set-Content damaged.xml
        Import-Clixml damaged.xml
    }
}

AfterAll {
    Pop-Location
}

Describe 'An object in a file of Export-Clixml' {
    It 'comes back as itself: <_>' -ForEach 'embedding', 'half', 'image', 'metadata' {
        $original = Get-Variable $_ -ValueOnly
        $back = Import-Clixml "$_.xml"
        $back.GetType() | Should -Be $original.GetType()
        foreach ($property in $original.psobject.Properties) {
            $property.Value -is [array] ? $property.Value.Count : "$($property.Value)" | Should -Be ($property.Value -is [array] ? $back.($property.Name).Count : "$($back.($property.Name))") -Because $property.Name
        }
    }

    It 'comes back as itself from any depth, with what was added to it' {
        $marked = $embedding | Invoke-Denoise -Seed 1 -Steps 1 | ConvertFrom-Latent | Add-Member -NotePropertyName Score -NotePropertyValue 0.5 -PassThru
        [pscustomobject]@{ Name = 'a'; Best = @{ List = @(@{ Image = $marked }) } } | Export-Clixml deep.xml -Depth 5
        $back = (Import-Clixml deep.xml).Best.List[0].Image
        Test-SameValue $back $marked | Should -BeTrue
        $back.Score | Should -Be 0.5
        [pscustomobject]@{ Image = $marked } | Export-Clixml flat.xml -Depth 1
        Test-SameValue (Import-Clixml flat.xml).Image $marked | Should -BeTrue
    }

    It 'does not lose that an image shall have no metadata' {
        New-DiffusionImage 'a secret' -Steps 1 -NoMetadata | Export-Clixml secret.xml
        Import-Clixml secret.xml | Export-DiffusionImage secret.png
        (Get-DiffusionMetadata secret.png -WarningAction SilentlyContinue).Entries | Should -BeNullOrEmpty
    }

    It 'goes on after a stop as if it had never stopped, however it is given' {
        $latent = Import-Clixml half.xml
        $text = Import-Clixml embedding.xml
        Test-SameValue ($latent | Invoke-Denoise $text) $whole | Should -BeTrue
        Test-SameValue (Invoke-Denoise $text -Latent $latent -GuidanceScale 3) $whole | Should -BeTrue
        Test-SameValue ($text | Invoke-Denoise @settings) $whole | Should -BeTrue
    }
}

Describe 'A copy from before the module was loaded' {
    It 'has the properties of the object' {
        $copies.half.pstypenames[0] | Should -Be 'Deserialized.StableDiffusion.Denoising.Latent'
        $copies.image.Prompt, $copies.image.Seed, $copies.image.SchedulerOption.timestep_spacing, $copies.image.Path | Should -Be 'a (red:1.2) house', 1, 'trailing', $image.Path
        $copies.image.Pixels | Should -BeNullOrEmpty
    }

    It 'is a latent and an embedding for Invoke-Denoise, <Name>' -ForEach @(
        @{ Name = 'in the pipeline'; Use = { $copies.half | Invoke-Denoise $copies.embedding } }
        @{ Name = 'with the step to start at'; Use = { $copies.half | Invoke-Denoise $copies.embedding -StartStep 2 } }
        @{ Name = 'as arguments'; Use = { Invoke-Denoise $copies.embedding -Latent $copies.half -GuidanceScale 3 } }
        @{ Name = 'as properties of a row'; Use = { [pscustomobject]@{ Embedding = $copies.embedding; Latent = $copies.half; GuidanceScale = 3 } | Invoke-Denoise } }
        @{ Name = 'as an embedding in the pipeline'; Use = { $copies.embedding | Invoke-Denoise @settings } }
        @{ Name = 'as the negative embedding'; Use = { $copies.half | Invoke-Denoise $copies.embedding -NegativeEmbedding (Get-TextEmbedding '' -PromptSyntax A1111) } }
    ) {
        Test-SameValue (& $Use) $whole | Should -BeTrue
    }

    It 'gives the script that the object would give: <_>' -ForEach 'embedding', 'half', 'image', 'metadata' {
        $copies[$_] | ConvertTo-DiffusionScript | Should -Be (Get-Variable $_ -ValueOnly | ConvertTo-DiffusionScript)
        ConvertTo-DiffusionScript $copies[$_] | Should -Be (Get-Variable $_ -ValueOnly | ConvertTo-DiffusionScript)
    }

    It 'is never passed over: a stopped latent refuses to start anew' {
        $copies.half | Invoke-Denoise $embedding -StartStep 0 -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'StartStepInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'
    }

    It 'is a latent for ConvertFrom-Latent, <Name>' -ForEach @(
        @{ Name = 'in the pipeline'; Use = { $copies.half | ConvertFrom-Latent } }
        @{ Name = 'as an argument'; Use = { ConvertFrom-Latent $copies.half } }
        @{ Name = 'in an array'; Use = { ConvertFrom-Latent @($copies.half, $half) | Select-Object -First 1 } }
    ) {
        Test-SameValue (& $Use) ($half | ConvertFrom-Latent) | Should -BeTrue
    }

    It 'is exported as the object would be' {
        $copies.half | Export-Latent copy.safetensors
        (Get-FileHash copy.safetensors).Hash | Should -Be (Get-FileHash half.safetensors).Hash
        Export-TextEmbedding copy.safetensors -InputObject $copies.embedding -Force
        (Get-FileHash copy.safetensors).Hash | Should -Be (Get-FileHash embedding.safetensors).Hash
    }

    It 'is the image to start from in the pipeline, or one that is made again' {
        Test-SameValue ($copies.image | New-DiffusionImage 'a blue fish' -Seed 1) ($image | New-DiffusionImage 'a blue fish' -Seed 1) | Should -BeTrue
        Test-SameValue ($copies.image | New-DiffusionImage) $image | Should -BeTrue
    }

    It 'is metadata that makes the image again' {
        foreach ($copy in $copies.metadata, (Import-Clixml metadata.xml)) {
            $copy | New-DiffusionImage -OutFile again.png -Force -WarningVariable warnings | Out-Null
            (Get-FileHash again.png).Hash | Should -Be (Get-FileHash image.png).Hash
            $warnings | Should -BeNullOrEmpty
        }
    }

    It 'is refused by name if it has <Damage>: <Use>' -ForEach @(
        foreach ($damage in 'nothing but properties', 'damaged bytes') {
            @{ Damage = $damage; Of = 'half'; Use = { $copy, $half | Invoke-Denoise $embedding }; Left = 1; Id = 'ParameterArgumentTransformationError'; Noun = 'a latent' }
            @{ Damage = $damage; Of = 'half'; Use = { [pscustomobject]@{ Latent = $copy; Embedding = $embedding } | Invoke-Denoise }; Id = 'ParameterArgumentTransformationError'; Noun = 'a latent' }
            @{ Damage = $damage; Of = 'half'; Use = { $copy, $half | ConvertFrom-Latent }; Left = 1; Id = 'ParameterArgumentTransformationError'; Noun = 'a latent' }
            @{ Damage = $damage; Of = 'embedding'; Use = { $copy, $embedding | Invoke-Denoise -Steps 1 }; Left = 1; Id = 'ParameterArgumentTransformationError'; Noun = 'an embedding' }
            @{ Damage = $damage; Of = 'image'; Use = { New-DiffusionImage a -Steps 2 -InitImage $copy }; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'image'; Use = { $copy, $image | New-DiffusionImage a -Steps 2 }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'image'; Use = { $copy, $image | New-DiffusionImage }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'image'; Use = { $copy, $image | ConvertTo-Latent }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'image'; Use = { $copy, $image | Export-DiffusionImage left.png -PassThru -Force }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'image'; Use = { $copy, $image | Join-DiffusionImage }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'image'; Use = { $copy, $image | ConvertTo-DiffusionScript }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
            @{ Damage = $damage; Of = 'half'; Use = { $copy, $half | ConvertTo-DiffusionScript }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'a latent' }
            @{ Damage = $damage; Of = 'embedding'; Use = { ConvertTo-DiffusionScript $copy, $embedding }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'an embedding' }
            @{ Damage = $damage; Of = 'metadata'; Use = { $copy, $metadata | ConvertTo-DiffusionScript }; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'the metadata of an image' }
        }
        foreach ($use in { $copy, $row | New-DiffusionImage -Seed 1 -Steps 1 }, { $copy, $embedding | ConvertTo-DiffusionScript }, { $copy, $row | Get-TextEmbedding }, { $copy, $image | Compare-DiffusionImage $image }) {
            @{ Damage = 'a property without a name'; Of = 'metadata'; Use = $use; Left = 1; Id = 'SerializedObjectInvalid'; Noun = 'the metadata of an image' }
        }
        @{ Damage = 'a property without a name'; Of = 'image'; Use = { New-DiffusionImage a -Steps 2 -InitImage $copy }; Id = 'SerializedObjectInvalid'; Noun = 'an image' }
        @{ Damage = 'damaged bytes'; Of = 'metadata'; Use = { $copy | New-DiffusionImage }; Id = 'SerializedObjectInvalid'; Noun = 'the metadata of an image' }
    ) {
        $copy = Get-DamagedCopy $Of $Damage
        $row = [pscustomobject]@{ Prompt = 'second' }
        $ErrorActionPreference = 'Continue'
        $output = @(& $Use 2>&1)
        $problems = $output | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }
        ($problems.FullyQualifiedErrorId -split ',')[0] | Should -Be $Id
        "$problems" | Should -BeLike "*This is a copy of $Noun that PowerShell made*, or * with *-*."
        $output.Count - @($problems).Count | Should -Be ([int]$Left)
    }

    It 'is not written where its values are not finite' {
        $latent = $embedding | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1
        $latent.Tensor.Values[0] = [float]::NaN
        $latent | Export-Clixml infinite.xml
        Import-Clixml infinite.xml | Invoke-Denoise $embedding -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        "$problems" | Should -BeLike '*NaN or infinite*'
    }
}

Describe 'An object of a job' {
    It 'comes back as itself, and goes there as an argument before the module is loaded' {
        $output = Start-Job -ArgumentList $module, $half, $embedding, $image {
            param($module, $latent, $embedding, $image)
            $names = $latent.pstypenames[0], $image.pstypenames[0]
            Import-Module $module
            $whole = $latent | Invoke-Denoise $embedding
            $names
            $whole
            $embedding
            $image | Export-DiffusionImage "$using:TestDrive/job.png"
            [pscustomobject]@{ Name = 'row'; Image = $whole | ConvertFrom-Latent; Metadata = Get-DiffusionMetadata "$using:TestDrive/job.png" }
        } | Receive-Job -Wait -AutoRemoveJob
        $output[0, 1] | Should -Be 'Deserialized.StableDiffusion.Denoising.Latent', 'Deserialized.StableDiffusion.Images.DiffusionImage'
        Test-SameValue $output[2] $whole | Should -BeTrue
        Test-SameValue ($output[3] | Invoke-Denoise @settings) $whole | Should -BeTrue
        Test-SameValue $output[4].Image $image | Should -BeTrue
        (Get-FileHash job.png).Hash | Should -Be (Get-FileHash image.png).Hash
        $output[4].Metadata.GetType() | Should -Be $metadata.GetType()
        Test-SameValue ($output[2] | ConvertFrom-Latent) $image | Should -BeTrue
    }

    It 'goes there in the pipeline' {
        $output = $half | Start-Job { Import-Module $using:module; $input | Invoke-Denoise $using:embedding } | Receive-Job -Wait -AutoRemoveJob
        Test-SameValue $output $whole | Should -BeTrue
    }

    It 'can be a large image of noise' {
        $pixels = [byte[]]::new(1024 * 1024 * 3)
        [Random]::new(1).NextBytes($pixels)
        $large = [Activator]::CreateInstance($image.GetType(), @(1024, 1024, $pixels, $image.Info))
        $back = Start-Job { Import-Module $using:module; $using:large } | Receive-Job -Wait -AutoRemoveJob
        Test-SameValue ($back | ConvertTo-ControlImage -Preprocessor None) $large | Should -BeTrue
    }
}

Describe 'Metadata in a table' {
    It 'can be written with Export-Csv and read back, with options and lists' {
        Get-DiffusionMetadata image.png | Select-Object Prompt, PromptSyntax, Seed, Steps, Scheduler, SchedulerOption, GuidanceScale | Export-Csv made.csv
        (Import-Csv made.csv).SchedulerOption | Should -Be 'timestep_spacing=trailing'
        Test-SameValue (Import-Csv made.csv | New-DiffusionImage -Strict) $image | Should -BeTrue
    }

    It 'can be read back with all that it has' {
        Get-DiffusionMetadata image.png | Export-Csv all.csv
        Test-SameValue (Import-Csv all.csv | New-DiffusionImage -WarningAction SilentlyContinue) $image | Should -BeTrue
    }
}
