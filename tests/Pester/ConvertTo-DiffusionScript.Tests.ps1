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
        $image | ConvertTo-DiffusionScript | Should -Be ($script -replace 'a\.png', 'a red house')
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

    It 'makes the same images in a new pwsh, whatever the composition' {
        $random = [System.Random]::new(14)
        $prompts = 'a red house on the grass', 'a blue boat on the sea', 'a (yellow:1.2) heart', ''
        $scheduler = 'DDIM', 'Euler', 'Euler a', 'DPM++ 2M', 'UniPC', 'A1111 Euler a'
        $count = $env:STABLEDIFFUSION_TEST_COMPOSITIONS ?? 40
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
