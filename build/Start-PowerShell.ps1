# Starts PowerShell with the built module in its module path, for 'dotnet run --project src/SdPowerShell -- ARGUMENTS'.
# 'dotnet run' has no way to set a variable of the environment, and PowerShell reads its module path when it starts.
$env:PSModulePath = (Split-Path $PSScriptRoot | Join-Path -ChildPath out) + [System.IO.Path]::PathSeparator + $env:PSModulePath
& ([System.Environment]::ProcessPath) (Join-Path $PSHOME pwsh.dll) -NoLogo -NoProfile @args
exit $LASTEXITCODE
