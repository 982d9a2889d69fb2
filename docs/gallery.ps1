# Makes the images of docs/gallery.md: runs its blocks of PowerShell from top to bottom, and puts the images that a block
# writes side by side into the file that the page shows below it. Build the module first; the script imports it.
param(
    [string]$Page = "$PSScriptRoot/gallery.md",
    [string]$OutDirectory = "$PSScriptRoot/images/gallery"
)

$ErrorActionPreference = 'Stop'
if (-not (Get-Module StableDiffusion)) {
    Import-Module "$PSScriptRoot/../out/StableDiffusion"
}

$block = '(?ms)^```powershell\r?\n(?<code>.*?)^```\r?\n(\r?\n!\[[^\]]*\]\(images/gallery/(?<file>[\w-]+\.png)\))?'
foreach ($match in [regex]::Matches((Get-Content -Raw $Page), $block)) {
    # Dot-sourced, so that the next block knows the variables of this one.
    $images = @(. ([scriptblock]::Create($match.Groups['code'].Value)))
    if ($match.Groups['file'].Success) {
        $images |
            Join-DiffusionImage -Columns $images.Count -Gap 4 |
            Resize-DiffusionImage -Scale 2 -Upscaler Nearest |
            Export-DiffusionImage -Path (Join-Path $OutDirectory $match.Groups['file'].Value) -Force
    }
}
