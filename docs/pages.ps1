# Runs the blocks of PowerShell on documentation pages from top to bottom, each page in an empty folder. What a page shows below
# a block is made of what the block returns:
#   ![…](images/….png)     its images, side by side at twice their size; if it returns none, the one file that it writes, such as a film
#   [… ](figures/….html)   a figure whose slider goes through its images; <!-- caption: { … } --> above the block makes the captions of $_ and its number, $args[0]
#   ```text … ```          its other output
# Writes the images and figures, and returns an object for each block of text. Build the module first; the script imports it.
[CmdletBinding(PositionalBinding = $false)]
param(
    [Parameter(Mandatory, Position = 0, ValueFromRemainingArguments)]
    [string[]]$Page,

    # A folder for all files; without it, they are written where the pages show them.
    [string]$OutDirectory,

    # Writes the text into the pages, too.
    [switch]$UpdateText
)

$ErrorActionPreference = 'Stop'
if ($OutDirectory) {
    $OutDirectory = Convert-Path $OutDirectory
}
if (-not (Get-Module StableDiffusion)) {
    Import-Module "$PSScriptRoot/../out/StableDiffusion"
}

function Get-Target([string]$Folder, [string]$Link) {
    $file = $OutDirectory ? (Join-Path $OutDirectory (Split-Path -Leaf $Link)) : (Join-Path $Folder $Link)
    $null = New-Item -ItemType Directory -Force (Split-Path $file)
    $file
}

function Test-Image($Value) {
    $Value.PSTypeNames -contains 'StableDiffusion.Images.DiffusionImage'
}

function Export-Sheet([object[]]$Image, [string]$Path) {
    $columns = [Math]::Min($Image.Count, 9)
    $sheet = $Image.Count -eq 1 ? $Image[0] : ($Image | Join-DiffusionImage -Columns $columns -Gap 4)
    $sheet | Resize-DiffusionImage -Scale 2 -Upscaler Nearest | Export-DiffusionImage -Path $Path -Force
}

function Export-Figure([object[]]$Image, [string]$Path, [string]$Title, [scriptblock]$Caption) {
    $index = 0
    $frames = foreach ($one in $Image) {
        $index++
        $file = Join-Path ([IO.Path]::GetTempPath()) "$([guid]::NewGuid()).png"
        $one | Export-DiffusionImage -Path $file -NoMetadata
        $data = [Convert]::ToBase64String([IO.File]::ReadAllBytes($file))
        Remove-Item -LiteralPath $file
        $text = [Net.WebUtility]::HtmlEncode("$(if ($Caption) { $one | ForEach-Object { & $Caption $index } } else { "$index of $($Image.Count)" })")
        "<figure><img src=""data:image/png;base64,$data"" alt=""$text""><figcaption>$text</figcaption></figure>"
    }
    $html = (Get-Content -Raw "$PSScriptRoot/how-it-works/figure.html") -replace '\{\{title\}\}', [Net.WebUtility]::HtmlEncode($Title)
    [IO.File]::WriteAllText($Path, $html.Replace('{{frames}}', $frames -join "`n").Replace('{{last}}', "$($Image.Count - 1)"))
}

$block = @'
(?mx)
(^<!--\s caption:\s \{(?<caption>.*)\}\s -->\r?\n)?
^```powershell\r?\n (?<code>(?:(?!^```).*\n)*) ^```\r?\n
(?: \r?\n !\[[^\]]*\]\((?<image>[^)]*images/[^)]+\.png)\)\r?\n )?
(?: \r?\n \[(?<title>[^\]]*)\]\((?<figure>figures/[^)]+\.html)\)[^\n]*\n )?
(?: \r?\n ```text\r?\n (?<text>(?:(?!^```).*\n)*) ^```\r?$ )?
'@
$results = [Collections.Generic.List[object]]::new()
foreach ($file in Convert-Path $Page) {
    $content = Get-Content -Raw $file
    $folder = Split-Path $file
    $work = New-Item -ItemType Directory (Join-Path ([IO.Path]::GetTempPath()) "$([guid]::NewGuid())")
    Push-Location $work
    try {
        # The next block knows the variables of this one, and none of them is one of this script.
        $scope = New-Module { $ErrorActionPreference = 'Stop' }
        $shown = foreach ($match in [regex]::Matches($content, $block)) {
            $before = @(Get-ChildItem -Name)
            $output = @(. $scope ([scriptblock]::Create($match.Groups['code'].Value)))
            $images = @($output | Where-Object { Test-Image $_ })
            $written = @(Get-ChildItem -File | Where-Object Name -NotIn $before)
            if ($match.Groups['image'].Success -and -not $images -and $written.Count -eq 1) {
                Copy-Item -LiteralPath $written[0].FullName -Destination (Get-Target $folder $match.Groups['image'].Value) -Force
            }
            elseif ($match.Groups['image'].Success) {
                Export-Sheet $images (Get-Target $folder $match.Groups['image'].Value)
            }
            if ($match.Groups['figure'].Success) {
                $caption = $match.Groups['caption'].Success ? [scriptblock]::Create($match.Groups['caption'].Value) : $null
                Export-Figure $images (Get-Target $folder $match.Groups['figure'].Value) $match.Groups['title'].Value $caption
            }
            if ($match.Groups['text'].Success) {
                $text = $output | Where-Object { -not (Test-Image $_) } | Out-String -Width 100
                $text = ($text -replace '\x1b\[[\d;]*m' -replace '\r' -replace '[ \t]+(?=\n)').Trim("`n") + "`n"
                $results.Add([pscustomobject]@{ Page = $file; Command = $match.Groups['code'].Value; Shown = $match.Groups['text'].Value; Text = $text })
                @{ Place = $match.Groups['text']; Text = $text }
            }
        }
        if ($UpdateText) {
            foreach ($change in $shown | Sort-Object { -$_.Place.Index }) {
                $content = $content.Remove($change.Place.Index, $change.Place.Length).Insert($change.Place.Index, $change.Text)
            }
            [IO.File]::WriteAllText($file, $content)
        }
    }
    finally {
        Pop-Location
        Remove-Item -Recurse -Force $work
    }
}

$results
