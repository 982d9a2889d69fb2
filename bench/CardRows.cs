using System.Diagnostics;
using System.Globalization;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Tests.Families;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>
/// Whole images and their parts on a graphics card, with models as large as the published ones, random weights and half precision.
/// The goals are those for an NVIDIA H200.
/// </summary>
internal sealed class CardRows
{
    /// <summary>The command; options may follow.</summary>
    public const string Command = "card";

    /// <summary>The option for the device, Cuda if it is left out.</summary>
    private const string DeviceOption = "--device";

    /// <summary>The option for the model that comes with the module in place of large ones: to try the rows out anywhere.</summary>
    private const string SmallOption = "--small";

    /// <summary>The option for the time in seconds, after which no row begins and the one at work is stopped.</summary>
    private const string SecondsOption = "--seconds";

    private const int NoCard = 3;
    private const int BadCommandLine = 64;
    private const int DefaultSeconds = 360;
    private const int SmallSide = 64;
    private const int Repeats = 3;

    private readonly List<Row> _rows = [];

    // The folders of the models' graphs, by their names.
    private readonly Dictionary<string, string> _graphs = [];
    private readonly CancellationTokenSource _stop;
    private readonly Device _device;
    private readonly bool _isSmall;
    private readonly string _folder;

    private CardRows(Device device, bool isSmall, double seconds, string folder)
    {
        (_device, _isSmall, _folder) = (device, isSmall, folder);
        _stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
    }

    private CancellationToken Token => _stop.Token;

    private bool RecordsRuns => _device.Kind == DeviceKind.Cuda;

    /// <summary>Reads the options, measures and writes the table.</summary>
    /// <returns>The exit code: 3 if the device cannot be used.</returns>
    public static int Make(IReadOnlyList<string> options)
    {
        string name = nameof(DeviceKind.Cuda);
        bool isSmall = false;
        double seconds = DefaultSeconds;
        for (int i = 0; i < options.Count; i++)
        {
            bool isLast = i == options.Count - 1;
            if (options[i] == SmallOption)
                isSmall = true;
            else if (options[i] == DeviceOption && !isLast)
                name = options[++i];
            else if (options[i] == SecondsOption && !isLast && double.TryParse(options[i + 1], NumberStyles.Float, CultureInfo.InvariantCulture, out seconds) && seconds is > 0 and < 1e6)
                i++;
            else
                return Refuse();
        }

        Device device;
        try
        {
            device = Devices.Resolve(name, out _);
        }
        catch (DiffusionException error)
        {
            Console.Error.WriteLine(error.Message);
            return NoCard;
        }

        string folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"card-{Guid.NewGuid():N}")).FullName;
        try
        {
            CardRows rows = new(device, isSmall, seconds, folder);
            rows.Measure();
            rows._rows.Add(new Row("G3 and G8 with TensorRT", "not measured") { Beside = "it builds engines for longer than this takes" });
            Console.WriteLine($"On {device}{(isSmall ? ", with the small model, so that the figures say nothing of the goals" : string.Empty)}. The goals are those for an NVIDIA H200.");
            Console.WriteLine();
            Table.Write(rows._rows, Console.Out);
            return 0;
        }
        finally
        {
            ModelLibrary.Default.CloseModels();
            Directory.Delete(folder, recursive: true);
        }

        static int Refuse()
        {
            Console.Error.WriteLine($"The options of '{Command}' are {DeviceOption} <name>, {SmallOption} and {SecondsOption} <number>.");
            return BadCommandLine;
        }
    }

    private void Measure()
    {
        using (Model? sd15 = Open("sd15", static () => PublishedModels.Sd1(), 512))
        {
            Add(sd15, "G8: opening the U-Net of Stable Diffusion 1.5, its files in memory", "at most 3 s", model =>
            {
                double time = Seconds(() => model.Lease.Model.OpenUNet(null, Token));
                return ($"{time:F2} s", time <= 3);
            });
            Add(sd15, "G1: image of Stable Diffusion 1.5, 50 steps with guidance", "at most 520 ms", model => Image(model, 50, 0.52));
            Add(sd15, "G2: images in an hour, Stable Diffusion 1.5, 20 steps, one after another", "at least 24600", model =>
            {
                double hourly = 3600 / Rate(model, 20, count: _isSmall ? 2 : 16);
                return ($"{hourly:F0}", hourly >= 24_600);
            });
            Add(sd15, "G7: time of a step outside of the U-Net", "at most 0.3 ms", Overhead);
            Add(sd15, "G7: bytes between host and card in a step with guidance", "0", Traffic);
        }

        if (RecordsRuns)
        {
            using Model? sd15 = OpenRecorded("sd15", 512);
            Add(sd15, "G1 by CUDA graphs", "at most 520 ms", model => Image(model, 50, 0.52));
        }

        using (Model? sdxl = Open("sdxl", static () => PublishedModels.Xl(), 1024))
            MeasureXl(sdxl);
        if (!RecordsRuns)
            return;
        using Model? recorded = OpenRecorded("sdxl", 1024);
        Add(recorded, "G3 by CUDA graphs", "at most 1.9 s", model => Image(model, 30, 1.9));
        Add(recorded, "G6 by CUDA graphs", "at most 320 ms", model => Image(model, 4, 0.32, "LCM", guidance: 1));
    }

    private void MeasureXl(Model? sdxl)
    {
        Add(sdxl, "G3: image of Stable Diffusion XL, 30 steps with guidance", "at most 1.9 s", model => Image(model, 30, 1.9));
        Add(sdxl, "G4: images in a second, Stable Diffusion XL, 20 steps", "at least 1.1", model =>
        {
            double rate = 1 / Rate(model, 20, count: _isSmall ? 2 : 4);
            return ($"{rate:F2}", rate >= 1.1);
        });
        Add(sdxl, "G5: VAE decoder of Stable Diffusion XL", "at most 130 ms", Decoding);
        Add(sdxl, "G6: image of Stable Diffusion XL, LCM, 4 steps", "at most 320 ms", model => Image(model, 4, 0.32, "LCM", guidance: 1));
    }

    private sealed record Model(ModelLease Lease, DiffusionPipeline Pipeline, int Side) : IDisposable
    {
        public void Dispose() => Lease.Dispose();
    }

    private Model? Open(string name, Func<ShapeFile> shapes, int side)
    {
        try
        {
            Token.ThrowIfCancellationRequested();
            Console.Error.WriteLine($"Making {name} ...");
            string path = DemoModel.Path;
            if (!_isSmall)
            {
                string file = Path.Combine(_folder, $"{name}.safetensors");
                FullSizeCheckpoint.Write(file, shapes());
                path = ModelBuilder.Build(new CheckpointSource(file, new ImportOptions { Precision = ModelPrecision.Half }), Path.Combine(_folder, "graphs"), cancellationToken: Token);
                File.Delete(file);
            }

            _graphs.Add(name, path);
            return Open(path, side);
        }
        catch (Exception error) when (error is DiffusionException or OperationCanceledException or IOException)
        {
            _rows.Add(new Row($"making {name}", Reason(error)));
            return null;
        }
    }

    /// <summary>Opens a model again, whose U-Net then runs by CUDA graphs.</summary>
    private Model? OpenRecorded(string name, int side)
    {
        if (!_graphs.TryGetValue(name, out string? path) || Token.IsCancellationRequested)
            return null;
        ModelLibrary.Default.CloseModels();
        Environment.SetEnvironmentVariable(RunRecorder.Variable, "1");
        try
        {
            Model model = Open(path, side);
            if (model.Lease.Model.OpenUNet(null, Token).RecordingFault is string fault)
                _rows.Add(new Row($"CUDA graphs of {name}", $"not used: {fault}"));
            return model;
        }
        catch (Exception error) when (error is DiffusionException or OperationCanceledException)
        {
            _rows.Add(new Row($"opening {name} for CUDA graphs", Reason(error)));
            return null;
        }
        finally
        {
            Environment.SetEnvironmentVariable(RunRecorder.Variable, null);
        }
    }

    private Model Open(string path, int side)
    {
        ModelLease lease = ModelLibrary.Default.Open(path, _device);
        return new Model(lease, new DiffusionPipeline(lease.Model), _isSmall ? SmallSide : side);
    }

    /// <summary>Adds a row, or the reason why there is no figure.</summary>
    private void Add(Model? model, string name, string goal, Func<Model, (string Measured, bool IsMet)> measure)
    {
        Row row = new(name, "skipped: there is no model");
        try
        {
            Token.ThrowIfCancellationRequested();
            if (model is not null)
            {
                Console.Error.Write($"{name} ... ");
                (string measured, bool isMet) = measure(model);
                row = row with { Measured = measured, Goal = goal, IsMet = _isSmall ? null : isMet };
            }
        }
        catch (Exception error) when (error is DiffusionException or OperationCanceledException)
        {
            row = row with { Measured = Reason(error) };
        }

        // At once, in case that the process is ended before the table is written.
        Console.Error.WriteLine(row.Measured);
        _rows.Add(row);
    }

    private static string Reason(Exception error) => error is OperationCanceledException ? "skipped: there was no time left" : $"failed: {error.Message}";

    private (string Measured, bool IsMet) Image(Model model, int steps, double goal, string scheduler = "Euler", double guidance = 7.5)
    {
        Make(model, steps, scheduler, guidance, count: 1);
        double time = Statistics.Median([.. Enumerable.Range(0, Repeats).Select(_ => Seconds(() => Make(model, steps, scheduler, guidance, count: 1)))]);
        return ($"{time * 1000:F0} ms", time <= goal);
    }

    /// <summary>The seconds that an image takes in a long row of them.</summary>
    private double Rate(Model model, int steps, int count)
    {
        Make(model, steps, "Euler", guidance: 7.5, count: 1);
        return Seconds(() => Make(model, steps, "Euler", guidance: 7.5, count)) / count;
    }

    private void Make(Model model, int steps, string scheduler, double guidance, int count)
    {
        DenoiseOptions options = new() { Prompt = DemoModel.Prompt, Seed = DemoModel.Seed, Steps = steps, GuidanceScale = guidance, Scheduler = scheduler, Width = model.Side, Height = model.Side };
        foreach (StableDiffusion.Images.DiffusionImage _ in new TextToImage(new TextToImageRequest { Options = options, Count = count }).Run(model.Pipeline, cancellationToken: Token))
            Token.ThrowIfCancellationRequested();
    }

    private (string Measured, bool IsMet) Overhead(Model model)
    {
        TextEmbedding embedding = model.Pipeline.EncodePrompt(DemoModel.Prompt, cancellationToken: Token);
        (IReadOnlyList<double> steps, IReadOnlyList<double> bare) = StepTimes.Measure(model.Lease.Model, model.Pipeline, embedding, model.Side, steps: 50, Token);
        double outside = Statistics.Median([.. steps]) - Statistics.Median([.. bare]);
        return ($"{outside:F2} ms", outside <= 0.3);
    }

    /// <summary>What the loop copies, by the sizes of the values: the sample and the timestep to the card for both prompts, and a prediction back for each, in one run or two.</summary>
    private (string Measured, bool IsMet) Traffic(Model model)
    {
        UNet unet = model.Lease.Model.OpenUNet(null, Token);
        int side = model.Side / model.Lease.Model.Info.LatentFactor;
        long bytes = 2L * sizeof(float) * (((unet.Channels + unet.LatentChannels) * side * side) + 1);
        return (_device.Kind == DeviceKind.Cpu ? "0" : $"{bytes}, counted by size", _device.Kind == DeviceKind.Cpu);
    }

    private (string Measured, bool IsMet) Decoding(Model model)
    {
        int side = model.Side / model.Lease.Model.Info.LatentFactor;
        Tensor tensor = new(1, model.Lease.Model.Info.LatentChannels, side, side);
        for (int i = 0; i < tensor.Length; i++)
            tensor.Values[i] = MathF.Sin(i);
        Latent latent = new(tensor, new GenerationInfo());
        VaeOptions options = new() { Tiling = VaeTiling.Off };
        model.Pipeline.Decode(latent, options, Token);
        double time = Statistics.Median([.. Enumerable.Range(0, Repeats).Select(_ => Seconds(() => model.Pipeline.Decode(latent, options, Token)))]);
        return ($"{time * 1000:F0} ms", time <= 0.13);
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
