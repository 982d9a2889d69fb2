# Each parameter that takes an image, with each kind of object that can be one.
BeforeDiscovery {
    $parameters = @(
        @{ Parameter = 'New-DiffusionImage -InitImage'; Use = { New-DiffusionImage a -Steps 2 -Seed 1 -InitImage $image } }
        @{ Parameter = 'New-DiffusionImage -InitImage in a row'; Use = { [pscustomobject]@{ Prompt = 'a'; Steps = 2; Seed = 1; InitImage = $image } | New-DiffusionImage } }
        @{ Parameter = 'New-DiffusionImage -MaskImage'; Use = { New-DiffusionImage a -Steps 2 -Seed 1 -InitImage $whole -MaskImage $image } }
        @{ Parameter = 'New-DiffusionImage -MaskImage in a row'; Use = { [pscustomobject]@{ Prompt = 'a'; Steps = 2; Seed = 1; InitImage = $whole; MaskImage = $image } | New-DiffusionImage } }
        @{ Parameter = 'Invoke-Denoise -MaskImage'; Use = { $latent | Invoke-Denoise $embedding -Steps 2 -Seed 1 -MaskImage $image } }
        @{ Parameter = 'Invoke-Denoise -MaskImage in a row'; Use = { [pscustomobject]@{ Embedding = $embedding; Latent = $latent; Steps = 2; Seed = 1; MaskImage = $image } | Invoke-Denoise } }
        @{ Parameter = 'ConvertTo-Latent -Path'; Use = { ConvertTo-Latent $image } }
        @{ Parameter = 'ConvertTo-Latent -Path in a row'; Use = { [pscustomobject]@{ Path = $image } | ConvertTo-Latent } }
        @{ Parameter = 'ConvertTo-Latent -LiteralPath'; Use = { ConvertTo-Latent -LiteralPath $image } }
        @{ Parameter = 'ConvertTo-Latent -InputObject'; Use = { ConvertTo-Latent -InputObject $image } }
        @{ Parameter = 'ConvertTo-Latent in the pipeline'; Use = { $image | ConvertTo-Latent } }
        @{ Parameter = 'ConvertTo-ControlImage -Path'; Use = { ConvertTo-ControlImage $image Invert } }
        @{ Parameter = 'ConvertTo-ControlImage -InputObject'; Use = { ConvertTo-ControlImage -InputObject $image -Preprocessor Invert } }
        @{ Parameter = 'ConvertTo-ControlImage in the pipeline'; Use = { $image | ConvertTo-ControlImage -Preprocessor Invert } }
        @{ Parameter = 'Join-DiffusionImage -Path'; Use = { Join-DiffusionImage $image, $whole } }
        @{ Parameter = 'Join-DiffusionImage -InputObject'; Use = { Join-DiffusionImage -InputObject $image, $whole } }
        @{ Parameter = 'Join-DiffusionImage in the pipeline'; Use = { $image, $whole | Join-DiffusionImage } }
        @{ Parameter = 'Join-DiffusionImage in rows'; Use = { [pscustomobject]@{ Image = $image }, [pscustomobject]@{ Path = $image } | Join-DiffusionImage } }
        @{ Parameter = 'Export-DiffusionImage -InputObject'; Use = { Export-DiffusionImage copy.png -InputObject $image -PassThru -Force } }
        @{ Parameter = 'Export-DiffusionImage in the pipeline'; Use = { $image | Export-DiffusionImage copy.png -PassThru -Force } }
        @{ Parameter = 'Export-DiffusionImage in a row'; Use = { [pscustomobject]@{ Image = $image } | Export-DiffusionImage copy.png -PassThru -Force } }
    )
    $kinds = @(
        @{ Kind = 'an image'; Make = { $whole } }
        @{ Kind = 'an image in a PSObject'; Make = { $whole | Add-Member -NotePropertyName Score -NotePropertyValue 1 -Force -PassThru } }
        @{ Kind = 'an image in an array'; Make = { , @($whole) } }
        @{ Kind = 'a file'; Make = { Get-Item whole.png } }
        @{ Kind = 'a file whose name has wildcards'; Make = { Get-Item -LiteralPath '[whole].png' } }
        @{ Kind = 'a relative path'; Make = { 'whole.png' } }
        @{ Kind = 'a full path'; Make = { "$pwd/whole.png" } }
        @{ Kind = 'the copy of an image'; Make = { $copy } }
    )
    $taken = foreach ($parameter in $parameters) { foreach ($kind in $kinds) { $parameter + $kind } }

    $refused = foreach ($case in @(
            @{ Id = 'InitImageInvalid,SdPowerShell.Commands.NewDiffusionImageCommand'; Name = 'InitImage'; Use = { New-DiffusionImage a -Steps 2 -InitImage $image } }
            @{ Id = 'MaskImageInvalid,SdPowerShell.Commands.NewDiffusionImageCommand'; Name = 'MaskImage'; Use = { New-DiffusionImage a -Steps 2 -InitImage $whole -MaskImage $image } }
            @{ Id = 'ControlImageInvalid,SdPowerShell.Commands.NewDiffusionImageCommand'; Name = 'ControlImage'; Use = { New-DiffusionImage a -Steps 2 -ControlNet net -ControlImage $image } }
            @{ Id = 'MaskImageInvalid,SdPowerShell.Commands.InvokeDenoiseCommand'; Name = 'MaskImage'; Use = { $latent | Invoke-Denoise $embedding -Steps 2 -MaskImage $image } }
            @{ Id = 'PathInvalid,SdPowerShell.Commands.ConvertToLatentCommand'; Name = 'Path'; Use = { ConvertTo-Latent $image } }
            @{ Id = 'PathInvalid,SdPowerShell.Commands.ConvertToLatentCommand'; Name = 'Path'; Use = { $image | ConvertTo-Latent } }
            @{ Id = 'LiteralPathInvalid,SdPowerShell.Commands.ConvertToLatentCommand'; Name = 'LiteralPath'; Use = { ConvertTo-Latent -LiteralPath $image } }
            @{ Id = 'InputObjectInvalid,SdPowerShell.Commands.ConvertToLatentCommand'; Name = 'InputObject'; Use = { ConvertTo-Latent -InputObject $image } }
            @{ Id = 'PathInvalid,SdPowerShell.Commands.ConvertToControlImageCommand'; Name = 'Path'; Use = { ConvertTo-ControlImage $image Invert } }
            @{ Id = 'PathInvalid,SdPowerShell.Commands.JoinDiffusionImageCommand'; Name = 'Path'; Use = { $image | Join-DiffusionImage } }
            @{ Id = 'InputObjectInvalid,SdPowerShell.Commands.ExportDiffusionImageCommand'; Name = 'InputObject'; Use = { $image | Export-DiffusionImage no.png } }
            @{ Id = 'PathInvalid,SdPowerShell.Commands.GetDiffusionMetadataCommand'; Name = 'Path'; Use = { $image | Get-DiffusionMetadata } }
        )) {
        $case + @{ Kind = 'Int32'; Make = { 3 } }
        $case + @{ Kind = 'Latent'; Make = { $latent } }
        $case + @{ Kind = 'Hashtable'; Make = { @{ Path = 'whole.png' } } }
        $case + @{ Kind = 'PSCustomObject'; Make = { [pscustomobject]@{ File = 'whole.png' } } }
    }
}

BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $embedding = Get-TextEmbedding a
    $whole = New-DiffusionImage 'a red house' -Seed 1 -Steps 2
    $latent = $whole | ConvertTo-Latent

    # What each parameter makes of an image object.
    $expected = @{}
    function Get-Expected([string] $Parameter, [scriptblock] $Use) {
        if (-not $expected[$Parameter]) {
            $image = $whole
            $expected[$Parameter] = & $Use
        }

        $expected[$Parameter]
    }

    Push-Location -LiteralPath $TestDrive
    $whole | Export-DiffusionImage whole.png
    Copy-Item whole.png '[whole].png'
    $whole | Export-Clixml whole.xml
    Remove-Module StableDiffusion
    $copy = Import-Clixml whole.xml
    Import-Module "$ModuleFolder/StableDiffusion.psd1"
}

AfterAll {
    Pop-Location
}

Describe 'A parameter for images' {
    It '<Parameter> takes <Kind>' -ForEach $taken {
        $image = & $Make
        $made = & $Use
        @($made) | Should -HaveCount 1
        Test-SameValue $made (Get-Expected $Parameter $Use) | Should -BeTrue
    }

    It '<Name> refuses an object of type <Kind> by name: <Use>' -ForEach $refused {
        $image = & $Make
        $ErrorActionPreference = 'Continue'
        $problems = & $Use 2>&1
        $problems.FullyQualifiedErrorId | Should -Be $Id
        "$problems" | Should -BeLike "*$Name is *of type $Kind. Give the path of an image file, a file, or an image from *"
    }

    It 'refuses two images where one is meant, and null' {
        New-DiffusionImage a -Steps 2 -InitImage $whole, $whole -ErrorAction SilentlyContinue -ErrorVariable problems | Should -BeNullOrEmpty
        $problems.FullyQualifiedErrorId | Should -Be 'InitImageInvalid,SdPowerShell.Commands.NewDiffusionImageCommand'
        { ConvertTo-Latent $null } | Should -Throw -ErrorId 'ParameterArgumentValidationError,SdPowerShell.Commands.ConvertToLatentCommand'
        (New-DiffusionImage a -Steps 2 -Seed 1 -InitImage $null).Strength | Should -BeNullOrEmpty
        (New-DiffusionImage a -Steps 2 -Seed 1 -InitImage '').Strength | Should -BeNullOrEmpty
    }

    It 'reads each record of a pipeline, whatever it is' {
        $objects = (Get-Item whole.png), $whole, 3, 'whole.png', [pscustomobject]@{ Path = $whole }, $null, [pscustomobject]@{ Id = 4 }, $copy
        $latents = $objects | ConvertTo-Latent -ErrorAction SilentlyContinue -ErrorVariable problems
        $latents | Should -HaveCount 5
        $problems | Should -HaveCount 3
    }

    It 'gives a script block each record' {
        $images = [pscustomobject]@{ Prompt = 'a'; Name = 'whole' } | New-DiffusionImage -Steps 2 -Seed 1 -InitImage { "$($_.Name).png" }
        Test-SameValue $images (New-DiffusionImage a -Steps 2 -Seed 1 -InitImage $whole) | Should -BeTrue
    }
}

Describe 'Export-DiffusionImage of files' {
    It 'keeps the settings and, in a folder, the name of each file' {
        Get-Item whole.png | Export-DiffusionImage -OutDirectory converted -Format webp
        (Get-DiffusionMetadata converted/whole.webp).Info | Should -Be $whole.Info
        Get-Item converted/whole.webp | Export-DiffusionImage converted/again.png -NoMetadata
        (Get-DiffusionMetadata converted/again.png -WarningAction SilentlyContinue).Source | Should -Be 'Unknown'
    }

    It 'says what it cannot keep of another tool''s settings' {
        Get-Item "$PSScriptRoot/../data/images/scene.png" | Export-DiffusionImage photo.png -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        { 'none.png' | Export-DiffusionImage no.png -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,*'
    }
}

Describe 'Get-DiffusionMetadata of images' {
    It 'reads the file of an image, or says what its file would say' {
        $image = New-DiffusionImage 'a red house' -Seed 1 -Steps 2
        foreach ($metadata in ($image | Get-DiffusionMetadata), (Get-DiffusionMetadata $image)) {
            $metadata.Info | Should -Be $image.Info
            $metadata.Settings['Sampler'] | Should -Be 'DDIM'
            $metadata.Path | Should -BeNullOrEmpty
        }

        $image | Export-DiffusionImage of.png
        (Get-DiffusionMetadata $image).Path | Should -Be $image.Path
        (Get-DiffusionMetadata -InputObject $copy, $image -ErrorAction SilentlyContinue).Path | Should -Contain $image.Path
    }
}
