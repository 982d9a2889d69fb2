using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>Whole images of Stable Diffusion 1.5 at its full size: from the start of pwsh to the file, beside their bare parts and beside stable-diffusion.cpp.</summary>
internal static class WholeImageRows
{
    /// <summary>The name of the model that is measured.</summary>
    public const string Model = nameof(ModelPrecision.Full);

    private const int Rounds = 2;
    private const int Side = 512;
    private const int Steps = 20;
    private const int Guidance = 7;
    private const double HighestOfParts = 1.02;
    private const double HighestOfPeer = 0.3;
    private const double HighestOfReuse = 0.55;

    // Of a process, also of what it maps.
    private const string TellPeak = "'resident {0}' -f [long]((Get-Content /proc/self/status) -match '^VmHWM' -replace '\\D'); ";

    /// <summary>The path of the command sd-cli of stable-diffusion.cpp, built elsewhere; null if it was not given.</summary>
    public static string? Peer { get; set; }

    /// <summary>Makes images with parts that are open, in turns with the runs that they need of the bare sessions, and tells the times. Runs in a process of its own.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pipeline">Its pipeline.</param>
    /// <param name="tell">Receives words with numbers.</param>
    public static void Run(DiffusionModel model, DiffusionPipeline pipeline, Action<string, double> tell)
    {
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.png");
        TextEmbedding embedding = pipeline.EncodePrompt(DemoModel.Prompt);
        int[] text = [.. embedding.HiddenStates.Shape], latent = [1, model.Info.LatentChannels, Side / model.Info.LatentFactor, Side / model.Info.LatentFactor];
        using BareGraph encoder = Bare(EngineSessions.Of(model.OpenTextEncoder(null, default)), ("last_hidden_state", text), ("input_ids", [1, text[1]]));
        using BareGraph unet = Bare(EngineSessions.Of(model.OpenUNet(null, default)), ("out_sample", latent), ("sample", latent), ("timestep", [1]), ("encoder_hidden_states", text));
        using BareGraph decoder = Bare(EngineSessions.Of(model.OpenVaeDecoder(null, default)), ("sample", [1, 3, Side, Side]), ("latent_sample", latent));
        try
        {
            MakeImage(steps: 1);
            for (int round = 0; round < Rounds; round++)
            {
                tell("image", Cost.Of(() => MakeImage(Steps)).Time);
                tell("parts", Cost.Of(RunParts).Time);
            }
        }
        finally
        {
            File.Delete(file);
        }

        static BareGraph Bare(InferenceSession session, (string, int[]) output, params ReadOnlySpan<(string, int[])> inputs) => new(session, ownsSession: false, output, inputs);

        void MakeImage(int steps)
        {
            DenoiseOptions options = new() { Seed = 1, Steps = steps, GuidanceScale = Guidance, Width = Side, Height = Side };
            Latent made = pipeline.Denoise(pipeline.EncodePrompt(DemoModel.Prompt), pipeline.EncodePrompt(DemoModel.NegativePrompt), start: null, options);
            ImageFile.Write(pipeline.Decode(made), file, new ImageWriteOptions { Overwrite = true });
        }

        void RunParts()
        {
            for (int prompt = 0; prompt < 2; prompt++)
                encoder.Run();
            for (int prediction = 0; prediction < 2 * Steps; prediction++)
                unet.Run();
            decoder.Run();
        }
    }

    /// <summary>Makes images with the model, which was imported and has been opened once.</summary>
    /// <param name="checkpoint">The single file that it was imported from.</param>
    /// <param name="folder">A folder for the images.</param>
    /// <param name="open">What <see cref="Run"/> told.</param>
    /// <param name="variables">The folders of the models and of the cache.</param>
    public static IEnumerable<Row> Measure(string checkpoint, string folder, ChildProcess open, (string, string)[] variables)
    {
        double image = Statistics.Median(open.Numbers("image")), parts = Statistics.Median(open.Numbers("parts"));
        yield return new Row($"image of sd15 at full size, {Side}x{Side}, {Steps} steps with guidance, parts open", Seconds(image))
        {
            Beside = $"{Seconds(parts)}, bare runs: the text encoder twice, {2 * Steps} times the U-Net, the decoder",
            Compared = $"{image / parts:F3} x ({Rounds} pairs)",
            Goal = $"at most {HighestOfParts} x",
            IsMet = image / parts <= HighestOfParts,
        };

        ChildProcess whole = Make(string.Empty);
        double resident = whole.Numbers("resident")[0] / 1024;
        yield return new Row("the same from the start of pwsh to the file, with the opening of all parts", Seconds(whole.Time))
        {
            Beside = $"{Seconds(parts)}, the bare runs",
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
            ChildProcess peer = ChildProcess.Run("/usr/bin/time", ["-f", "resident %M", Peer, "-m", checkpoint, "-p", DemoModel.Prompt, "--steps", $"{Steps}", "--cfg-scale", $"{Guidance}", "-W", $"{Side}", "-H", $"{Side}", "-s", "1", "-t", $"{Environment.ProcessorCount}", "-o", Path.Combine(folder, "peer.png")], []);
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
                $"{PowerShellHost.Import}$null = New-DiffusionImage '{DemoModel.Prompt}' -Model {Model} -Seed 1 -Steps {Steps} -GuidanceScale {Guidance} -Width {Side} -Height {Side} {settings} -Force -OutFile '{file}'; {(OperatingSystem.IsLinux() ? TellPeak : "'resident 0'; ")}",
                variables);
        }
    }

    private static string Seconds(double milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:F1} s");
}
