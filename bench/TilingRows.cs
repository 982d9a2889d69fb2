using System.Text.Json.Nodes;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Families;

namespace StableDiffusion.Benchmarks;

/// <summary>An autoencoder as large as that of Stable Diffusion, with random weights: an image in tiles beside the whole.</summary>
internal static class TilingRows
{
    /// <summary>The command of the child process that runs one half of it: Decode or Encode, On or Off, and the path of the model follow.</summary>
    public const string RunOption = "--tiling-run";

    private const int Side = 1024;
    private const double HighestMemory = 0.35;
    private const double HighestTime = 1.25;

    private static readonly string[] s_halves = ["Decode", "Encode"];

    public static IEnumerable<Row> Measure()
    {
        string folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"tiling-{Guid.NewGuid():N}")).FullName;
        try
        {
            string model = MakeModel(Path.Combine(folder, "model"));
            foreach (string half in s_halves)
            {
                ChildProcess whole = Run(nameof(VaeTiling.Off)), tiled = Run(nameof(VaeTiling.On));
                double memory = Ratio(SecondRun.Memory), time = Ratio(SecondRun.Seconds), processor = Ratio(SecondRun.Processor);

                // The encoder's output is small, so that much of its memory is that of the process.
                bool isJudged = half == s_halves[0];
                yield return new Row($"{half}, {Side}x{Side}, full size, in tiles", $"{tiled.Numbers(SecondRun.Seconds)[0]:F1} s, {tiled.Numbers(SecondRun.Memory)[0]:F0} MiB")
                {
                    Beside = $"{whole.Numbers(SecondRun.Seconds)[0]:F1} s, {whole.Numbers(SecondRun.Memory)[0]:F0} MiB, as a whole",
                    Compared = $"{time:F2} x the time, {memory:F2} x the memory",
                    Processor = $"{processor:F2} x",
                    Goal = isJudged ? $"at most {HighestTime} x and {HighestMemory} x" : string.Empty,
                    IsMet = isJudged ? memory <= HighestMemory && (Machine.IsBusy ? processor : time) <= HighestTime : null,
                };

                ChildProcess Run(string tiling) => ChildProcess.Run(
                    ChildProcess.DotNet, [typeof(Program).Assembly.Location, RunOption, half, tiling, model], (StorageFolders.CacheVariable, Path.Combine(folder, "cache")));

                double Ratio(string word) => tiled.Numbers(word)[0] / whole.Numbers(word)[0];
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Encodes or decodes an image twice, and tells the time of the second run and the most memory. Runs in a process of its own.</summary>
    public static void Run(string half, string tiling, string path)
    {
        using ModelLease lease = ModelLibrary.Default.Open(path, Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        VaeOptions options = new() { Tiling = Enum.Parse<VaeTiling>(tiling) };
        Action run = half == s_halves[0] ? Decode : Encode;
        if (run == Decode)
            lease.Model.OpenVaeDecoder(null, default);
        else
            lease.Model.OpenVaeEncoder(null, default);

        SecondRun.Tell(run);

        void Decode()
        {
            Tensor tensor = new(1, lease.Model.Info.LatentChannels, Side / lease.Model.Info.LatentFactor, Side / lease.Model.Info.LatentFactor);
            for (int i = 0; i < tensor.Length; i++)
                tensor.Values[i] = MathF.Sin(i);
            pipeline.Decode(new Latent(tensor, new GenerationInfo()), options);
        }

        void Encode()
        {
            byte[] pixels = new byte[Side * Side * DiffusionImage.Channels];
            new Random(1).NextBytes(pixels);
            pipeline.EncodeImage(pipeline.FitImage(new DiffusionImage(Side, Side, pixels)), vae: options);
        }
    }

    /// <summary>The small model with another autoencoder.</summary>
    private static string MakeModel(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(DemoModel.Path, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(DemoModel.Path, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.WriteAllBytes(copy, File.ReadAllBytes(file));
        }

        string config = Path.Combine(folder, "vae", "config.json");
        JsonObject vae = JsonNode.Parse(File.ReadAllText(config))!.AsObject();
        vae["block_out_channels"] = new JsonArray(128, 256, 512, 512);
        (vae["layers_per_block"], vae["norm_num_groups"], vae["sample_size"]) = (2, 32, 512);
        File.WriteAllText(config, vae.ToJsonString());
        FullSizeCheckpoint.Write(Path.Combine(folder, "vae", "diffusion_pytorch_model.safetensors"), PublishedModels.Vae());
        return folder;
    }
}
