BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $cmdlet = 'SdPowerShell.Commands.ImportLatentCommand'
    $prompt = 'a red house on the grass'
    $embedding = Get-TextEmbedding $prompt

    # A latent as ComfyUI's SaveLatent writes it, of ones.
    function Write-ComfyLatent([string]$Path, [int]$Count = 1, [switch]$Old) {
        $length = $Count * 1024
        $header = "{`"latent_tensor`":{`"dtype`":`"F32`",`"shape`":[$Count,4,8,8],`"data_offsets`":[0,$length]}"
        $header += $Old ? '}' : ",`"latent_format_version_0`":{`"dtype`":`"F32`",`"shape`":[0],`"data_offsets`":[$length,$length]}}"
        $one = [byte[]][System.BitConverter]::GetBytes([float]1)
        [System.IO.File]::WriteAllBytes($Path, [System.BitConverter]::GetBytes([long]$header.Length) + [System.Text.Encoding]::ASCII.GetBytes($header) + $one * ($length / 4))
    }
}

Describe 'Import-Latent' {
    BeforeEach {
        $folder = (New-Item -ItemType Directory -Path (Join-Path $TestDrive (New-Guid))).FullName
        Push-Location -LiteralPath $folder
    }

    AfterEach {
        Pop-Location
    }

    It 'goes on in another process as if the denoising had never been stopped, with each scheduler' {
        $runs = @(
            @{ Scheduler = 'DDIM'; SchedulerOption = @{ eta = 1.0 } }
            @{ Scheduler = 'PLMS' }
            @{ Scheduler = 'UniPC Karras' }
            @{ Scheduler = 'SA-Solver' }
            @{ Scheduler = 'DPM++ 2M SDE Karras'; BatchSize = 3; BatchIndex = 1 }
            @{ Scheduler = 'DPM++ SDE'; RandomSource = 'Cuda' }
            @{ Scheduler = 'A1111 Heun'; SchedulerOption = @{ s_churn = 5.0 } }
            @{ Scheduler = 'Euler a'; EtaNoiseSeedDelta = 31337 }
        )
        $embedding | Export-TextEmbedding prompt
        for ($i = 0; $i -lt $runs.Count; $i++) {
            $run = $runs[$i]
            Invoke-Denoise $embedding -Seed 7 -Steps 6 @run | ConvertFrom-Latent | Export-DiffusionImage "whole/$i.png"
            Invoke-Denoise $embedding -Seed 7 -Steps 6 @run -StopStep 3 | Export-Latent "half/$i"
        }

        Invoke-NewSession {
            $embedding = Import-TextEmbedding prompt.safetensors
            foreach ($file in Get-ChildItem half) {
                Import-Latent -LiteralPath $file | Invoke-Denoise $embedding | ConvertFrom-Latent | Export-DiffusionImage "ended/$($file.BaseName).png"
            }
        } | Should -BeNullOrEmpty

        Get-ChildItem ended | Should -HaveCount $runs.Count
        foreach ($file in Get-ChildItem whole) {
            $ended, $whole = "ended/$($file.Name)", $file | ForEach-Object { ConvertTo-ControlImage $_ None }
            Test-SameValue $ended $whole | Should -BeTrue -Because $runs[$file.BaseName].Scheduler
        }
    }

    It 'takes paths, wildcards and files from the pipeline' {
        Invoke-Denoise $embedding -Seed 1 -Steps 3 -EachStep | Export-Latent -OutDirectory .
        Invoke-Denoise $embedding -Seed 1 -Steps 1 | Export-Latent '[1]'
        (Import-Latent *.safetensors).Step | Should -HaveCount 4
        (Get-ChildItem *house*.safetensors | Import-Latent).Step | Sort-Object | Should -Be 1, 2, 3
        (Get-Item -LiteralPath '[1].safetensors' | Import-Latent).Path | Should -Be (Join-Path $folder '[1].safetensors')
        (Import-Latent -LiteralPath '[1].safetensors').Prompt | Should -Be $prompt
        ('[[]1].safetensors' | Import-Latent).Seed | Should -Be 1
    }

    It 'refuses other files by name and goes on with the next' {
        Invoke-Denoise $embedding -Seed 1 -Steps 1 | Export-Latent good
        $embedding | Export-TextEmbedding prompt
        'text' | Set-Content text.safetensors
        $bytes = [System.IO.File]::ReadAllBytes("$folder/good.safetensors")
        [System.IO.File]::WriteAllBytes("$folder/cut.safetensors", $bytes[0..($bytes.Length - 2)])
        $read = Import-Latent prompt.safetensors, text.safetensors, cut.safetensors, ., none.safetensors, Env:/PATH, good.safetensors -ErrorAction SilentlyContinue -ErrorVariable problems
        $read.Seed | Should -Be 1
        $problems.FullyQualifiedErrorId | Should -Be (@("LatentInvalid,$cmdlet") * 4 + "PathNotFound,$cmdlet", "PathNotFileSystem,$cmdlet")
        $problems[0..2].ForEach{ "$_" } | Should -BeLike '*.safetensors''*'
    }

    It 'scales the latents of ComfyUI for the model' {
        Write-ComfyLatent "$folder/a.latent"
        Write-ComfyLatent "$folder/batch.latent" -Count 3
        Write-ComfyLatent "$folder/old.latent" -Old
        $scale = (Get-Content -Raw "$ModuleFolder/model/vae/config.json" | ConvertFrom-Json).scaling_factor
        $latent = Import-Latent a.latent
        $latent.Tensor.Values | Select-Object -Unique | Should -Be ([float]$scale)
        ($latent | Select-Object Width, Height, Model, Step, StepCount, Prompt, Seed | ConvertTo-Json -Compress) | Should -Be '{"Width":64,"Height":64,"Model":"demo","Step":0,"StepCount":0,"Prompt":null,"Seed":null}'
        [Math]::Abs((Import-Latent old.latent).Tensor.Values[0] - ($scale / 0.18215)) | Should -BeLessThan 1e-6
        Import-Latent batch.latent | ConvertFrom-Latent | Should -HaveCount 3
        ($latent | Invoke-Denoise $embedding -Steps 2 -Strength 0.5).Width | Should -Be 64
    }

    It 'warns of a model that is not there, and takes its new name with -Model' {
        $before = Enter-OtherStore -Folder $folder -Model another
        try {
            Invoke-Denoise $embedding -Model another -Seed 1 -Steps 3 -StopStep 1 | Export-Latent x
        }
        finally {
            Exit-OtherStore $before
        }

        $null = Import-Latent x.safetensors -WarningVariable warnings -WarningAction SilentlyContinue
        "$warnings" | Should -BeLike "x.safetensors: The model 'another' was not found*"
        $latent = Import-Latent x.safetensors -Model demo -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        ($latent.Model, $latent.Step) | Should -Be demo, 1
        { Import-Latent x.safetensors -Model none } | Should -Throw -ErrorId "ModelNotFound,$cmdlet"
    }

    It 'warns where a model of the same name has other weights now' {
        $store = $env:STABLEDIFFUSION_MODELS
        $env:STABLEDIFFUSION_MODELS = Join-Path $folder models
        try {
            $null = Import-DiffusionModel -LiteralPath "$ModuleFolder/model" -Name mine
            $mine = Get-TextEmbedding $prompt -Model mine
            Invoke-Denoise $mine -Model mine -Seed 1 -Steps 3 -StopStep 1 | Export-Latent x
            $null = Import-Latent x.safetensors | Invoke-Denoise $mine -WarningVariable warnings
            $warnings | Should -BeNullOrEmpty

            Clear-DiffusionCache
            $null = Import-DiffusionModel -LiteralPath "$FamiliesFolder/sd1/sd1-tiny.safetensors" -Name mine -Force
            $null = Import-Latent x.safetensors | Invoke-Denoise (Get-TextEmbedding $prompt -Model mine) -WarningVariable warnings -WarningAction SilentlyContinue
            $warnings | Should -HaveCount 1
            "$warnings" | Should -BeLike "*latent was made with another model 'mine'*"
        }
        finally {
            Clear-DiffusionCache
            $env:STABLEDIFFUSION_MODELS = $store
        }
    }

    It 'opens no path that a file names' {
        Copy-Item -Recurse "$ModuleFolder/model" "$folder/elsewhere"
        $image = New-DiffusionImage $prompt -Model "$folder/elsewhere" -Seed 1 -Steps 2
        Invoke-Denoise (Get-TextEmbedding $prompt -Model "$folder/elsewhere") -Model "$folder/elsewhere" -Seed 1 -Steps 2 -StopStep 1 | Export-Latent x
        $latent = Import-Latent x.safetensors -WarningAction SilentlyContinue
        $latent.Model | Should -Be elsewhere
        $latent | Invoke-Denoise $embedding -ErrorAction SilentlyContinue -ErrorVariable problems
        $latent | Select-Object Prompt, Model | New-DiffusionImage -ErrorAction SilentlyContinue -ErrorVariable +problems
        $problems.FullyQualifiedErrorId | Should -Be 'ModelNotFound,SdPowerShell.Commands.InvokeDenoiseCommand', 'ModelNotFound,SdPowerShell.Commands.NewDiffusionImageCommand'
        Test-SameValue (Import-Latent x.safetensors -Model "$folder/elsewhere" | Invoke-Denoise $embedding | ConvertFrom-Latent) $image | Should -BeTrue
    }

    It 'has examples in its help' {
        (Get-Help Import-Latent -Examples).examples.example | Should -Not -BeNullOrEmpty
    }

    It 'finds a file by its name without the extension, as Export-Latent takes it' {
        Push-Location $TestDrive
        try {
            $latent = Get-TextEmbedding 'a' | Invoke-Denoise -Seed 1 -Steps 2
            $latent | Export-Latent fish
            Test-SameValue (Import-Latent fish) $latent | Should -BeTrue
            Get-TextEmbedding 'a' | Export-TextEmbedding bird
            (Import-TextEmbedding bird).Prompt | Should -Be 'a'
        }
        finally { Pop-Location }
    }
}
