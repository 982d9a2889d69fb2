# What a user does who installs the module, from the package to the end, in shells whose home is in $TestDrive: no
# repository is registered and no module installed on this machine. Windows has no home that a variable could move.
BeforeAll {
    . "$PSScriptRoot/common.ps1"

    $shellHome = (New-Item -ItemType Directory -Path "$TestDrive/home").FullName
    $repository = "$TestDrive/repository"

    # Runs a script in a new pwsh and returns what it wrote, with what it wrote to the standard error stream.
    function Invoke-NewShell([string]$Script) {
        $start = [System.Diagnostics.ProcessStartInfo]::new([System.Environment]::ProcessPath)
        if ([System.IO.Path]::GetFileNameWithoutExtension($start.FileName) -eq 'dotnet') {
            $start.ArgumentList.Add("$PSHOME/pwsh.dll")
        }

        '-NoProfile', '-NonInteractive', '-Command', "`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'; $Script" |
            ForEach-Object { $start.ArgumentList.Add($_) }
        $start.RedirectStandardOutput = $start.RedirectStandardError = $true
        $start.WorkingDirectory = $shellHome
        $start.Environment['HOME'] = $shellHome
        foreach ($name in 'XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'PSModulePath') {
            $null = $start.Environment.Remove($name)
        }

        $shell = [System.Diagnostics.Process]::Start($start)
        try {
            $errors = $shell.StandardError.ReadToEndAsync()
            $output = $shell.StandardOutput.ReadToEnd()
            $shell.WaitForExit()
            [pscustomobject]@{ ExitCode = $shell.ExitCode; Output = $output.Trim(); Errors = $errors.Result.Trim() }
        }
        finally {
            $shell.Dispose()
        }
    }
}

Describe 'The package' -Skip:$IsWindows {
    It 'is made of the module folder' {
        Compress-PSResource -Path $ModuleFolder -DestinationPath (New-Item -ItemType Directory -Path $repository)
        (Get-ChildItem -Path $repository).Name | Should -Be "StableDiffusion.$((Get-Module StableDiffusion).Version).nupkg"
    }

    It 'is installed from a registered folder, and found by name in a new shell' {
        $result = Invoke-NewShell "
            Register-PSResourceRepository -Name local -Uri '$repository' -Trusted
            Install-PSResource -Name StableDiffusion -Repository local
            (Get-InstalledPSResource -Name StableDiffusion).InstalledLocation"
        $result.Errors | Should -BeNullOrEmpty
        $result.Output | Should -BeLike "$shellHome*"
    }

    It 'makes an image' {
        $result = Invoke-NewShell "
            Import-Module StableDiffusion
            (Get-Module StableDiffusion).ModuleBase
            New-DiffusionImage 'a purple heart on white' -Seed 1 -Steps 2 -Device Cpu -OutFile heart.png | Out-Null"
        $result.Errors | Should -BeNullOrEmpty
        $result.Output | Should -BeLike "$shellHome*"
        New-DiffusionImage 'a purple heart on white' -Seed 1 -Steps 2 -Device Cpu -OutFile "$TestDrive/expected.png" | Out-Null
        (Get-FileHash "$shellHome/heart.png").Hash | Should -Be (Get-FileHash "$TestDrive/expected.png").Hash
    }

    It 'brings its help' {
        $result = Invoke-NewShell "(Get-Help New-DiffusionImage).Synopsis; (Get-Help about_StableDiffusion) -match 'SHORT DESCRIPTION'"
        $result.Errors | Should -BeNullOrEmpty
        $result.Output | Should -Be "$((Get-Help New-DiffusionImage).Synopsis)`nTrue"
    }

    It 'writes nothing to the standard error stream while it tries the devices' {
        $result = Invoke-NewShell "(Get-DiffusionDevice -Name Cpu).IsAvailable"
        $result.Errors | Should -BeNullOrEmpty
        $result.Output | Should -Be 'True'
    }

    It 'is uninstalled without a trace' {
        $result = Invoke-NewShell "
            Uninstall-PSResource -Name StableDiffusion
            Unregister-PSResourceRepository -Name local
            Get-Module -ListAvailable StableDiffusion
            Get-PSResourceRepository -Name local -ErrorAction Ignore"
        $result.Errors | Should -BeNullOrEmpty
        $result.Output | Should -BeNullOrEmpty
        Get-ChildItem -Path $shellHome -Recurse -Filter StableDiffusion.psd1 | Should -BeNullOrEmpty
    }
}
