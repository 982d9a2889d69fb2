using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Library;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Running;
using StableDiffusion.Text;

namespace StableDiffusion.Benchmarks;

/// <summary>The engine's stages, and for each the runs of its graph in bare ONNX Runtime, by the very same session.</summary>
internal sealed class StageSet : IDisposable
{
    public const string TextEncoder = "text encoder";
    public const string VaeEncoder = "VAE encoder, 64x64";
    public const string Denoising = "denoising, 20 steps with guidance, 64x64";
    public const string DoubleDenoising = "denoising, 40 steps with guidance, 64x64";
    public const string VaeDecoder = "VAE decoder, 64x64";

    /// <summary>Beside it stand denoisings one by one, not bare runs.</summary>
    public const string Together = "denoising of 4 at once, 20 steps with guidance, 64x64";

    /// <summary>How many steps <see cref="Denoising"/> has; <see cref="DoubleDenoising"/> has twice as many.</summary>
    public const int Steps = 20;

    private const int Side = 64;
    private const int Rows = 4;
    private const double GuidanceScale = 5;

    private readonly ModelLease _lease = ModelLibrary.Default.Open(DemoModel.Path, Device.Cpu);
    private readonly BareGraph[] _graphs;
    private readonly Dictionary<string, (Action Engine, Action Bare)> _stages;

    public StageSet()
    {
        DiffusionPipeline pipeline = new(_lease.Model);
        TextEmbedding embedding = pipeline.EncodePrompt(DemoModel.Prompt);
        TextEmbedding negative = pipeline.EncodePrompt(DemoModel.NegativePrompt);
        Latent latent = pipeline.Denoise(embedding, negative, null, new DenoiseOptions { Steps = 2, Seed = DemoModel.Seed });
        DiffusionImage image = pipeline.Decode(latent);

        DiffusionModel model = _lease.Model;
        BareGraph textEncoder = DemoModel.TextEncoder(EngineSessions.Of(model.OpenTextEncoder(null, default)));
        BareGraph unet = DemoModel.UNet(EngineSessions.Of(model.OpenUNet(null, default)), Side);
        BareGraph vaeEncoder = DemoModel.VaeEncoder(EngineSessions.Of(model.OpenVaeEncoder(null, default)), Side);
        BareGraph vaeDecoder = DemoModel.VaeDecoder(EngineSessions.Of(model.OpenVaeDecoder(null, default)), Side);
        _graphs = [textEncoder, unet, vaeEncoder, vaeDecoder];
        _stages = new Dictionary<string, (Action, Action)>(StringComparer.Ordinal)
        {
            [TextEncoder] = (() => pipeline.EncodePrompt(DemoModel.Prompt), textEncoder.Run),
            [VaeEncoder] = (() => pipeline.EncodeImage(image), vaeEncoder.Run),
            [Denoising] = (() => Denoise(Steps), () => RunUNet(Steps)),
            [DoubleDenoising] = (() => Denoise(2 * Steps), () => RunUNet(2 * Steps)),
            [Together] = (DenoiseTogether, DenoiseEach),
            [VaeDecoder] = (() => pipeline.Decode(latent), vaeDecoder.Run),
        };

        void Denoise(int steps) => pipeline.Denoise(embedding, negative, null, Options(steps, row: 0));

        void DenoiseEach()
        {
            for (int row = 0; row < Rows; row++)
                pipeline.Denoise(embedding, negative, null, Options(Steps, row));
        }

        void DenoiseTogether()
        {
            using DeviceBatches batches = pipeline.Divide([.. Enumerable.Range(0, Rows).Select(row => new DenoiseJob(embedding, negative, null, Options(Steps, row)))], Rows);
            foreach (DeviceBatch batch in batches.All)
                batch.Run();
        }

        static DenoiseOptions Options(int steps, int row) => new() { Steps = steps, Seed = DemoModel.Seed + row, Scheduler = "Euler", GuidanceScale = GuidanceScale };

        void RunUNet(int steps)
        {
            for (int call = 0; call < 2 * steps; call++)
                unet.Run();
        }
    }

    /// <summary>The stages by name, in the order of the pipeline; <see cref="DoubleDenoising"/> and <see cref="Together"/> are not among them.</summary>
    public static IReadOnlyList<string> Names { get; } = [TextEncoder, VaeEncoder, Denoising, VaeDecoder];

    /// <summary>A stage: the engine's, and the bare runs.</summary>
    public (Action Engine, Action Bare) this[string name] => _stages[name];

    public void Dispose()
    {
        foreach (BareGraph graph in _graphs)
            graph.Dispose();
        _lease.Dispose();
    }
}
