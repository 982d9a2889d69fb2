using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Families;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Benchmarks;

/// <summary>
/// What makes images larger: an upscaler of the size of RealESRGAN_x2plus, with random weights, and the second pass of the small
/// model, as a whole, in windows and in tiles. Time and the most memory, each in a process of its own.
/// </summary>
internal static class EnlargingRows
{
    /// <summary>The command of the child process; the name of the case and the path of the upscaler follow.</summary>
    public const string RunOption = "--enlarging-run";

    private const int UpscaledSide = 512;
    private const int FirstSide = 128;
    private const int Blocks = 23;
    private const int Features = 64;
    private const int Growth = 32;
    private const int Unshuffled = 12;

    private static readonly (string Case, string Name)[] s_cases =
    [
        ("upscale", $"2x upscaling, {UpscaledSide}x{UpscaledSide}, RealESRGAN_x2plus in tiles"),
        ("hires", $"hires fix, {FirstSide}x{FirstSide} to {2 * FirstSide}x{2 * FirstSide}, small model"),
        ("windows", "the same with -DiffusionTiling MultiDiffusion"),
        ("tiles", "the same with -HiresTileSize 64"),
    ];

    public static IEnumerable<Row> Measure()
    {
        string folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"enlarging-{Guid.NewGuid():N}")).FullName;
        try
        {
            string upscaler = Path.Combine(folder, "x2plus.safetensors");
            FullSizeCheckpoint.Write(upscaler, Network());
            ChildProcess? whole = null;
            foreach ((string name, string title) in s_cases)
            {
                ChildProcess run = ChildProcess.Run(ChildProcess.DotNet, [typeof(Program).Assembly.Location, RunOption, name, upscaler], (StorageFolders.CacheVariable, Path.Combine(folder, "cache")));
                whole = name == "hires" ? run : whole;
                yield return new Row(title, $"{run.Numbers(SecondRun.Seconds)[0]:F1} s, {run.Numbers(SecondRun.Memory)[0]:F0} MiB")
                {
                    Beside = whole is null || run == whole ? string.Empty : $"{whole.Numbers(SecondRun.Seconds)[0]:F1} s, {whole.Numbers(SecondRun.Memory)[0]:F0} MiB, as a whole",
                    Processor = $"{run.Numbers(SecondRun.Processor)[0]:F1} s",
                };
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Enlarges an image twice, and tells the time of the second run and the most memory. Runs in a process of its own.</summary>
    public static void Run(string name, string path)
    {
        if (name == "upscale")
        {
            using Upscaler upscaler = ModelLibrary.Default.OpenUpscaler(path, Device.Cpu, progress: null, cancellationToken: default);
            byte[] pixels = new byte[UpscaledSide * UpscaledSide * DiffusionImage.Channels];
            new Random(1).NextBytes(pixels);
            DiffusionImage image = new(UpscaledSide, UpscaledSide, pixels);
            SecondRun.Tell(() => ImageUpscaling.Run(image, upscaler, new UpscaleOptions { Scale = 2 }, progress: null, cancellationToken: default));
            return;
        }

        using ModelLease lease = ModelLibrary.Default.Open(DemoModel.Path, Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        TextToImage job = new(new TextToImageRequest
        {
            Options = new DenoiseOptions
            {
                Prompt = "a red house on the grass in daylight",
                Seed = 1,
                Width = FirstSide,
                Height = FirstSide,
                Steps = 10,
                DiffusionTiling = name == "windows" ? "MultiDiffusion" : null,
                Hires = new HiresSettings { HiresScale = 2, HiresUpscaler = "Lanczos", HiresStrength = 0.5, HiresTileSize = name == "tiles" ? 64 : null },
            },
        });
        SecondRun.Tell(() => job.Make(pipeline, 0));
    }

    /// <summary>The layers of the network, which takes four pixels as one of twelve channels.</summary>
    private static ShapeFile Network()
    {
        ShapeFile file = new();
        file.AddLayer("conv_first", Features, Unshuffled, 3, 3);
        for (int block = 0; block < Blocks; block++)
        {
            for (int part = 1; part <= 3; part++)
            {
                for (int layer = 0; layer < 5; layer++)
                    file.AddLayer($"body.{block}.rdb{part}.conv{layer + 1}", layer == 4 ? Features : Growth, Features + (layer * Growth), 3, 3);
            }
        }

        foreach (string name in (string[])["conv_body", "conv_up1", "conv_up2", "conv_hr"])
            file.AddLayer(name, Features, Features, 3, 3);
        return file.AddLayer("conv_last", DiffusionImage.Channels, Features, 3, 3);
    }
}
