using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Library;
using StableDiffusion.Metadata;
using StableDiffusion.Noise;
using StableDiffusion.Onnx;
using StableDiffusion.Pipelines;
using StableDiffusion.Prompts;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Text;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Tests.Replaying;

/// <summary>Composes stages at random, the same ones for the same number, as a user may at a prompt.</summary>
/// <param name="library">The models "demo" and "other", the LoRA "style", the ControlNet "net" and the upscaler "compact", and thin ones.</param>
/// <param name="files">The image files to start from, of 64x64 and 64x48 pixels.</param>
/// <param name="isThin">Whether to use what is thin of the library, which takes a part of the time.</param>
/// <param name="number">The number of the composition.</param>
/// <param name="cancellationToken">Cancels the work.</param>
internal sealed class Composer(ModelLibrary library, IReadOnlyList<string> files, bool isThin, int number, CancellationToken cancellationToken)
{
    private static readonly string[] s_prompts = ["a red house on the grass", "a blue boat on the sea at night", "a (yellow:1.3) heart on white", ""];
    private static readonly string[] s_schedulers = [.. SchedulerCatalog.All.Where(static info => info.Name is not ("LCM" or "TCD" or "FlowMatchEuler")).Select(static info => info.Name)];

    private readonly Random _random = new(number);

    /// <summary>The files that the composition reads.</summary>
    public HashSet<string> Read { get; } = [];

    /// <summary>What was done, for messages.</summary>
    public List<string> Done { get; } = [];

    public DiffusionImage Compose()
    {
        if (!Chance(0.05))
            return Chance(0.15) ? Enlarge(MakeImage(depth: 0)) : MakeImage(depth: 0);
        Done.Add("join");
        DiffusionImage first = MakeImage(depth: 1), second = MakeImage(depth: 1);
        return ImageGrid.Join((first.Width, first.Height) == (second.Width, second.Height) ? [first, second, first] : [first, first], columns: 2, gap: 3);
    }

    private DiffusionImage MakeImage(int depth)
    {
        Latent latent = MakeLatent(depth);
        string model = Model();
        VaeOptions? vae = Chance(0.1) ? new VaeOptions { Seamless = Pick([Tiling.None, Tiling.X, Tiling.Both]) } : null;
        Done.Add($"decode {model} {vae?.Seamless}");
        return Use(model, null, pipeline => pipeline.Decode(latent, vae, cancellationToken));
    }

    private DiffusionImage Enlarge(DiffusionImage image)
    {
        string upscaler = Pick(["compact", "Lanczos"]);
        Done.Add($"enlarge {upscaler}");
        UpscaleOptions options = new() { Upscaler = upscaler, Scale = 1.5 };
        return library.Upscale(image, upscaler == "compact" ? options with { TileSize = 48 } : options, Device.Cpu, cancellationToken: cancellationToken);
    }

    private Latent MakeLatent(int depth)
    {
        Latent latent = MakeOneLatent(depth);
        if (depth > 1 || !Chance(0.08))
            return latent;

        Latent other = MakeOneLatent(depth + 1);
        if (other.Model != latent.Model || !other.Tensor.Shape.SequenceEqual(latent.Tensor.Shape))
            return latent;
        Done.Add("merge latents");
        return LatentMerge.Merge(latent, other, _random.NextDouble(), Pick([InterpolationMode.Linear, InterpolationMode.Spherical]));
    }

    private Latent MakeOneLatent(int depth)
    {
        Latent? start = null;
        bool isMasked = false;
        if (Chance(0.45))
        {
            DiffusionImage image = depth < 2 && Chance(0.35) ? MakeImage(depth + 1) : ReadImage();
            bool isEnlarged = Chance(0.1);
            if (isEnlarged)
                image = Enlarge(image);
            if (isEnlarged || Chance(0.3))
            {
                Done.Add("resize");
                image = ImageResize.Resize(image, 64, 48, ResizeMode.Crop);
            }

            long? seed = Chance(0.5) ? _random.Next(1000) : null;
            string model = Model();
            Done.Add($"encode {model}");
            VaeOptions vae = new() { Seamless = Chance(0.1) ? Tiling.Both : null };
            start = Use(model, null, pipeline => pipeline.EncodeImage(pipeline.FitImage(image, mode: ResizeMode.None), seed, vae: vae, cancellationToken: cancellationToken));
            isMasked = Chance(0.4);
        }

        do
        {
            start = Denoise(start, isMasked, depth);
            isMasked = false;
        }
        while (!start.IsComplete || Chance(0.1));
        return start;
    }

    private Latent Denoise(Latent? start, bool isMasked, int depth)
    {
        bool goesOn = start is { IsComplete: false };
        bool isControlled = Chance(0.15);
        int steps = _random.Next(2, 5);
        DenoiseOptions options = goesOn ? new DenoiseOptions() : new DenoiseOptions
        {
            Seed = _random.Next(1000),
            Steps = start is null ? steps : steps + 2,
            Scheduler = Pick(s_schedulers),
            RandomSource = Chance(0.2) ? "Cuda" : null,
            VariationSeed = Chance(0.1) ? 7 : null,
            BatchSize = Chance(0.1) ? 3 : null,
        };
        options = options with
        {
            VariationStrength = options.VariationSeed is null ? null : 0.3,
            BatchIndex = options.BatchSize is null ? null : 1,
            GuidanceScale = Pick([1.0, 3.0, 6.5]),
            GuidanceRescale = Chance(0.2) ? 0.5 : null,
            GuidanceEnd = Chance(0.1) ? 0.5 : null,
            GuidanceSigmaMin = Chance(0.1) ? 0.5 : null,
            GuidanceSigmaMax = Chance(0.1) ? 6.5 : null,
            Tiling = Chance(0.15) ? Pick(["X", "Y", "Both"]) : null,
            FeatureReuse = isControlled || !Chance(0.1) ? null : 2,
            DiffusionTiling = Chance(0.1) ? Pick(["MultiDiffusion", "Mixture"]) : null,
            Strength = start is null || goesOn ? null : Pick([0.6, 0.8, 1.0]),
            Mask = isMasked ? Mask(start!) : null,
            Controls = isControlled ? [new ControlOptions(Own("net"), Control(depth)) { Preprocessor = ControlPreprocessor.Canny, Scale = 0.7 }] : [],
        };
        options = options with { DiffusionTileSize = options.DiffusionTiling is null ? null : 48, Tiling = options.DiffusionTiling is null ? options.Tiling : null };
        string model = Model(), textModel = Chance(0.1) ? Model() : model;
        AdapterSet? adapters = Chance(0.15) ? AdapterSet.Create([library.FindLora(Own("style"), cancellationToken) with { Strength = 0.8 }]) : null;
        PromptOptions prompt = new() { Syntax = Chance(0.3) ? PromptSyntax.A1111 : PromptSyntax.Plain };
        TextEmbedding embedding = Encode(Pick(s_prompts));
        TextEmbedding? negative = Chance(0.4) ? Encode(Pick(s_prompts)) : null;
        int stop = Chance(0.35) ? 1 : 0;
        Done.Add($"denoise {model}{(adapters is null ? "" : " lora")} {options.Scheduler} mask {isMasked} control {options.Controls.Count} strength {options.Strength} goes on {goesOn} stop {stop}");
        return Use(model, adapters, pipeline =>
        {
            // Not every scheduler can start or stop at every step, and some need four.
            DenoiseOptions whole = options with { Strength = options.Strength is null ? null : 1, Steps = options.Steps is null ? null : 4 };
            int? stopStep = stop == 0 ? null : (start?.Step ?? 0) + 1;
            foreach (DenoiseOptions attempt in (DenoiseOptions[])[options with { StopStep = stopStep }, options, whole with { StopStep = stopStep }])
            {
                try
                {
                    return pipeline.Denoise(embedding, negative, start, attempt, cancellationToken: cancellationToken);
                }
                catch (InvalidSettingException error) when (error.Setting is "StopStep" or "Strength" or "Steps")
                {
                    Done.Add("tried again");
                }
            }

            return pipeline.Denoise(embedding, negative, start, whole, cancellationToken: cancellationToken);
        });

        TextEmbedding Encode(string text)
        {
            TextEmbedding encoded = EncodeOne(text);
            if (!Chance(0.1))
                return encoded;

            Done.Add("merge embeddings");
            TextEmbedding merged = EmbeddingMerge.Merge(encoded, EncodeOne(Pick(s_prompts)), _random.NextDouble(), Pick([InterpolationMode.Linear, InterpolationMode.Spherical]));
            return Chance(0.3) ? EmbeddingMerge.Merge([encoded, merged, EncodeOne(Pick(s_prompts))], [1, _random.NextDouble(), 0.3]) : merged;
        }

        TextEmbedding EncodeOne(string text) => Use(textModel, adapters, pipeline => pipeline.EncodePrompt(text, prompt, cancellationToken));
    }

    private MaskImage Mask(Latent start)
    {
        string file = Pick([.. files.Where(file => ImageFile.Read(file) is DiffusionImage image && (image.Width, image.Height) == (start.Width, start.Height))]);
        Read.Add(file);
        Done.Add("mask");
        return ImageFile.LoadMask(file, cancellationToken);
    }

    private DiffusionImage Control(int depth)
    {
        if (depth < 2 && Chance(0.2))
            return MakeImage(depth + 1);
        return Chance(0.3) ? ControlImage.Preprocess(ReadImage(), ControlPreprocessor.Invert) : ReadImage();
    }

    private DiffusionImage ReadImage()
    {
        string file = Pick(files);
        Read.Add(file);
        return ImageFile.Read(file);
    }

    private T Use<T>(string model, AdapterSet? adapters, Func<DiffusionPipeline, T> run)
    {
        using ModelLease lease = library.Open(model, Device.Cpu, adapters);
        return run(new DiffusionPipeline(lease.Model));
    }

    private string Model() => Own(Chance(0.2) ? "other" : "demo");

    private string Own(string name) => isThin ? $"thin-{name}" : name;

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];
}
