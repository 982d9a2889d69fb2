# Makes docs/images/contact-sheet.png, the sheet of the README:
#   dotnet run --project src/SdPowerShell -- -File docs/contact-sheet.ps1
param([string]$OutFile = "$PSScriptRoot/images/contact-sheet.png")

@(
    [pscustomobject]@{ Seed = 7; Prompt = 'a red house on the grass in daylight with the sun on the left' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a yellow boat on the sea at sunset with the sun on the right' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a green tree and a red car on the sand under a cloudy sky' }
    [pscustomobject]@{ Seed = 2; Prompt = 'a white tower on the snow at night with the moon on the right' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a blue fish on the sea' }
    [pscustomobject]@{ Seed = 3; Prompt = 'an orange balloon on the grass in daylight with the sun on the right' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a purple mountain on the snow at sunset with the sun on the left' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a pink flower on the grass under a cloudy sky' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a black cat on the sand in daylight with the sun on the left' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a red flower and a yellow flower on the grass in daylight' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a brown house on the snow at night with the moon on the left' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a blue car on the grass under a cloudy sky' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a purple heart on white' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a red circle left of a blue square on white' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a yellow star above a green triangle' }
    [pscustomobject]@{ Seed = 7; Prompt = 'a blue cat on the grass in daylight' }
) |
    New-DiffusionImage |
    Join-DiffusionImage -Columns 4 -Gap 4 |
    Export-DiffusionImage -Path $OutFile -Force
