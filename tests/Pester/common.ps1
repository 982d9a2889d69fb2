# Dot-sourced by each test file in BeforeAll: imports the module that the build assembled.
$ErrorActionPreference = 'Stop'
$ModuleFolder = [System.IO.Path]::GetFullPath("$PSScriptRoot/../../out/StableDiffusion")
if (-not (Test-Path -LiteralPath "$ModuleFolder/StableDiffusion.psd1")) {
    throw "The module is not built. Run 'dotnet build' in the root of the repository first."
}

Import-Module -Name "$ModuleFolder/StableDiffusion.psd1" -Force
