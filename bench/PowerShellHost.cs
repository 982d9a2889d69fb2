namespace StableDiffusion.Benchmarks;

/// <summary>Runs scripts in the PowerShell that the build restored, each in a process of its own, without the module imported.</summary>
internal static class PowerShellHost
{
    /// <summary>The command that imports the module.</summary>
    public static string Import { get; } = $"Import-Module '{Path.Combine(DemoModel.Module, "StableDiffusion.psd1").Replace("'", "''", StringComparison.Ordinal)}'; ";

    /// <summary>Runs a script, which tells its processor time at its end.</summary>
    public static ChildProcess Run(string script, params ReadOnlySpan<(string Name, string Value)> variables) => ChildProcess.Run(
        ChildProcess.DotNet,
        [DemoModel.PowerShell, "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script + ChildProcess.TellProcessor],
        [("NO_COLOR", "1"), .. variables]);
}
