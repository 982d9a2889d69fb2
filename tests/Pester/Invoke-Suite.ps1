<#
.SYNOPSIS
Runs Pester files one after another and writes a line of JSON for each test, for PesterFramework.cs.
.PARAMETER Taken
A folder in which several processes that are given the same files note the one that they run, so that each is run once.
.NOTES
Each line begins with the word 'pester:', so that what a test writes to the host is not taken for one.
#>
param(
    [Parameter(Mandatory)] [string]$Pester,
    [Parameter(Mandatory)] [string[]]$Path,
    [Parameter(Mandatory)] [string]$Taken,
    [switch]$List
)

$ErrorActionPreference = 'Stop'
Import-Module -Name $Pester
function Write-Result([hashtable]$Result) {
    [Console]::Out.WriteLine('pester:' + ($Result | ConvertTo-Json -Compress))
}

function Format-Failure($Item) {
    ($Item.ErrorRecord | ForEach-Object { "$_`n$($_.ScriptStackTrace)" }) -join "`n"
}

foreach ($file in $Path) {
    try { [System.IO.FileStream]::new((Join-Path $Taken (Split-Path -Leaf $file)), 'CreateNew').Dispose() }
    catch [System.IO.IOException] { continue }

    $configuration = New-PesterConfiguration
    $configuration.Run.Path = $file
    $configuration.Run.PassThru = $true
    $configuration.Run.SkipRun = $List.IsPresent
    $configuration.Output.Verbosity = 'None'
    $run = Invoke-Pester -Configuration $configuration
    foreach ($test in $run.Tests) {
        Write-Result @{
            File    = $file
            Line    = $test.ScriptBlock.StartPosition.StartLine
            Name    = $test.ExpandedPath
            Result  = [string]$test.Result
            Start   = $test.ExecutedAt
            Seconds = $test.Duration.TotalSeconds
            Message = Format-Failure $test
        }
    }

    # A file or block that breaks outside its tests, in discovery or BeforeAll or AfterAll, is a failure of its own.
    foreach ($broken in @($run.Containers) + @($run.FailedBlocks)) {
        if ($broken.ErrorRecord) {
            Write-Result @{
                File    = $file
                Name    = "$($broken.ExpandedPath ?? (Split-Path -Leaf $file)) (outside its tests)"
                Result  = 'Failed'
                Message = Format-Failure $broken
            }
        }
    }

    Write-Result @{ File = $file; Result = 'Done'; Count = $run.TotalCount }
}
