using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Families;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>Single files as large as the published models, with random weights: their import, and a step of their U-Nets.</summary>
internal static class FullSizeRows
{
    /// <summary>The command of the child process that imports a file: its path follows.</summary>
    public const string ImportOption = "--full-size-import";

    /// <summary>The command of the child process that runs an imported model: its name follows.</summary>
    public const string RunOption = "--full-size-run";

    private const double HighestImportMebibytes = 2048;
    private const double HighestOverhead = 1.03;
    private const double HighestOpening = 0.15;
    private const double HighestPreview = 0.02;
    private const int Side = 512;
    private const int Steps = 6;

    // Finding the ranges of XL's integers takes 48 runs at 1024x1024: an hour on two cores.
    private static readonly (string Name, Func<ShapeFile> Shapes, ModelPrecision[] Precisions)[] s_models =
    [
        ("sd15", () => PublishedModels.Sd1(), [ModelPrecision.Full, ModelPrecision.Int8]),
        ("sdxl", () => PublishedModels.Xl(), [ModelPrecision.Full]),
    ];

    public static IEnumerable<Row> Measure()
    {
        foreach ((string name, Func<ShapeFile> shapes, ModelPrecision[] precisions) in s_models)
        {
            string folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, $"full-size-{Guid.NewGuid():N}")).FullName;
            try
            {
                string file = Path.Combine(folder, $"{name}.safetensors");
                FullSizeCheckpoint.Write(file, shapes());
                foreach (Row row in precisions.SelectMany(precision => Measure(name, precision, file, folder)))
                    yield return row;
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>Imports a file, under the precision's name, and tells what it took. Runs in a process of its own.</summary>
    public static void Import(string path, ModelPrecision precision)
    {
        using PeakMemory memory = new();
        ModelImport import = ModelLibrary.Default.Import(path, precision.ToString(), new ImportOptions { Precision = precision });
        Tell("seconds", import.Elapsed.TotalSeconds);
        Tell("written", import.Length);
        Tell("anonymous", memory.Stop());
    }

    /// <summary>Makes some steps without guidance and the same runs of the bare session, and tells the times. Runs in a process of its own.</summary>
    public static void Run(string name)
    {
        using PeakMemory memory = new();
        long start = Stopwatch.GetTimestamp();
        using ModelLease lease = ModelLibrary.Default.Open(name, Device.Cpu);
        DiffusionPipeline pipeline = new(lease.Model);
        TextEmbedding embedding = pipeline.EncodePrompt(DemoModel.Prompt);
        long unetStart = Stopwatch.GetTimestamp();
        UNet unet = lease.Model.OpenUNet(null, default);
        Tell("unet", Stopwatch.GetElapsedTime(unetStart).TotalSeconds);
        Tell("opening", Stopwatch.GetElapsedTime(start).TotalSeconds);

        (IReadOnlyList<double> steps, IReadOnlyList<double> bare) = StepTimes.Measure(lease.Model, pipeline, embedding, Side, Steps, default);
        foreach (double time in steps)
            Tell("step", time);
        foreach (double time in bare)
            Tell("bare", time);
        Tell("anonymous", memory.Stop());
        Tell("preview", PreviewRows.Dearest());

        if (name == WholeImageRows.Model)
            WholeImageRows.Run(lease.Model, pipeline, Tell);

        start = Stopwatch.GetTimestamp();
        new InferenceSession(EngineSessions.PathOf(unet)).Dispose();
        Tell("default", Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static IEnumerable<Row> Measure(string name, ModelPrecision precision, string file, string folder)
    {
        (string, string)[] variables = [(StorageFolders.ModelsVariable, Path.Combine(folder, "models")), (StorageFolders.CacheVariable, Path.Combine(folder, "cache"))];
        ChildProcess import = ChildProcess.Run(ChildProcess.DotNet, [typeof(Program).Assembly.Location, ImportOption, file, precision.ToString()], variables);
        double anonymous = import.Numbers("anonymous")[0];

        // Its U-Net is run for the ranges of its integers, and so is in memory as a whole.
        bool isTried = precision == ModelPrecision.Int8;
        yield return new Row($"{name}, full size, {precision}: import of a single file", $"{import.Numbers("seconds")[0]:F1} s")
        {
            Beside = $"{new FileInfo(file).Length / 1e9:F2} GB read, {import.Numbers("written")[0] / 1e9:F2} GB written",
            Compared = $"{anonymous:F0} MiB beyond mapped files",
            Goal = isTried ? string.Empty : $"under {HighestImportMebibytes} MiB",
            IsMet = isTried ? null : anonymous < HighestImportMebibytes,
        };

        ChildProcess run = ChildProcess.Run(ChildProcess.DotNet, [typeof(Program).Assembly.Location, RunOption, precision.ToString()], variables);
        double step = Statistics.Median(run.Numbers("step"));
        double bare = Statistics.Median(run.Numbers("bare"));
        yield return new Row($"{name}, full size, {precision}: a step at {Side}x{Side} without guidance", $"{step:F0} ms")
        {
            Beside = $"{bare:F0} ms, bare session.Run",
            Compared = $"{step / bare:F3} x; opened in {run.Numbers("opening")[0]:F1} s; {run.Numbers("anonymous")[0]:F0} MiB beyond mapped files",
            Goal = $"at most {HighestOverhead} x",
            IsMet = step / bare <= HighestOverhead,
        };

        double preview = run.Numbers("preview")[0];
        yield return new Row($"{name}, full size, {precision}: a preview of {Side}x{Side} by SIXEL and in a file", $"{preview:F1} ms")
        {
            Beside = $"{step:F0} ms, a step without guidance",
            Compared = $"{preview / step:F4} x",
            Goal = $"under {HighestPreview} x",
            IsMet = preview / step < HighestPreview,
        };

        double unet = run.Numbers("unet")[0], standard = run.Numbers("default")[0];
        yield return new Row($"{name}, full size, {precision}: opening the U-Net, which the import has prepared", $"{unet:F2} s")
        {
            Beside = $"{standard:F2} s, InferenceSession with its default options",
            Compared = $"{unet / standard:F3} x",
            Goal = $"at most {HighestOpening} x",
            IsMet = unet / standard <= HighestOpening,
        };

        if (precision.ToString() == WholeImageRows.Model && name == s_models[0].Name)
        {
            foreach (Row row in WholeImageRows.Measure(file, folder, run, variables))
                yield return row;
        }
    }

    private static void Tell(string word, double number) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{word} {number}"));
}
