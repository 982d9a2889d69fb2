using System.Management.Automation;

namespace SdPowerShell.Scripts.Jobs;

/// <summary>The command that starts PowerShell as it runs here.</summary>
internal static class ShellCommand
{
    private const string Name = "pwsh";

    /// <summary>Finds it.</summary>
    /// <returns>The program and its first arguments: the program of PowerShell, or .NET with PowerShell as its argument.</returns>
    public static IReadOnlyList<string> Find()
    {
        string folder = Path.GetDirectoryName(typeof(PSObject).Assembly.Location) ?? string.Empty;
        string program = Path.Combine(folder, OperatingSystem.IsWindows() ? Name + ".exe" : Name);
        if (File.Exists(program))
            return [program];
        string library = Path.Combine(folder, Name + ".dll");
        return File.Exists(library) && Environment.ProcessPath is string process ? [process, library] : [Name];
    }
}
