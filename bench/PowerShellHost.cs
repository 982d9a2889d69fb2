namespace StableDiffusion.Benchmarks;

/// <summary>A program that runs PowerShell scripts, each in a process of its own, without the module imported.</summary>
/// <param name="Name">What it is called.</param>
internal sealed record PowerShellHost(string Name)
{
    private const string PwshVariable = "SD_PWSH";

    private string Program { get; init; } = ChildProcess.DotNet;

    private IReadOnlyList<string> Arguments { get; init; } = [DemoModel.Shell, "-NoModule", "-Command"];

    /// <summary>The project's own host.</summary>
    public static PowerShellHost SdShell { get; } = new("SdShell");

    /// <summary>PowerShell itself, where the variable SD_PWSH or the PATH has one.</summary>
    public static PowerShellHost? Pwsh { get; } = FindPwsh() is string program
        ? new PowerShellHost("pwsh") { Program = program, Arguments = ["-NoProfile", "-NonInteractive", "-Command"] }
        : null;

    /// <summary>The hosts that there are here.</summary>
    public static IEnumerable<PowerShellHost> All => Pwsh is null ? [SdShell] : [SdShell, Pwsh];

    /// <summary>The command that imports the module.</summary>
    public static string Import { get; } = $"Import-Module '{Path.Combine(DemoModel.Module, "StableDiffusion.psd1").Replace("'", "''", StringComparison.Ordinal)}'; ";

    /// <summary>Runs a script, which tells its processor time at its end.</summary>
    public ChildProcess Run(string script, params ReadOnlySpan<(string Name, string Value)> variables) =>
        ChildProcess.Run(Program, [.. Arguments, script + ChildProcess.TellProcessor], variables);

    private static string? FindPwsh()
    {
        if (Environment.GetEnvironmentVariable(PwshVariable) is { Length: > 0 } named)
            return named;

        string file = OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh";
        return (Environment.GetEnvironmentVariable("PATH") ?? string.Empty)
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, file))
            .FirstOrDefault(File.Exists);
    }
}
