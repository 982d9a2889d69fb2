<#
.SYNOPSIS
Builds, tests, measures or cleans the project.
.DESCRIPTION
A thin front over dotnet, for people in pwsh; the same commands work without it. The module is assembled in
out/StableDiffusion by each build.
.EXAMPLE
./build.ps1
Import-Module ./out/StableDiffusion
.EXAMPLE
./build.ps1 -Task Test -Configuration Debug
#>
[CmdletBinding()]
param(
    [ValidateSet('Build', 'Test', 'Bench', 'Clean')]
    [string]$Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string]$Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
Push-Location $PSScriptRoot
try {
    switch ($Task) {
        'Build' { dotnet build --configuration $Configuration }
        'Test' { dotnet test --configuration $Configuration }
        'Bench' { dotnet run --project bench --configuration Release }
        'Clean' { dotnet clean --configuration $Configuration }
    }
}
finally {
    Pop-Location
}

if ($LASTEXITCODE -ne 0) {
    throw "$Task failed with exit code $LASTEXITCODE."
}
