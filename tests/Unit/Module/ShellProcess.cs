using System.Diagnostics;

namespace StableDiffusion.Tests.Module;

/// <summary>The module in a process of its own, run by SdShell.</summary>
internal static class ShellProcess
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    /// <summary>Runs a script with the module imported.</summary>
    public static Task<Result> Run(string script) => Start(["-Command", script]);

    /// <summary>Runs SdShell with these arguments and this text as its standard input.</summary>
    public static async Task<Result> Start(IEnumerable<string> arguments, string input = "")
    {
        ProcessStartInfo start = new(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [BuiltModule.Shell, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        using Process process = Process.Start(start)!;
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new Result(process.ExitCode, Normalize(await output), Normalize(await errors));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static string Normalize(string text) => text.ReplaceLineEndings("\n").TrimEnd('\n');

    /// <summary>How the process ended and what it wrote; line ends are <c>\n</c>.</summary>
    internal sealed record Result(int ExitCode, string Output, string Errors)
    {
        public string[] Lines => Output.Length == 0 ? [] : Output.Split('\n');
    }
}
