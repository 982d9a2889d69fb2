using System.Diagnostics;

namespace StableDiffusion.Tests.Module;

/// <summary>Programs of the repository in processes of their own.</summary>
internal static class ShellProcess
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    /// <summary>Runs a script in SdShell, where the module is imported.</summary>
    public static Task<Result> Run(string script) => Start(["-Command", script]);

    /// <summary>Runs SdShell with these arguments and this text as its standard input.</summary>
    public static Task<Result> Start(IEnumerable<string> arguments, string input = "") =>
        RunProgram("dotnet", [BuiltModule.Shell, .. arguments], input);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">The program; <c>dotnet</c> means the one that runs the tests.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="onLine">Called with the process at each line of output, as it comes.</param>
    public static async Task<Result> RunProgram(
        string program, IEnumerable<string> arguments, string input = "", Action<Process, string>? onLine = null)
    {
        if (program == "dotnet")
            program = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? program;

        ProcessStartInfo start = new(program, arguments)
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
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.StandardInput.WriteAsync(input.AsMemory(), limit.Token);
            process.StandardInput.Close();

            List<string> lines = [];
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is string line)
            {
                lines.Add(line);
                onLine?.Invoke(process, line);
            }

            await process.WaitForExitAsync(limit.Token);
            return new Result(process.ExitCode, lines, (await errors).ReplaceLineEndings("\n").TrimEnd('\n'));
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>How the process ended and what it wrote; the errors' line ends are <c>\n</c>.</summary>
    internal sealed record Result(int ExitCode, IReadOnlyList<string> Lines, string Errors)
    {
        public string Output => string.Join('\n', Lines).TrimEnd('\n');
    }
}
