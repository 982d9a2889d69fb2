using System.Globalization;
using StableDiffusion.Building;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Quantization;
using StableDiffusion.Running;
using StableDiffusion.Storage;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>The small model in each precision: the time of denoising beside bare runs of its U-Net, and the distance of its pictures from the full model's.</summary>
internal static class PrecisionRows
{
    private const int Side = 64;
    private const int Steps = 20;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    public static IEnumerable<Row> Measure()
    {
        ModelPrecision[] precisions = Enum.GetValues<ModelPrecision>();
        DiffusionModel[] models = [.. precisions.Select(Open)];
        BareGraph[] graphs = [.. models.Select(model => DemoModel.UNet(EngineSessions.Of(model.OpenUNet(null, default)), Side))];
        try
        {
            Action[] actions = [.. models.Select(Denoising), .. graphs.Select(graph => (Action)(() => Repeat(graph)))];
            Interleaved times = Interleaved.Run(s_limit, actions);
            for (int i = 0; i < precisions.Length; i++)
            {
                yield return new Row($"denoising, {Steps} steps, 64x64, {precisions[i]}", $"{times.Median(i):F2} ms")
                {
                    Beside = $"{times.Median(precisions.Length + i):F2} ms, bare Run",
                    Compared = $"{times.Ratio(i, 0):F3} x {precisions[0]} ({times.Rounds} rounds)",
                    Processor = $"{times.ProcessorRatio(i, 0):F3} x",
                };
            }

            for (int i = 1; i < precisions.Length; i++)
            {
                PrecisionComparison comparison = PrecisionComparer.Run(models[0].Info, models[i].Info, DemoModel.Prompt, new DenoiseOptions { Steps = Steps });
                yield return new Row($"pictures of {PrecisionComparer.Seeds} seeds, {precisions[i]}", Describe(comparison.Psnr, comparison.Ssim))
                {
                    Beside = $"the worst {Describe(comparison.LowestPsnr, comparison.LowestSsim)}",
                    Compared = $"from {precisions[0]}",
                };
            }
        }
        finally
        {
            foreach (BareGraph graph in graphs)
                graph.Dispose();
            foreach (DiffusionModel model in models)
                model.Dispose();
        }
    }

    private static DiffusionModel Open(ModelPrecision precision)
    {
        string folder = ModelBuilder.Build(DiffusersFolder.Find(DemoModel.Path, new ImportOptions { Precision = precision }), StorageFolders.FromEnvironment().Cache, writeInteger: IntegerUNet.Write);
        return new DiffusionModel(ModelReader.Read(precision.ToString(), folder), Device.Cpu);
    }

    private static Action Denoising(DiffusionModel model)
    {
        DiffusionPipeline pipeline = new(model);
        TextEmbedding embedding = pipeline.EncodePrompt(DemoModel.Prompt);
        DenoiseOptions options = new() { Steps = Steps, Seed = DemoModel.Seed, Scheduler = "Euler", GuidanceScale = 1 };
        return () => pipeline.Denoise(embedding, null, null, options);
    }

    private static void Repeat(BareGraph graph)
    {
        for (int step = 0; step < Steps; step++)
            graph.Run();
    }

    private static string Describe(double psnr, double ssim) => double.IsPositiveInfinity(psnr)
        ? "equal"
        : string.Create(CultureInfo.InvariantCulture, $"{psnr:F1} dB, SSIM {ssim:F4}");
}
