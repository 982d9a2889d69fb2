BeforeAll {
    . "$PSScriptRoot/common.ps1"

    # Runs a script in this session and returns its output.
    function Invoke-Script {
        param([string] $Script)
        & ([scriptblock]::Create($Script))
    }
}

Describe 'ConvertTo-DiffusionScript' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'writes one command for an image of one request' {
        $image = New-DiffusionImage 'a red house' -NegativePrompt 'a "blue" house' -Seed 3 -Steps 2 -OutFile a.png
        $script = ConvertTo-DiffusionScript a.png
        $script | Should -BeOfType string
        @($script -split "`n" -match '^New-DiffusionImage').Count | Should -Be 1
        Test-SameValue (Invoke-Script $script) $image | Should -BeTrue
        $image | ConvertTo-DiffusionScript | Should -Be $script
        Get-DiffusionMetadata a.png | ConvertTo-DiffusionScript | Should -Be $script
    }

    It 'writes the start image, its size and its mask' {
        $null = New-DiffusionImage 'a red house' -Seed 3 -Steps 2 -OutFile "it's.png"
        $image = New-DiffusionImage 'a blue house' -InitImage "it's.png" -MaskImage "it's.png" -Width 48 -Height 64 -ResizeMode Stretch -Seed 4 -Steps 3 -OutFile b.png
        $script = ConvertTo-DiffusionScript b.png
        $script | Should -BeLike "*-InitImage 'it''s.png'*-MaskImage 'it''s.png'*"
        Test-SameValue (Invoke-Script $script) $image | Should -BeTrue
    }

    It 'writes a command for each stage of an image that was made in several' {
        $day, $night = 'a house by day', 'a house at night' | Get-TextEmbedding
        $latent = $day | Invoke-Denoise -Seed 1 -Steps 3 -StopStep 1 | Invoke-Denoise $night -GuidanceScale 2
        $image = $latent | ConvertFrom-Latent
        $script = $image | ConvertTo-DiffusionScript
        @($script -split "`n" -match 'Invoke-Denoise').Count | Should -Be 2
        Test-SameValue (Invoke-Script $script) $image | Should -BeTrue
        Test-SameValue (Invoke-Script ($latent | ConvertTo-DiffusionScript)) $latent | Should -BeTrue
    }

    It 'writes the images of a sheet, each once' {
        $house = New-DiffusionImage 'a house' -Seed 1 -Steps 1
        $null = New-DiffusionImage 'a boat' -Seed 2 -Steps 1 -OutFile boat.png
        $sheet = $house, (Get-Item boat.png), $house | Join-DiffusionImage -Columns 3 -Gap 2
        $script = $sheet | ConvertTo-DiffusionScript
        @($script -split "`n" -match 'New-DiffusionImage').Count | Should -Be 1
        Test-SameValue (Invoke-Script $script) $sheet | Should -BeTrue
    }

    It 'writes control images, schedulers options and lists as literals' {
        $options = @{ timestep_spacing = 'trailing'; eta = 0.5 }
        $image = New-DiffusionImage "a 'red' house`n`$(throw)" -Seed 3 -Steps 2 -SchedulerOption $options -PromptSyntax A1111
        Test-SameValue (Invoke-Script ($image | ConvertTo-DiffusionScript)) $image | Should -BeTrue
    }

    It 'writes a text that ends the arguments of a command as a text' {
        $image = New-DiffusionImage ('--%') -NegativePrompt "x`nthrow #" -Seed 3 -Steps 1
        Test-SameValue (Invoke-Script ($image | ConvertTo-DiffusionScript)) $image | Should -BeTrue
    }

    It 'reads the one file whose name has wildcards' {
        $null = New-DiffusionImage 'a' -Seed 3 -Steps 1 -OutFile 'm[1].png'
        $null = New-DiffusionImage 'b' -Seed 4 -Steps 1 -OutFile 'm1.png'
        $edges = ConvertTo-ControlImage -LiteralPath 'm[1].png' -Preprocessor Canny
        $script = $edges | ConvertTo-DiffusionScript
        $script | Should -BeLike '*-LiteralPath*'
        Test-SameValue (Invoke-Script $script) $edges | Should -BeTrue
    }

    It 'warns of values that a script changed after the last stage' {
        $image = New-DiffusionImage 'a red house' -Seed 3 -Steps 1
        $script = $image | ConvertTo-DiffusionScript -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        $image.Pixels[0] = 255 - $image.Pixels[0]
        $edited = $image | ConvertTo-DiffusionScript -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -BeLike '*script changed the values*'
        $edited -split "`n" | Where-Object { $_ -notlike '# A script changed*' } | Should -Be ($script -split "`n")
        @($edited -split "`n" -like '# A script changed*').Count | Should -Be 1

        $latent = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 1
        $latent.Tensor.Values[3] += 1
        $latent | ConvertTo-DiffusionScript -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeLike '*Invoke-Denoise*'
        "$warnings" | Should -BeLike '*script changed the values*'
    }

    It 'names what cannot be repeated, and goes on' {
        $image = New-DiffusionImage 'a red house' -Seed 3 -Steps 1
        $edited = New-DiffusionImage 'a red house' -Seed 3 -Steps 1
        $edited.Pixels[0] = 255 - $edited.Pixels[0]
        $changed = New-DiffusionImage 'a blue house' -InitImage $edited -Seed 1 -Steps 2
        $scripts = $changed, $image | ConvertTo-DiffusionScript -ErrorAction SilentlyContinue -ErrorVariable problems
        $scripts.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'RecordNotRepeatable,*'
        $problems[0].TargetObject | Should -Be $changed
    }

    It 'names the file without a record and says what to do' {
        New-DiffusionImage 'a' -Seed 1 -Steps 1 | Export-DiffusionImage none.png -NoMetadata
        foreach ($given in 'none.png', (Get-DiffusionMetadata none.png -WarningAction SilentlyContinue)) {
            $given | ConvertTo-DiffusionScript -WarningAction SilentlyContinue -ErrorAction SilentlyContinue -ErrorVariable problems
            "$problems" | Should -BeLike '*none.png*: There is no record*Give a file*'
        }
    }

    It 'takes objects and files as arguments, by position and by name' {
        $image = New-DiffusionImage 'a red house' -Seed 3 -Steps 1 -OutFile a.png
        $expected = ConvertTo-DiffusionScript a.png
        ConvertTo-DiffusionScript (Get-Item a.png) | Should -Be $expected
        ConvertTo-DiffusionScript -InputObject (Get-DiffusionMetadata a.png) | Should -Be $expected
        Get-Item a.png | ConvertTo-DiffusionScript | Should -Be $expected
        'a.png' | ConvertTo-DiffusionScript | Should -Be $expected
        [pscustomobject]@{ Path = 'a.png' } | ConvertTo-DiffusionScript | Should -Be $expected
        ConvertTo-DiffusionScript -LiteralPath a.png | Should -Be $expected
        ConvertTo-DiffusionScript $image | Should -Be $expected
        New-DiffusionImage 'a red house' -Seed 3 -Steps 1 | ConvertTo-DiffusionScript | Should -Be ($expected -replace 'a\.png', "the image 'a red house'")
        (ConvertTo-DiffusionScript $image, $image).Count | Should -Be 2
        ConvertTo-DiffusionScript -InputObject $image | Should -BeLike '*New-DiffusionImage*'
    }

    It 'writes the prompt of an embedding' {
        $embedding = Get-TextEmbedding 'a (red:1.2) house' -PromptSyntax A1111
        $script = $embedding | ConvertTo-DiffusionScript
        $script | Should -BeLike "*Get-TextEmbedding 'a (red:1.2) house' -PromptSyntax 'A1111'*"
        [System.Linq.Enumerable]::SequenceEqual((Invoke-Script $script).HiddenStates.Values, $embedding.HiddenStates.Values) | Should -BeTrue
        ConvertTo-DiffusionScript $embedding | Should -Be $script
    }

    It 'says what can be given in place of <Name>' -ForEach @(
        @{ Name = 'a number'; Use = { 5 | ConvertTo-DiffusionScript }; Id = 'InputObjectInvalid' }
        @{ Name = 'a number by position'; Use = { ConvertTo-DiffusionScript 5 }; Id = 'InputObjectInvalid' }
        @{ Name = 'a row without a path'; Use = { [pscustomobject]@{ A = 1 } | ConvertTo-DiffusionScript }; Id = 'InputObjectInvalid' }
        @{ Name = 'the file of an embedding'; Use = { Get-TextEmbedding 'a' | Export-TextEmbedding a.safetensors; ConvertTo-DiffusionScript a.safetensors }; Id = 'ImageInvalid' }
        @{ Name = 'the file of a latent'; Use = { Get-TextEmbedding 'a' | Invoke-Denoise -Steps 1 | Export-Latent a.safetensors; Get-Item a.safetensors | ConvertTo-DiffusionScript }; Id = 'ImageInvalid' }
    ) {
        $ErrorActionPreference = 'Continue'
        $problems = @(& $Use 2>&1)
        $problems.FullyQualifiedErrorId | Should -Be "$Id,SdPowerShell.Commands.ConvertToDiffusionScriptCommand"
        "$problems" | Should -BeLike '*an image, its metadata, a latent, an embedding, or the path of an image file*Import-Latent*'
    }

    It 'takes copies that hold the record, and refuses one that was changed' {
        $null = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2 -StopStep 1 | Invoke-Denoise (Get-TextEmbedding 'b') | ConvertFrom-Latent | Export-DiffusionImage two.png
        $metadata = Get-DiffusionMetadata two.png
        $copy = $metadata | Select-Object *
        Remove-Item two.png
        $copy | ConvertTo-DiffusionScript | Should -Be ($metadata | ConvertTo-DiffusionScript)
        $copy.Steps = 5
        $copy | ConvertTo-DiffusionScript -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        "$problems" | Should -BeLike '*Steps of this copy*'
    }

    It 'makes the same images in a new pwsh, whatever the composition' {
        $random = [System.Random]::new(14)
        $prompts = 'a red house on the grass', 'a blue boat on the sea', 'a (yellow:1.2) heart', ''
        $scheduler = 'DDIM', 'Euler', 'Euler a', 'DPM++ 2M', 'UniPC', 'A1111 Euler a'
        $count = 10
        $WarningPreference = 'SilentlyContinue'
        function Select-One { param([object[]] $Items) $Items[$random.Next($Items.Count)] }
        $null = New-DiffusionImage 'a red car' -Seed 1 -Steps 3 -OutFile start.png
        $hashes = foreach ($number in 1..$count) {
            $settings = @{ Seed = $random.Next(1000); Steps = $random.Next(3, 5); Scheduler = Select-One $scheduler; GuidanceScale = Select-One 1, 3, 6 }
            $embedding = Get-TextEmbedding (Select-One $prompts) -PromptSyntax (Select-One Plain, A1111)
            $start = @{}
            if ($random.Next(2)) {
                $image = $random.Next(3) ? 'start.png' : (New-DiffusionImage 'a green tree' -Seed $number -Steps 2)
                $start = @{ Latent = ConvertTo-Latent $image; Strength = Select-One 0.7, 1 }
                if ($random.Next(2)) { $start.MaskImage = 'start.png' }
            }

            $latent = Invoke-Denoise $embedding @settings @start -StopStep ($settings.Steps - 1)
            $next = $random.Next(2) ? $embedding : (Get-TextEmbedding (Select-One $prompts))
            $latent = Invoke-Denoise $next -Latent $latent -GuidanceScale (Select-One 1, 4)
            $image = ConvertFrom-Latent $latent
            if (-not $random.Next(4)) { $image = New-DiffusionImage 'a purple house' -InitImage $image -Strength 0.6 -Seed 7 -Steps 3 }
            $image | ConvertTo-DiffusionScript | Set-Content "$number.ps1"
            [System.Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([byte[]] $image.Pixels))
        }

        $runner = @'
param($Module, $Count)
$WarningPreference = 'SilentlyContinue'
Import-Module $Module
foreach ($number in 1..$Count) {
    $image = & "./$number.ps1"
    [System.Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([byte[]] $image.Pixels))
}
'@
        Set-Content -Path run.ps1 -Value $runner
        $pwsh = [System.Environment]::ProcessPath
        $first = (Split-Path -Leaf $pwsh) -like 'dotnet*' ? @("$PSHOME/pwsh.dll") : @()
        $again = & $pwsh @first -NoProfile -NonInteractive -File run.ps1 "$ModuleFolder/StableDiffusion.psd1" $count
        $again | Should -Be $hashes
    }
}
