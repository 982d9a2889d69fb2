# Dot-sourced by each test file in BeforeAll: imports the module that the build assembled, with folders of the tests'
# own for models and caches. Files that run at the same time do so in shells with a number, which share none of these.
$ErrorActionPreference = 'Stop'
$OutFolder = [System.IO.Path]::GetFullPath("$PSScriptRoot/../../out")
$ModuleFolder = Join-Path $OutFolder StableDiffusion
$FamiliesFolder = Join-Path $OutFolder families
if (-not (Test-Path -LiteralPath "$ModuleFolder/StableDiffusion.psd1")) {
    throw "The module is not built. Run 'dotnet build' in the root of the repository first."
}

$StoreFolder = Join-Path $OutFolder "pester$env:PESTER_SHELL"
$env:STABLEDIFFUSION_CACHE = "$StoreFolder/cache"
$env:STABLEDIFFUSION_MODELS = "$StoreFolder/models"
$env:STABLEDIFFUSION_CONTROLNETS = "$StoreFolder/controlnets"
$env:STABLEDIFFUSION_VAES = "$StoreFolder/vaes"
$env:STABLEDIFFUSION_UPSCALERS = "$StoreFolder/upscalers"
$env:STABLEDIFFUSION_DETECTORS = "$StoreFolder/detectors"
$env:STABLEDIFFUSION_WILDCARDS = "$StoreFolder/wildcards"

Import-Module -Name "$ModuleFolder/StableDiffusion.psd1" -Force

# Imports the module's own model under another name, with a scheduler, steps, a guidance scale and a scale of latents of its own.
function Import-OtherModel {
    param([string] $Name, [string] $Folder)
    $copy = Join-Path $Folder "source of $Name"
    Copy-Item -Recurse -LiteralPath "$ModuleFolder/model" -Destination $copy
    $edits = @{
        'generation_config.json'          = @{ num_inference_steps = 3; guidance_scale = 2.0 }
        'scheduler/scheduler_config.json' = @{ _class_name = 'EulerDiscreteScheduler' }
        'vae/config.json'                 = @{ scaling_factor = 0.7 }
    }
    foreach ($file in $edits.Keys) {
        $config = Get-Content -Raw -LiteralPath "$copy/$file" | ConvertFrom-Json -AsHashtable
        foreach ($setting in $edits[$file].Keys) {
            $config[$setting] = $edits[$file][$setting]
        }

        $config | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath "$copy/$file"
    }

    Import-DiffusionModel -LiteralPath $copy -Name $Name
}

# Makes a store of models for the tests of a file, with one other model in it; gives back the store that was there.
function Enter-OtherStore {
    param([string] $Folder, [string] $Model)
    $env:STABLEDIFFUSION_MODELS
    $env:STABLEDIFFUSION_MODELS = Join-Path $Folder 'store of another model'
    $null = Import-OtherModel -Name $Model -Folder $Folder
}

function Exit-OtherStore {
    param([string] $Before)
    Clear-DiffusionCache
    $env:STABLEDIFFUSION_MODELS = $Before
}

# Runs a script in a new PowerShell that has the module, in the current folder, and returns what it wrote.
function Invoke-NewSession {
    param([string] $Script)
    & ([Environment]::ProcessPath) "$PSHOME/pwsh.dll" -NoProfile -NonInteractive -Command "Import-Module '$ModuleFolder/StableDiffusion.psd1'; $Script"
}

# Whether two pictures or latents hold the same values.
function Test-SameValue {
    param($First, $Second)
    if ($First -is [array] -or $Second -is [array]) { return $false }
    $firstValues, $secondValues = ($First, $Second).ForEach{ , ($_.Pixels ?? $_.Tensor.Values) }
    [System.Linq.Enumerable]::SequenceEqual($firstValues, $secondValues)
}
