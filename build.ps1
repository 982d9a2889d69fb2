<#
.SYNOPSIS
Builds, tests, fuzzes, packages, measures or cleans the project.
.DESCRIPTION
A thin front over dotnet, for people in pwsh; the same commands work without it. The module is assembled in
out/StableDiffusion by each build. Package makes out/packages/<platform>/StableDiffusion.<version>.nupkg; each of these
folders can be registered as a repository that Install-PSResource takes the module from.
.PARAMETER Task
What to do.
.PARAMETER Configuration
How the code is compiled.
.PARAMETER OnnxRuntime
Cpu leaves out the providers for graphics cards.
.PARAMETER Platform
The platforms to make a package for: All, or some of win-x64, win-arm64, linux-x64, linux-arm64 and osx-arm64. The
platform of this machine if it is left out.
.PARAMETER NoBuild
Packs what an earlier build has left.
.PARAMETER Minutes
How long Fuzz runs each of its targets.
.PARAMETER Target
The targets that Fuzz runs; all of them if it is left out. 'dotnet run --project tests/Fuzz -- --list' lists them.
.PARAMETER Seed
What Fuzz makes its cases from: the same seed makes the same cases.
.PARAMETER Write
Puts the table of Fuzz into docs/faults.md.
.EXAMPLE
./build.ps1
Import-Module ./out/StableDiffusion
.EXAMPLE
./build.ps1 -Task Test -Configuration Debug
.EXAMPLE
./build.ps1 -Task Package -Platform linux-x64, win-x64
.EXAMPLE
./build.ps1 -Task Fuzz -Minutes 10 -Target png, jpeg -Seed 7
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Package', 'Bench', 'Fuzz', 'Clean')]
    [string]$Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string]$Configuration = 'Release',

    [ValidateSet('Gpu', 'Cpu')]
    [string]$OnnxRuntime = 'Gpu',

    [string[]]$Platform,

    [switch]$NoBuild,

    [ValidateRange('Positive')]
    [double]$Minutes = 1,

    [string[]]$Target,

    [long]$Seed = 1,

    [switch]$Write
)

$ErrorActionPreference = 'Stop'
$build = @('build', '--configuration', $Configuration, "-p:OnnxRuntime=$OnnxRuntime")

function Get-BuildProperty([string]$Name) {
    (dotnet msbuild src/SdPowerShell "-getProperty:$Name") -split ';'
}

function New-ModulePackage([string]$Platform, [string]$Module) {
    if (-not $NoBuild) {
        dotnet @build src/SdPowerShell "-p:ModulePlatform=$Platform" "-p:ModuleFolder=$Module/" | Out-Host
        if ($LASTEXITCODE -ne 0) {
            throw "The build for $Platform failed with exit code $LASTEXITCODE."
        }
    }

    $folder = New-Item -ItemType Directory -Force -Path out/packages/$Platform
    $package = Compress-PSResource -Path $Module -DestinationPath $folder -PassThru
    Write-Host "Made $($package.FullName). To install it:"
    Write-Host "  Register-PSResourceRepository -Name StableDiffusionLocal -Uri '$folder' -Trusted"
    Write-Host '  Install-PSResource StableDiffusion -Repository StableDiffusionLocal -Reinstall'
}

Push-Location $PSScriptRoot
try {
    switch ($Task) {
        'Build' { dotnet @build }
        'Test' { dotnet test --configuration $Configuration }
        'Package' {
            $here = Get-BuildProperty ModulePlatform
            $all = Get-BuildProperty SupportedPlatforms
            foreach ($name in $Platform -contains 'All' ? $all : $Platform ?? $here) {
                New-ModulePackage $name ($name -eq $here ? "$PSScriptRoot/out/StableDiffusion" : "$PSScriptRoot/out/modules/$name/StableDiffusion")
            }
        }
        'Bench' { dotnet run --project bench --configuration Release }
        'Fuzz' {
            $culture = [cultureinfo]::InvariantCulture
            $arguments = @('--minutes', $Minutes.ToString($culture), '--seed', $Seed.ToString($culture))
            $arguments += $Target ? @('--target', ($Target -join ',')) : @()
            $arguments += $Write ? @('--write') : @()
            dotnet run --project tests/Fuzz --configuration Release -- @arguments
        }
        'Clean' { dotnet clean --configuration $Configuration }
    }
}
finally {
    Pop-Location
}

if ($LASTEXITCODE -ne 0) {
    throw "$Task failed with exit code $LASTEXITCODE."
}
