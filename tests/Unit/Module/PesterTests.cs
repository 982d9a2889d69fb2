namespace StableDiffusion.Tests.Module;

/// <summary>Runs <c>tests/Pester</c> under a real <c>pwsh</c>, where there is one with Pester.</summary>
public sealed class PesterTests
{
    private const string Executable = "SD_PWSH";

    [Fact]
    public async Task The_Pester_tests_pass_in_pwsh()
    {
        string? pwsh = Find();
        Assert.SkipWhen(pwsh is null, $"NOT RUN: there is no pwsh in the PATH, and {Executable} names none.");

        ShellProcess.Result pester = await Run(pwsh, "(Get-Module -ListAvailable Pester).Version | Sort-Object -Descending | Select-Object -First 1 | ForEach-Object ToString");
        Assert.SkipUnless(
            Version.TryParse(pester.Output, out Version? version) && version.Major >= 5,
            $"NOT RUN: {pwsh} has no Pester 5 or later. 'Install-Module Pester' brings it.");

        ShellProcess.Result result = await Run(pwsh, $"""
            $configuration = New-PesterConfiguration
            $configuration.Run.Path = '{Path.Combine(Repository.Root, "tests", "Pester")}'
            $configuration.Run.PassThru = $true
            $configuration.Output.RenderMode = 'Plaintext'
            $run = Invoke-Pester -Configuration $configuration
            if ($run.Result -ne 'Passed' -or $run.PassedCount -eq 0) {'{'} exit 1 {'}'}
            """);
        Assert.True(result.ExitCode == 0, result.Output + result.Errors);
    }

    private static Task<ShellProcess.Result> Run(string pwsh, string script) =>
        ShellProcess.RunProgram(pwsh, ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", script]);

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Executable) is { Length: > 0 } named)
            return named;

        string name = OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh";
        return (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
    }
}
