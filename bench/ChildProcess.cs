using System.Diagnostics;
using System.Globalization;

namespace StableDiffusion.Benchmarks;

/// <summary>A program in a process of its own, run to its end.</summary>
/// <param name="Time">From its start to its end, in milliseconds.</param>
/// <param name="Output">The lines of its standard output.</param>
/// <param name="Errors">The lines of its standard error stream.</param>
internal sealed record ChildProcess(double Time, IReadOnlyList<string> Output, IReadOnlyList<string> Errors)
{
    /// <summary>The program that runs .NET assemblies.</summary>
    public static string DotNet { get; } = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private const string ProcessorWord = "processor";

    /// <summary>A script that tells the processor time of its process so far, for the end of a script.</summary>
    public const string TellProcessor = $"'{ProcessorWord} {{0}}' -f [int][Environment]::CpuUsage.TotalTime.TotalMilliseconds; ";

    /// <summary>What the process cost, by its own last word on it.</summary>
    public Cost Cost => new(Time, Numbers(ProcessorWord)[^1]);

    /// <summary>Tells the processor time of this process so far, as <see cref="TellProcessor"/> does.</summary>
    public static void WriteProcessor() => Console.WriteLine($"{ProcessorWord} {(int)Environment.CpuUsage.TotalTime.TotalMilliseconds}");

    /// <summary>The numbers in those lines of the output that begin with a word.</summary>
    public double[] Numbers(string word) =>
    [
        .. Output
            .Where(line => line.StartsWith(word + " ", StringComparison.Ordinal))
            .Select(line => double.Parse(line.AsSpan(word.Length + 1), CultureInfo.InvariantCulture)),
    ];

    /// <summary>Runs a program.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static ChildProcess Run(string program, IEnumerable<string> arguments, params ReadOnlySpan<(string Name, string Value)> variables)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        start.Environment["POWERSHELL_UPDATECHECK"] = "Off";
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;

        long begun = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double time = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', start.ArgumentList)} gave the exit code {process.ExitCode}: {errors.Result}");
        return new ChildProcess(time, Lines(output), Lines(errors.Result));
    }

    private static string[] Lines(string text) => text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
