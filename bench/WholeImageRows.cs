using System.Globalization;

namespace StableDiffusion.Benchmarks;

/// <summary>Whole images of Stable Diffusion 1.5 at its full size: from the start of pwsh to the file, beside their bare parts and beside stable-diffusion.cpp.</summary>
internal static class WholeImageRows
{
    private const int Side = 512;
    private const int Steps = 20;
    private const double HighestOfParts = 1.02;
    private const double HighestOfPeer = 0.3;
    private const double HighestOfReuse = 0.55;

    // Of a process, also of what it maps.
    private const string TellPeak = "'resident {0}' -f [long]((Get-Content /proc/self/status) -match '^VmHWM' -replace '\\D'); ";

    /// <summary>The path of the command sd-cli of stable-diffusion.cpp, built elsewhere; null if it was not given.</summary>
    public static string? Peer { get; set; }

    /// <summary>Makes images with a model that was imported and has been opened once.</summary>
    /// <param name="model">Its name.</param>
    /// <param name="checkpoint">The single file that it was imported from.</param>
    /// <param name="folder">A folder for the images.</param>
    /// <param name="unet">The milliseconds of a bare run of the U-Net.</param>
    /// <param name="decoding">The milliseconds of a bare run of the VAE decoder.</param>
    /// <param name="variables">The folders of the models and of the cache.</param>
    public static IEnumerable<Row> Measure(string model, string checkpoint, string folder, double unet, double decoding, (string, string)[] variables)
    {
        double parts = (2 * Steps * unet) + decoding;
        ChildProcess whole = Make(string.Empty);
        double resident = whole.Numbers("resident")[0] / 1024;
        yield return new Row($"image of sd15 at full size, {Side}x{Side}, {Steps} steps with guidance, from pwsh to PNG", Seconds(whole.Time))
        {
            Beside = $"{Seconds(parts)}, {2 * Steps} bare runs of the U-Net and one of the decoder",
            Compared = $"{whole.Time / parts:F3} x; {resident:F0} MiB at most, with mapped files",
            Processor = Seconds(whole.Cost.Processor),
            Goal = $"at most {HighestOfParts} x",
            IsMet = whole.Time / parts <= HighestOfParts,
        };

        if (Peer is null)
        {
            yield return new Row("the same with stable-diffusion.cpp", "not measured") { Beside = "its sd-cli was not given (--sd-cli PATH)" };
        }
        else
        {
            ChildProcess peer = ChildProcess.Run("/usr/bin/time", ["-f", "resident %M", Peer, "-m", checkpoint, "-p", DemoModel.Prompt, "--steps", $"{Steps}", "--cfg-scale", "7.5", "-W", $"{Side}", "-H", $"{Side}", "-s", "1", "-t", $"{Environment.ProcessorCount}", "-o", Path.Combine(folder, "peer.png")], []);
            double peerResident = double.Parse(peer.Errors.Last(static line => line.StartsWith("resident ", StringComparison.Ordinal)).AsSpan("resident ".Length), CultureInfo.InvariantCulture) / 1024;
            yield return new Row("the same with stable-diffusion.cpp", Seconds(peer.Time))
            {
                Beside = $"{Seconds(whole.Time)}, this module",
                Compared = $"{whole.Time / peer.Time:F3} x; {peerResident:F0} MiB at most",
                Goal = $"at most {HighestOfPeer} x of its time",
                IsMet = whole.Time / peer.Time <= HighestOfPeer,
            };
        }

        foreach ((string setting, bool isGoal) in new[] { ("-FeatureReuse 2", false), ("-FeatureReuse 3", true), ("-GuidanceEnd 0.8", false), ("-FeatureReuse 2 -GuidanceEnd 0.8", true) })
        {
            ChildProcess made = Make(setting);
            double ratio = made.Cost.Processor / whole.Cost.Processor;
            yield return new Row($"the same with {setting}", Seconds(made.Time))
            {
                Beside = $"{Seconds(whole.Time)}, without",
                Compared = $"{made.Time / whole.Time:F3} x",
                Processor = $"{ratio:F3} x",
                Goal = isGoal ? $"at most {HighestOfReuse} x" : string.Empty,
                IsMet = isGoal ? ratio <= HighestOfReuse : null,
            };
        }

        ChildProcess Make(string settings)
        {
            string file = Path.Combine(folder, "image.png");
            return PowerShellHost.Run(
                $"{PowerShellHost.Import}$null = New-DiffusionImage '{DemoModel.Prompt}' -Model {model} -Seed 1 -Steps {Steps} -GuidanceScale 7.5 -Width {Side} -Height {Side} {settings} -Force -OutFile '{file}'; {(OperatingSystem.IsLinux() ? TellPeak : "'resident 0'; ")}",
                variables);
        }
    }

    private static string Seconds(double milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:F1} s");
}
