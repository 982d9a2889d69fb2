using System.Diagnostics;

namespace StableDiffusion.Tests.Module;

/// <summary>Programs of the repository in processes of their own.</summary>
internal static class ShellProcess
{
    /// <summary>Runs a script in PowerShell with the built module imported.</summary>
    public static Task<Result> Run(string script) => RunAssembly(BuiltModule.PowerShell, ScriptArguments(script));

    /// <summary>The arguments of PowerShell that import the built module and run a script.</summary>
    public static string[] ScriptArguments(string script) => ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", "Import-Module StableDiffusion\n" + script];

    /// <summary>Runs an assembly to its end. There is no limit of time: a busy machine is no failure, and the run's own cancellation ends it.</summary>
    /// <param name="assembly">The path of the assembly.</param>
    /// <param name="arguments">Its arguments.</param>
    public static Task<Result> RunAssembly(string assembly, params string[] arguments) => Run(StartInfo(assembly, arguments));

    /// <summary>Runs a process to its end, without a limit of time as well.</summary>
    /// <param name="start">What to start.</param>
    public static async Task<Result> Run(ProcessStartInfo start)
    {
        using Process process = Start(start);
        CancellationToken cancellationToken = TestContext.Current.CancellationToken;
        try
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellationToken);
            string output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return new Result(process.ExitCode, Normalize(output), Normalize(await errors));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>Starts an assembly, with an input that is empty.</summary>
    public static Process Start(string assembly, params string[] arguments) => Start(StartInfo(assembly, arguments));

    /// <summary>How an assembly is started; what it reads and writes goes through pipes.</summary>
    public static ProcessStartInfo StartInfo(string assembly, params string[] arguments)
    {
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [assembly, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NO_COLOR"] = "1";
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";

        // PowerShell replays the profile of earlier sessions on a second processor, and so loads in advance what those used.
        start.Environment["DOTNET_MultiCoreJitMinNumCpus"] = "64";
        start.Environment["PSModulePath"] = Path.GetDirectoryName(BuiltModule.Folder.TrimEnd('/', '\\'));
        return start;
    }

    private static Process Start(ProcessStartInfo start)
    {
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    /// <summary>A text with <c>\n</c> as line ends and none at the end.</summary>
    public static string Normalize(string text) => text.ReplaceLineEndings("\n").TrimEnd('\n');

    /// <summary>How the process ended and what it wrote, with <c>\n</c> as line ends and none at the end.</summary>
    internal sealed record Result(int ExitCode, string Output, string Errors)
    {
        public IReadOnlyList<string> Lines => Output.Split('\n');
    }
}
