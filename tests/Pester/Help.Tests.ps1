# Runs what the README, the pages of the help and its topics show: all blocks of PowerShell of a page from top to bottom,
# in a session and a folder of its own, where no block may write an error.
BeforeDiscovery {
    # What is not run, but only parsed and bound, and why.
    $notRun = @(
        @{ Reason = 'needs the network'; Is = { param($code) $code -match '\bSave-DiffusionModel\b' } }
        @{ Reason = 'needs a Slurm cluster'; Is = { param($code) $code -match '-(ArraySize|Partition)\b' } }
        @{ Reason = 'needs a checkpoint file without an autoencoder'; Is = { param($code) $code -match '-Vae\b' } }
        @{ Reason = 'needs the scheduler of Windows'; Is = { param($code) $code -match '\bRegister-ScheduledTask\b' } }
        @{ Reason = 'needs graphics cards'; Is = { param($code) $code.Contains('Cuda:$') } }
        @{ Reason = 'needs ultralytics'; Is = { param($code) $code -match '(?m)^yolo\b' } }
        @{ Reason = 'asks a person'; Is = { param($code) $code -match '-Confirm\b' } }
        @{ Reason = 'needs a repository, which Compare-DiffusionImage.Tests.ps1 makes'; Is = { param($code) $code -match '(?m)^git\b' } }
        @{ Reason = 'builds or installs the module'; Is = { param($code) $code -match '(?m)^\s*(dotnet|\./build\.ps1)\b|-PSResource' } }
    )

    $root = Resolve-Path "$PSScriptRoot/../.."
    $pages = foreach ($file in @(Get-Item "$root/README.md") + @(Get-ChildItem "$root/docs/en-US/*.md" -Exclude README.md)) {
        $heading = ''
        $code = $null
        $blocks = @(foreach ($line in Get-Content $file) {
            switch -Regex ($line) {
                '^```' {
                    if ($null -ne $code) {
                        $script = $code -join "`n"
                        $reason = $notRun | Where-Object { & $_.Is $script } | Select-Object -First 1 | ForEach-Object Reason
                        @{ Title = "$heading (line $start)$(if ($reason) { ", only parsed: it $reason" })"; Code = $script; IsRun = -not $reason }
                        $code = $null
                    }
                    elseif ($line -eq '```powershell') {
                        $code = @()
                        $start = $_.ReadCount + 1
                    }
                    break
                }
                default {
                    if ($null -ne $code) { $code += $line }
                    elseif ($line -match '^#+ (.*)') { $heading = $Matches[1] }
                }
            }
        })
        @{ Page = $file.BaseName; Blocks = $blocks }
    }
}

BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $repository = [System.IO.Path]::GetFullPath("$PSScriptRoot/../..")
    $variables = 'MODELS', 'LORAS', 'EMBEDDINGS', 'CONTROLNETS', 'UPSCALERS', 'DETECTORS', 'WILDCARDS', 'CACHE' | ForEach-Object { "STABLEDIFFUSION_$_" }
    $before = @{}
    foreach ($name in $variables + 'PSModulePath') { $before[$name] = [Environment]::GetEnvironmentVariable($name) }

    # Not in $TestDrive, of which Pester takes away after each page what the page has added.
    $cache = [System.IO.Directory]::CreateTempSubdirectory('sd-help-').FullName

    # A LoRA of nothing but zeros that fits the demo model.
    function Write-Lora([string]$Path) {
        $header = '{"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.diff":{"dtype":"F32","shape":[192,128],"data_offsets":[0,98304]}}'
        [System.IO.File]::WriteAllBytes($Path, [System.BitConverter]::GetBytes([long]$header.Length) + [System.Text.Encoding]::ASCII.GetBytes($header) + [byte[]]::new(98304))
    }

    # A latent as ComfyUI's SaveLatent writes it.
    function Write-ComfyLatent([string]$Path) {
        $header = '{"latent_tensor":{"dtype":"F32","shape":[1,4,8,8],"data_offsets":[0,1024]},"latent_format_version_0":{"dtype":"F32","shape":[0],"data_offsets":[1024,1024]}}'
        [System.IO.File]::WriteAllBytes($Path, [System.BitConverter]::GetBytes([long]$header.Length) + [System.Text.Encoding]::ASCII.GetBytes($header) + [byte[]]::new(1024))
    }

    # The files that a reader would have. A folder of the demo model stands for each model: Import-DiffusionModel and
    # -Model look at what a file or folder holds, not at its name.
    function Add-ReaderFile([string]$Code) {
        $model = "$repository/src/demo-model"
        foreach ($name in 'my-model', 'dreamshaper_8.safetensors', 'unknown.ckpt', 'sd_xl_base_1.0.safetensors', 'sd_xl_refiner_1.0.safetensors') {
            if ($Code.Contains($name)) { Copy-Item $model $name -Recurse }
        }

        if ($Code.Contains('./checkpoints/')) {
            $null = New-Item checkpoints -ItemType Directory
            Copy-Item $model checkpoints/painting.safetensors -Recurse
        }

        foreach ($name in 'watercolor', 'detail') {
            if ($Code.Contains("$name.safetensors")) { Write-Lora "$PWD/$name.safetensors" }
        }

        if ($Code.Contains('RealESRGAN_x4plus')) {
            $null = New-Item ../upscalers -ItemType Directory
            Copy-Item "$repository/tests/data/upscalers/realesrgan-4x.pth" ../upscalers/RealESRGAN_x4plus.pth
        }

        if ($Code.Contains('ComfyUI_00001_.latent')) { Write-ComfyLatent "$PWD/ComfyUI_00001_.latent" }
        if ($Code.Contains('old.png')) { $null = New-DiffusionImage 'a red house' -Seed 1 -Steps 1 -OutFile old.png }
        if ($Code -match '-DiffusionModel dreamshaper') { $null = Import-DiffusionModel $model -Name dreamshaper }
        if ($Code.Contains('./out/')) { $null = New-Item out -ItemType ($IsWindows ? 'Junction' : 'SymbolicLink') -Target "$repository/out" }
    }
}

AfterAll {
    Clear-DiffusionCache
    foreach ($name in $before.Keys) { [Environment]::SetEnvironmentVariable($name, $before[$name]) }
    Remove-Item -LiteralPath $cache -Recurse -Force
}

Describe '<Page>' -ForEach $pages {
    BeforeAll {
        $folder = New-Item "$TestDrive/$Page/work" -ItemType Directory
        foreach ($name in $variables) { [Environment]::SetEnvironmentVariable($name, $null) }
        $env:STABLEDIFFUSION_MODELS = "$TestDrive/$Page/models"
        $env:STABLEDIFFUSION_CACHE = $cache
        $env:PSModulePath = "$repository/out" + [System.IO.Path]::PathSeparator + $before.PSModulePath
        Push-Location $folder
        try { Add-ReaderFile ($Blocks.Code -join "`n") }
        finally { Pop-Location }

        $runspace = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault())
        $runspace.Open()
        $runspace.SessionStateProxy.Path.SetLocation($folder)
        $runspace.SessionStateProxy.SetVariable('ErrorActionPreference', 'Stop')
        $runspace.SessionStateProxy.SetVariable('ProgressPreference', 'SilentlyContinue')

        function Invoke-Block([string]$Code) {
            $shell = [powershell]::Create($runspace)
            try {
                $null = $shell.AddScript($Code, $false).Invoke()
                $shell.Streams.Error
            }
            finally {
                $shell.Dispose()
            }
        }

        # Without a desktop an image cannot be shown, but it has to be there.
        Invoke-Block 'function Invoke-Item([string]$Path) { $null = Get-Item -LiteralPath $Path }'
        if ($Blocks.Code -match 'Invoke-Pester') { Invoke-Block "Import-Module '$((Get-Module Pester).Path)'; `$PesterPreference = @{ Output = @{ Verbosity = 'None' } }" }
    }

    AfterAll {
        $runspace.Dispose()
    }

    It '<_.Title>' -ForEach $Blocks {
        $tokens = $problems = $null
        $script = [System.Management.Automation.Language.Parser]::ParseInput($_.Code, [ref]$tokens, [ref]$problems)
        $problems | Should -BeNullOrEmpty
        if (-not $_.IsRun) {
            foreach ($command in $script.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)) {
                if ((Get-Command $command.GetCommandName() -ErrorAction Ignore).ModuleName -eq 'StableDiffusion') {
                    [System.Management.Automation.Language.StaticParameterBinder]::BindCommand($command).BindingExceptions.Values.BindingException.Message | Should -BeNullOrEmpty
                }
            }
        }
        elseif ($_.Code -match '\A# (\S+\.ps1)\n') {
            # A script that the page says to save under this name.
            Set-Content "$folder/$($Matches[1])" $_.Code
            Invoke-Block "./$($Matches[1])" | Should -BeNullOrEmpty
        }
        else {
            Invoke-Block $_.Code | Should -BeNullOrEmpty
        }
    }
}
