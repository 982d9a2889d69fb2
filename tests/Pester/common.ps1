# Dot-sourced by each test file in BeforeAll: imports the module that the build assembled, with folders of the tests'
# own for models and caches.
$ErrorActionPreference = 'Stop'
$OutFolder = [System.IO.Path]::GetFullPath("$PSScriptRoot/../../out")
$ModuleFolder = Join-Path $OutFolder StableDiffusion
$FamiliesFolder = Join-Path $OutFolder families
if (-not (Test-Path -LiteralPath "$ModuleFolder/StableDiffusion.psd1")) {
    throw "The module is not built. Run 'dotnet build' in the root of the repository first."
}

$env:STABLEDIFFUSION_CACHE = "$OutFolder/pester/cache"
$env:STABLEDIFFUSION_MODELS = "$OutFolder/pester/models"
$env:STABLEDIFFUSION_CONTROLNETS = "$OutFolder/pester/controlnets"

Import-Module -Name "$ModuleFolder/StableDiffusion.psd1" -Force
