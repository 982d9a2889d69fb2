# Makes docs/images/contact-sheet.png, the sheet of the README. Build the module first; the script imports it.
param([string]$OutFile = "$PSScriptRoot/images/contact-sheet.png")

if (-not (Get-Module StableDiffusion)) {
    Import-Module "$PSScriptRoot/../out/StableDiffusion"
}

@(
    [pscustomobject]@{ Seed = 2; Prompt = 'a red house on the grass in daylight with the sun' }
    [pscustomobject]@{ Seed = 1; Prompt = 'a yellow boat on the sea at sunset with the sun' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a green tree and a red car on the sand under a cloudy sky' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a white tower on the snow at night with the moon' }
    [pscustomobject]@{ Seed = 4; Prompt = 'a blue fish on the sea in daylight' }
    [pscustomobject]@{ Seed = 4; Prompt = 'an orange balloon on the grass in daylight' }
    [pscustomobject]@{ Seed = 6; Prompt = 'a purple mountain on the snow at sunset with the sun' }
    [pscustomobject]@{ Seed = 6; Prompt = 'a pink flower on the grass under a cloudy sky' }
    [pscustomobject]@{ Seed = 3; Prompt = 'a black cat on the sand in daylight' }
    [pscustomobject]@{ Seed = 3; Prompt = 'a red flower and a yellow flower on the grass in daylight' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a brown house on the snow at night with the moon' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a blue car on the grass under a cloudy sky' }
    [pscustomobject]@{ Seed = 3; Prompt = 'a purple heart on white' }
    [pscustomobject]@{ Seed = 3; Prompt = 'a red star and a blue heart on white' }
    [pscustomobject]@{ Seed = 3; Prompt = 'a large yellow ring on black' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a blue cat on the grass in daylight with the sun' }
) |
    New-DiffusionImage |
    Join-DiffusionImage -Columns 4 -Gap 4 |
    Export-DiffusionImage -Path $OutFile -Force
