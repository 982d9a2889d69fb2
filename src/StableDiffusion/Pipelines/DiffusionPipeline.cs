using StableDiffusion.Denoising;
using StableDiffusion.Images;
using StableDiffusion.Models;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Tensors;
using StableDiffusion.Text;
using StableDiffusion.Text.Prompts;

namespace StableDiffusion.Pipelines;

/// <summary>
/// The four stages of Stable Diffusion over one open model: text to embedding, picture to latent, denoising, and
/// latent to picture. Each can be called alone; calling them one after another makes the same picture as any
/// composition of them.
/// </summary>
/// <param name="model">The open model; the pipeline does not close it.</param>
/// <param name="loading">Hears how parts of the model are opened when a stage first needs them; may be null.</param>
public sealed class DiffusionPipeline(DiffusionModel model, Action<ModelLoadProgress>? loading = null)
{
    /// <summary>How far a given picture is noised where nobody says.</summary>
    public const double DefaultStrength = 0.8;

    private const double HighestGuidanceScale = 100;
    private const int HighestSide = 8192;

    /// <summary>The scores that diffusers' pipelines give SDXL's refiner.</summary>
    private const float AestheticScore = 6.0f;
    private const float NegativeAestheticScore = 2.5f;

    /// <summary>Seeds that are drawn stay within 32 bits, which every other tool takes as well.</summary>
    private const long HighestRandomSeed = uint.MaxValue;

    /// <summary>Draws a seed at random, one that every other tool takes as well.</summary>
    /// <returns>A whole number from 0 to 2^32 - 1.</returns>
    public static long NewSeed() => Random.Shared.NextInt64(HighestRandomSeed + 1);

    /// <summary>Encodes a prompt.</summary>
    /// <param name="prompt">The prompt; may be empty.</param>
    /// <param name="options">How the prompt is read; null takes it as it stands.</param>
    /// <param name="cancellationToken">Stops the stage.</param>
    /// <returns>The embedding.</returns>
    /// <exception cref="InvalidSettingException">The encoder has no such layer as the clip skip asks for.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public TextEmbedding EncodePrompt(string prompt, PromptOptions? options = null, CancellationToken cancellationToken = default) =>
        model.OpenTextEncoder(loading, cancellationToken).Encode(prompt, options, cancellationToken);

    /// <summary>Compresses a picture into a latent.</summary>
    /// <param name="image">The picture; width and height are multiples of 8.</param>
    /// <param name="seed">Samples the latent with this seed, as image-to-image does; null takes the mean.</param>
    /// <param name="randomSource">Whose random numbers the seed stands for.</param>
    /// <param name="cancellationToken">Stops the stage.</param>
    /// <returns>The clean latent.</returns>
    /// <exception cref="InvalidSettingException">Width or height is no multiple of 8.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed.</exception>
    public Latent EncodeImage(DiffusionImage image, long? seed = null, RandomSource randomSource = RandomSource.TorchCpu, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        CheckSide(nameof(DenoiseOptions.Width), image.Width);
        CheckSide(nameof(DenoiseOptions.Height), image.Height);
        INoiseSource? noise = seed is long value ? LatentNoise.CreateGenerator(CheckSeed(value), randomSource) : null;
        Tensor tensor = model.OpenVaeEncoder(loading, cancellationToken).Encode(PixelTensor.FromImage(image), noise, cancellationToken);
        GenerationInfo info = new()
        {
            Width = image.Width,
            Height = image.Height,
            Seed = seed,
            RandomSource = seed is null ? null : NameOf(randomSource),
            Model = model.Info.Name,
        };
        return new Latent(tensor, info) { Noise = noise };
    }

    /// <summary>Denoises: from noise alone, from a clean latent that is noised first, or on from a latent that was stopped half way.</summary>
    /// <param name="embedding">What to show.</param>
    /// <param name="negative">What not to show; null takes the empty prompt where guidance needs one.</param>
    /// <param name="start">Where to start; null starts from noise.</param>
    /// <param name="options">How to denoise.</param>
    /// <param name="progress">Called after each step, on this thread; may be null.</param>
    /// <param name="cancellationToken">Stops the stage within milliseconds.</param>
    /// <returns>The latent, finished or stopped where the options say.</returns>
    /// <exception cref="InvalidSettingException">An option is out of its range; the message says which.</exception>
    /// <exception cref="SchedulerNotFoundException">No scheduler has the name.</exception>
    /// <exception cref="ShapeMismatchException">An embedding or latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">An embedding or latent holds a value that is NaN or infinite.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the values became infinite.</exception>
    public Latent Denoise(
        TextEmbedding embedding,
        TextEmbedding? negative,
        Latent? start,
        DenoiseOptions options,
        Action<StepProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(embedding);
        ArgumentNullException.ThrowIfNull(options);
        double guidanceScale = CheckRange("GuidanceScale", options.GuidanceScale ?? model.Info.GuidanceScale, 0, HighestGuidanceScale);
        double guidanceRescale = CheckRange("GuidanceRescale", options.GuidanceRescale, 0, 1);
        UNet unet = model.OpenUNet(loading, cancellationToken);
        CheckEmbedding(embedding, unet);
        if (guidanceScale > Guidance.NeutralScale || embedding.DynamicText is not null)
            CheckEmbedding(negative = CompleteNegative(embedding, negative, cancellationToken), unet);
        if (start is not null && start.Tensor.Shape[1] != unet.LatentChannels)
            throw new ShapeMismatchException($"The model '{model.Info.Name}' takes latents of {unet.LatentChannels} channels, not {start.Tensor}. Make the latent with the same model.");
        start?.CheckFinite();

        (DenoisePause pause, Tensor sample, GenerationInfo info) = start switch
        {
            null => FromNoise(options),
            { Pause: not null } => FromPause(start, start.Pause, options),
            _ => FromClean(start, options),
        };
        info = info with
        {
            Prompt = embedding.Prompt,
            NegativePrompt = negative is { IsNothing: false } ? negative.Prompt : null,
            GuidanceScale = guidanceScale,
            GuidanceRescale = guidanceRescale > 0 ? guidanceRescale : null,
            PromptSyntax = embedding.PromptSyntax == PromptSyntax.Plain ? null : embedding.PromptSyntax.ToString(),
            Emphasis = embedding.PromptSyntax == PromptSyntax.A1111 && embedding.Emphasis != EmphasisMode.Original ? embedding.Emphasis.ToString() : null,
            ClipSkip = embedding.ClipSkip == 1 ? null : embedding.ClipSkip,
        };

        Scheduler scheduler = pause.Scheduler;
        int stepCount = Steps(scheduler, scheduler.Timesteps.Count);
        int stopStep = options.StopStep ?? stepCount;
        int firstStep = Steps(scheduler, pause.NextCall);
        if (stopStep <= firstStep || stopStep > stepCount)
            throw new InvalidSettingException("StopStep", $"The step to stop before, {stopStep}, must lie above {firstStep}, where this denoising stands, and may be {stepCount} at most.");

        TextEncoder Encoder() => model.OpenTextEncoder(loading, cancellationToken);
        DenoiseRequest request = new()
        {
            Sample = sample,
            Positive = PromptConditioning.OfPrompt(Encoder, embedding, info.Steps!.Value, cancellationToken) with { Sizes = Sizes(info, AestheticScore) },
            Negative = negative is null
                ? null
                : PromptConditioning.OfNegativePrompt(Encoder, negative, info.Steps.Value, cancellationToken) with { Sizes = Sizes(info, NegativeAestheticScore) },
            Scheduler = scheduler,
            Noise = pause.Noise,
            GuidanceScale = guidanceScale,
            GuidanceRescale = guidanceRescale,
            FirstCall = pause.NextCall,
            FirstStepCall = pause.FirstCall,
            StopCall = Math.Min(stopStep * scheduler.Order, scheduler.Timesteps.Count),
            Inpainting = pause.Inpainting,
        };

        Latent Capture(Tensor tensor, int nextCall) => new(tensor, info, Steps(scheduler, nextCall), stepCount)
        {
            Pause = nextCall < scheduler.Timesteps.Count ? (pause with { NextCall = nextCall }).Copy() : null,
        };

        void AfterCall(DenoiseStep step)
        {
            int calls = step.Call + 1;
            if (calls % scheduler.Order == 0 || calls == scheduler.Timesteps.Count)
                progress!(new StepProgress(Steps(scheduler, calls), stepCount, step.Timestep, () => Capture(step.Sample.Clone(), calls)));
        }

        Tensor result = new Denoiser(unet).Run(request, progress is null ? null : AfterCall, cancellationToken);
        return Capture(result, request.StopCall);
    }

    /// <summary>Makes a picture of a latent.</summary>
    /// <param name="latent">The latent; one that was stopped half way gives a noisy picture.</param>
    /// <param name="cancellationToken">Stops the stage.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ShapeMismatchException">The latent does not fit the model.</exception>
    /// <exception cref="NotFiniteException">The latent holds a value that is NaN or infinite.</exception>
    /// <exception cref="InferenceException">ONNX Runtime failed, or the picture is not finite.</exception>
    public DiffusionImage Decode(Latent latent, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(latent);
        latent.CheckFinite();
        Tensor pixels = model.OpenVaeDecoder(loading, cancellationToken).Decode(latent.Tensor, cancellationToken);
        GenerationInfo info = latent.Info with
        {
            Width = pixels.Shape[3],
            Height = pixels.Shape[2],
            Model = model.Info.Name,
            ModelHash = model.Info.Hash,
        };
        return PixelTensor.ToImage(pixels, info);
    }

    internal (DenoisePause Pause, Tensor Sample, GenerationInfo Info) FromNoise(DenoiseOptions options)
    {
        RequireLatent("Strength", options.Strength is not null, "how far a given latent is noised");
        RequireLatent("StartStep", options.StartStep is > 0, "where a given latent is taken up");
        RequireLatent("Mask", options.Mask is not null, "what of a given latent is painted anew");
        options = options with { Noise = CheckNoise(options.Noise) };
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options);
        int width = CheckSide("Width", options.Width ?? model.Info.Width);
        int height = CheckSide("Height", options.Height ?? model.Info.Height);

        LatentNoise noise = new(info.Seed!.Value, options.Noise);
        Tensor sample = new(1, model.Info.LatentChannels, height / model.Info.LatentFactor, width / model.Info.LatentFactor);
        noise.FillStart(sample, model.Info.LatentFactor);
        TensorPrimitives.Multiply(sample.Span, scheduler.InitNoiseSigma, sample.Span);
        INoiseSource stepNoise = Begin(scheduler, info, noise, firstCall: 0, sample);
        return (new DenoisePause(scheduler, stepNoise, FirstCall: 0, NextCall: 0, Inpainting: null), sample, info with { Width = width, Height = height });
    }

    internal (DenoisePause Pause, Tensor Sample, GenerationInfo Info) FromClean(Latent start, DenoiseOptions options)
    {
        RequireSame("Width", options.Width, start.Width);
        RequireSame("Height", options.Height, start.Height);

        // A latent that was sampled with this seed has drawn its own values from it already.
        long? seed = options.Seed ?? start.Seed;
        NoiseOptions asked = options.Noise;
        if (options.Seed is null && asked.RandomSource is null && start.RandomSource is nameof(RandomSource.Cuda))
            asked = asked with { RandomSource = RandomSource.Cuda };
        options = options with { Seed = seed, Noise = CheckNoise(asked) };
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options);
        bool goesOn = start.Noise is not null && start.Seed == seed && start.RandomSource == info.RandomSource;
        LatentNoise noise = new(info.Seed!.Value, options.Noise, goesOn ? start.Noise!.Clone() : null);

        double strength = options.Strength ?? DefaultStrength;
        int firstCall = options.StartStep is int startStep
            ? CheckStartStep(startStep, scheduler) * scheduler.Order
            : CheckFirstCall(scheduler.FirstCall(strength), strength, scheduler);
        Tensor drawn = new([.. start.Tensor.Shape]);
        noise.FillStart(drawn, model.Info.LatentFactor);
        Tensor sample = new([.. start.Tensor.Shape]);
        scheduler.AddNoise(start.Tensor.Span, drawn.Span, firstCall, sample.Span);

        Inpainting? inpainting = null;
        if (options.Mask is not null)
        {
            inpainting = new Inpainting(start.Tensor, drawn, LatentMask(options.Mask, start));

            // diffusers encodes the masked picture too, for U-Nets that take it, and so draws once more before the first step.
            noise.Skip(start.Tensor.Length);
        }

        INoiseSource stepNoise = Begin(scheduler, info, noise, firstCall, sample);
        return (
            new DenoisePause(scheduler, stepNoise, firstCall, firstCall, inpainting),
            sample,
            info with { Width = start.Width, Height = start.Height, Strength = options.StartStep is null ? strength : null });
    }

    private static INoiseSource Begin(Scheduler scheduler, GenerationInfo info, LatentNoise noise, int firstCall, Tensor sample)
    {
        INoiseSource stepNoise = noise.OfBatch(scheduler.CreateNoise(info.Seed!.Value, noise.StepGenerator));
        scheduler.Begin(firstCall, sample.Span, stepNoise);
        return stepNoise;
    }

    /// <remarks>Going on differently would need the sample on another scale and a history that was never made.</remarks>
    private static (DenoisePause Pause, Tensor Sample, GenerationInfo Info) FromPause(Latent start, DenoisePause pause, DenoiseOptions options)
    {
        if (options.Scheduler != start.Scheduler)
            RequireSame("Scheduler", options.Scheduler is null ? null : SchedulerCatalog.Find(options.Scheduler).Name, start.Scheduler);
        RequireSame("Steps", options.Steps, start.Steps);
        RequireSame("Seed", options.Seed, start.Seed);
        RequireSameNoise(options.Noise.Normalize(), start.Info);
        RequireSame("StartStep", options.StartStep, start.Step);
        RequireSame("Width", options.Width, start.Width);
        RequireSame("Height", options.Height, start.Height);
        return (pause.Copy(), start.Tensor, start.Info);
    }

    private (Scheduler Scheduler, GenerationInfo Info) CreateScheduler(DenoiseOptions options)
    {
        SchedulerInfo scheduler = options.Scheduler is null
            ? SchedulerCatalog.Default(model.SchedulerConfig)
            : SchedulerCatalog.Find(options.Scheduler);
        GenerationInfo info = new()
        {
            Seed = CheckSeed(options.Seed ?? NewSeed()),
            RandomSource = NameOf(options.Noise.RandomSource),
            VariationSeed = options.Noise.VariationSeed,
            VariationStrength = options.Noise.VariationStrength,
            SeedResizeWidth = options.Noise.SeedResizeWidth,
            SeedResizeHeight = options.Noise.SeedResizeHeight,
            EtaNoiseSeedDelta = options.Noise.EtaNoiseSeedDelta,
            BatchSize = options.Noise.BatchSize,
            BatchIndex = options.Noise.BatchIndex,
            Steps = options.Steps ?? model.Info.Steps,
            Scheduler = scheduler.Name,
            SchedulerOptions = SchedulerOptionText.Write(options.SchedulerOptions),
            Model = model.Info.Name,
        };
        return (SchedulerCatalog.Create(scheduler, model.SchedulerConfig, info.Steps.Value, options.SchedulerOptions), info);
    }

    private NoiseOptions CheckNoise(NoiseOptions options)
    {
        NoiseOptions noise = options.Normalize();
        if (noise is { SeedResizeWidth: int width, SeedResizeHeight: int height })
        {
            CheckSide(nameof(NoiseOptions.SeedResizeWidth), width);
            CheckSide(nameof(NoiseOptions.SeedResizeHeight), height);
        }

        return noise.VariationStrength is null ? noise : noise with { VariationSeed = noise.VariationSeed ?? NewSeed() };
    }

    private static void RequireSameNoise(NoiseOptions asked, GenerationInfo given)
    {
        RequireSame(nameof(asked.RandomSource), asked.RandomSource?.ToString(), given.RandomSource ?? nameof(RandomSource.TorchCpu));
        RequireSame(nameof(asked.VariationSeed), asked.VariationSeed, given.VariationSeed);
        RequireSame(nameof(asked.VariationStrength), asked.VariationStrength, given.VariationStrength);
        RequireSame(nameof(asked.SeedResizeWidth), asked.SeedResizeWidth, given.SeedResizeWidth);
        RequireSame(nameof(asked.SeedResizeHeight), asked.SeedResizeHeight, given.SeedResizeHeight);
        RequireSame(nameof(asked.EtaNoiseSeedDelta), asked.EtaNoiseSeedDelta, given.EtaNoiseSeedDelta);
        RequireSame(nameof(asked.BatchSize), asked.BatchSize, given.BatchSize);
        RequireSame(nameof(asked.BatchIndex), asked.BatchIndex, given.BatchIndex);
    }

    private static string? NameOf(RandomSource? source) => source is null or RandomSource.TorchCpu ? null : source.ToString();

    private static Tensor LatentMask(MaskImage mask, Latent start) => mask.Width == start.Width && mask.Height == start.Height
        ? InpaintMask.ToLatent(mask, start.Tensor.Shape[3], start.Tensor.Shape[2])
        : throw new ImageInvalidException($"The mask is {mask.Width}x{mask.Height} pixels, but the picture is {start.Width}x{start.Height}. Give a mask of the picture's size.");

    private static int Steps(Scheduler scheduler, int calls) => (calls + scheduler.Order - 1) / scheduler.Order;

    private static int CheckStartStep(int startStep, Scheduler scheduler)
    {
        int last = Steps(scheduler, scheduler.Timesteps.Count) - 1;
        return startStep >= 0 && startStep <= last
            ? startStep
            : throw new InvalidSettingException("StartStep", $"The step to start at, {startStep}, must lie between 0 and {last}.");
    }

    private static int CheckFirstCall(int call, double strength, Scheduler scheduler) => call < scheduler.Timesteps.Count
        ? call
        : throw new InvalidSettingException("Strength", $"A strength of {strength} leaves none of the {scheduler.Steps} steps to do. Raise it, or take more steps.");

    private static long CheckSeed(long seed) => seed >= 0
        ? seed
        : throw new InvalidSettingException("Seed", $"The seed {seed} is out of range: it is a whole number from 0 to {long.MaxValue}.");

    private static double CheckRange(string setting, double value, double lowest, double highest) => value >= lowest && value <= highest
        ? value
        : throw new InvalidSettingException(setting, $"{setting} is {value}, but must lie between {lowest} and {highest}.");

    private int CheckSide(string setting, int pixels)
    {
        int factor = model.Info.LatentFactor;
        if (pixels >= factor && pixels <= HighestSide && pixels % factor == 0)
            return pixels;

        int nearest = Math.Clamp((int)Math.Round(pixels / (double)factor) * factor, factor, HighestSide);
        throw new InvalidSettingException(setting, $"{setting} is {pixels}, but must be a multiple of {factor} from {factor} to {HighestSide}, such as {nearest}.");
    }

    private static void RequireSame<T>(string setting, T? asked, T? given)
    {
        if (asked is not null && !asked.Equals(given))
            throw new InvalidSettingException(setting, $"{setting} is {asked}, but the given latent was made with {given?.ToString() ?? "none"}. Leave {setting} out, or start from another latent.");
    }

    private static void RequireLatent(string setting, bool isGiven, string meaning)
    {
        if (isGiven)
            throw new InvalidSettingException(setting, $"{setting} says {meaning}, but no latent is given. Leave {setting} out, or give a latent or picture to start from.");
    }

    /// <summary>What stands in for a negative prompt that says nothing.</summary>
    /// <remarks>
    /// diffusers takes zeros for SDXL where no negative prompt is given and its index says so, and encodes an empty one;
    /// A1111 takes zeros for either.
    /// </remarks>
    private TextEmbedding CompleteNegative(TextEmbedding embedding, TextEmbedding? negative, CancellationToken cancellationToken)
    {
        bool isZero = embedding.PromptSyntax == PromptSyntax.A1111
            ? model.Pipeline.IsLarge && string.IsNullOrEmpty(negative?.Prompt)
            : negative is null && model.Pipeline.ZerosMissingPrompt;
        return isZero
            ? TextEmbedding.Nothing(embedding)
            : negative ?? EncodePrompt(string.Empty, embedding.Options, cancellationToken);
    }

    private float[] Sizes(GenerationInfo info, float aestheticScore)
    {
        if (!model.Pipeline.IsLarge)
            return [];

        (float height, float width) = (info.Height!.Value, info.Width!.Value);
        return model.Pipeline.TakesAestheticScore ? [height, width, 0, 0, aestheticScore] : [height, width, 0, 0, height, width];
    }

    private void CheckEmbedding(TextEmbedding embedding, UNet unet)
    {
        if (!embedding.HiddenStates.HasShape(1, -1, unet.EmbeddingWidth) || (unet.TakesPooledText && embedding.PooledState is null))
            throw new ShapeMismatchException($"The model '{model.Info.Name}' takes embeddings of the shape [1, tokens, {unet.EmbeddingWidth}], not {embedding.HiddenStates}. Make the embedding of '{embedding.Prompt}' with the same model.");
        if (!embedding.HiddenStates.IsFinite() || embedding.PooledState is { } pooled && !pooled.IsFinite())
            throw new NotFiniteException($"The embedding of '{embedding.Prompt}' holds a value that is NaN or infinite. Make it again with Get-TextEmbedding.");
    }
}
