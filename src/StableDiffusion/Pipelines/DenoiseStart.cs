using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Pipelines;

/// <summary>The start of a denoising: from noise alone, from a clean latent to which noise is added, or where another denoising stopped.</summary>
/// <param name="model">The open model.</param>
/// <param name="unet">Its U-Net.</param>
/// <param name="messages">Receives what there is to say.</param>
internal sealed class DenoiseStart(DiffusionModel model, UNet unet, PipelineMessages messages)
{
    // A continued denoising keeps its own values of these, and different ones are ignored.
    private static readonly string[] s_keptSilently =
        [nameof(GenerationInfo.SchedulerOptions), nameof(GenerationInfo.Strength), nameof(GenerationInfo.ResizeMode), nameof(GenerationInfo.Background), nameof(GenerationInfo.Vae), nameof(GenerationInfo.VaeTiling), nameof(GenerationInfo.VaeTileSize), nameof(GenerationInfo.Model)];

    /// <summary>Checks the options of a denoising that starts from noise or from an image, without opening a network.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="start">The image to start from; null for noise.</param>
    /// <returns>The size of the new image, in pixels.</returns>
    public static (int Width, int Height) Check(DiffusionModel model, DenoiseOptions options, StartImage? start)
    {
        double? given = start is null ? null : StrengthOf(options, model.Info.Variant == ModelVariant.InstructPix2Pix);
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, given);
        if (start is null)
        {
            RequireLatent(options);
            CheckStopStep(options, firstStep: 0, scheduler);
            return Size(options, model);
        }

        (int width, int height) = CheckSize(start.Image.Width, start.Image.Height, model, VaeOptions.From(options), StepSide(options, model));
        if (options.Vae is string vae)
            model.Vaes.Find(vae).RequireEncoder();
        if (model.Info.Variant == ModelVariant.InstructPix2Pix)
            CheckEdit(options with { Mask = start.Mask });
        if (start.Mask is not null)
            start.Mask.CheckSize(width, height);
        FirstCall(options, scheduler, info, model.Info.Variant == ModelVariant.InstructPix2Pix);
        return (width, height);
    }

    /// <summary>Checks the options of a denoising that starts from a latent, without opening a network.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="start">The latent to start from.</param>
    public static void Check(DiffusionModel model, DenoiseOptions options, Latent start)
    {
        if (start.Tensor.Shape[1] != model.Info.LatentChannels)
            throw new ShapeMismatchException($"The model '{model.Info.Name}' takes latents of {model.Info.LatentChannels} channels, not {start.Tensor}. Make the latent with the same model.");
        start.CheckFinite();
        WindowsOf(options, model, start.Tensor.Shape[3] * model.Info.LatentFactor, start.Tensor.Shape[2] * model.Info.LatentFactor);
        if (options.DenoisingStart is not null)
        {
            CheckHandOver(start, options, model);
            return;
        }

        if (start.State is DenoiseState state)
        {
            FromState(start, state, options);
            CheckStopStep(options, state.Scheduler.CountSteps(state.NextCall), state.Scheduler);
            return;
        }

        CheckClean(start, options, model.Info);
        bool takesPicture = model.Info.Variant == ModelVariant.InstructPix2Pix;
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, StrengthOf(options, takesPicture));
        CheckStopStep(options, scheduler.CountSteps(FirstCall(options, scheduler, info, takesPicture)), scheduler);
    }

    /// <summary>Throws for a second pass that cannot be run.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of the first pass.</param>
    /// <param name="second">The second pass.</param>
    public static void CheckSecond(DiffusionModel model, DenoiseOptions options, HiresPass second)
    {
        (Scheduler first, _) = CreateScheduler(options, model, strength: null);
        DenoiseOptions next = second.OptionsOf(options, first.CountSteps(first.Timesteps.Count));
        CreateScheduler(next, model, next.Strength);
        if (second.EncodesImage && options.Vae is string vae)
            model.Vaes.Find(vae).RequireEncoder();
    }

    /// <summary>The calls of a denoising, found without opening a network.</summary>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="model">The model.</param>
    /// <param name="isFromImage">Whether it starts from an image.</param>
    /// <returns>The scheduler, the first call, and the call to stop before.</returns>
    public static (Scheduler Scheduler, int First, int Stop) CallsOf(DenoiseOptions options, DiffusionModel model, bool isFromImage)
    {
        bool takesPicture = model.Info.Variant == ModelVariant.InstructPix2Pix;
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, isFromImage ? StrengthOf(options, takesPicture) : null);
        int first = isFromImage ? FirstCall(options, scheduler, info, takesPicture) : 0;
        return (scheduler, first, Math.Min(CheckStopStep(options, scheduler.CountSteps(first), scheduler) * scheduler.Order, scheduler.Timesteps.Count));
    }

    /// <summary>The longest side in pixels of what goes through the U-Net at once.</summary>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="model">The model.</param>
    public static int StepSide(GenerationSettings options, DiffusionModel model) => LatentWindows.SideOf(options, LongestSide(model));

    /// <summary>The windows that the U-Net predicts for.</summary>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="model">The model.</param>
    /// <param name="width">The width of the image in pixels.</param>
    /// <param name="height">The height of the image in pixels.</param>
    /// <returns>The windows; null if it predicts for the whole latent.</returns>
    /// <exception cref="InvalidSettingException">The windows cannot be made.</exception>
    public static LatentWindows? WindowsOf(GenerationSettings options, DiffusionModel model, int width, int height) =>
        LatentWindows.Of(options, height / model.Info.LatentFactor, width / model.Info.LatentFactor, model.Info.LatentFactor, LongestSide(model));

    private static int LongestSide(DiffusionModel model) => Math.Max(model.Info.Width, model.Info.Height);

    /// <summary>Throws for the size of an image that the model cannot make, or that does not fit into memory.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="model">The model.</param>
    /// <param name="vae">How the image is encoded and decoded.</param>
    /// <param name="stepSide">The longest side of what goes through the U-Net at once; 0 if nothing does.</param>
    public static (int Width, int Height) CheckSize(int width, int height, DiffusionModel model, VaeOptions vae, int stepSide = int.MaxValue)
    {
        SettingCheck.Side("Width", width, model.Info);
        SettingCheck.Side("Height", height, model.Info);
        new MemoryEstimate(model, vae) { StepSide = stepSide }.Check(width, height);
        return (width, height);
    }

    /// <summary>Throws for a step to stop before that a denoising does not have.</summary>
    /// <param name="options">The options of the denoising.</param>
    /// <param name="firstStep">The step where it starts.</param>
    /// <param name="scheduler">The scheduler.</param>
    /// <returns>The step to stop before.</returns>
    public static int CheckStopStep(DenoiseOptions options, int firstStep, Scheduler scheduler)
    {
        int stepCount = scheduler.CountSteps(scheduler.Timesteps.Count);
        int stopStep = options.StopStep ?? stepCount;
        return stopStep > firstStep && stopStep <= stepCount
            ? stopStep
            : throw new InvalidSettingException("StopStep", $"The step to stop before, {stopStep}, must be above {firstStep}, where this denoising starts, and {stepCount} at most.");
    }

    public (DenoiseState State, Tensor Sample, GenerationInfo Info) FromNoise(DenoiseOptions options, CancellationToken cancellationToken = default)
    {
        RequireLatent(options);
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, strength: null);
        (int width, int height) = Size(options, model);

        LatentNoise noise = new(info.Seed!.Value, info.ToNoise());
        Tensor sample = new(1, model.Info.LatentChannels, height / model.Info.LatentFactor, width / model.Info.LatentFactor);
        noise.FillStart(sample, model.Info.LatentFactor);
        TensorPrimitives.Multiply(sample.Span, scheduler.InitNoiseSigma, sample.Span);
        INoiseSource stepNoise = Begin(scheduler, info, noise, firstCall: 0, sample);
        Autoencoder autoencoder = new(model, VaeOptions.From(options), messages);
        DenoiseState state = new(scheduler, stepNoise, OriginCall: 0, NextCall: 0, Inpainting: null)
        {
            AddedChannels = unet.Variant == ModelVariant.Inpainting
                ? MaskedPicture.OfNothing(height, width, autoencoder, cancellationToken)
                : null,
        };
        return (state, sample, autoencoder.Record(info, cancellationToken) with { Width = width, Height = height, Background = null });
    }

    public (DenoiseState State, Tensor Sample, GenerationInfo Info) FromClean(Latent start, DenoiseOptions options, CancellationToken cancellationToken = default)
    {
        (int width, int height) = CheckClean(start, options, model.Info);

        // A latent that was sampled with this seed has already used the generator's first values.
        long seed = RandomSeed.Resolve(options.Seed ?? start.Seed);
        options = options with { Seed = seed, RandomSource = options.Seed is null ? options.RandomSource ?? start.RandomSource : options.RandomSource };
        bool takesMasked = unet.Variant == ModelVariant.Inpainting;
        bool takesPicture = unet.Variant == ModelVariant.InstructPix2Pix;
        if (takesPicture)
            CheckEdit(options);
        double strength = StrengthOf(options, takesPicture);
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, strength);
        InpaintSettings settings = new(options);

        // diffusers does not encode the image for an inpainting model if nothing of it is kept, and so draws no values.
        // A model that edits images begins with noise too: the image is an extra input beside the latent.
        bool isEncoded = !takesPicture && !(takesMasked && options.StartStep is null && strength >= 1);
        bool goesOn = isEncoded && start.Noise is not null && start.Seed == seed && start.RandomSource == info.RandomSource;
        LatentNoise noise = new(info.Seed!.Value, info.ToNoise(), goesOn ? start.Noise!.Clone() : null);
        int firstCall = FirstCall(options, scheduler, info, takesPicture);
        Tensor drawn = new([.. start.Tensor.Shape]);
        noise.FillStart(drawn, model.Info.LatentFactor);
        Tensor? latentMask = options.Mask is null ? null : LatentMask(options.Mask, start, settings.Mode, settings.RoundsMask);
        Tensor original = latentMask is null ? start.Tensor : settings.FillLatent(start.Tensor, drawn, latentMask);
        Tensor sample = new([.. start.Tensor.Shape]);
        // At full strength diffusers begins with noise alone where a mask keeps the rest.
        bool isNoise = !isEncoded || (latentMask is not null && settings.Mode == InpaintMode.Diffusers && options.StartStep is null && strength >= 1);
        if (!isNoise)
            scheduler.AddStartNoise(original.Span, drawn.Span, firstCall, sample.Span);
        else
            TensorPrimitives.Multiply(drawn.Span, scheduler.InitNoiseSigma, sample.Span);

        Inpainting? inpainting = latentMask is null || (takesMasked && settings.Mode == InpaintMode.Diffusers) ? null : new Inpainting(original, drawn, latentMask, options);
        Tensor? added = null;
        Autoencoder autoencoder = new(model, VaeOptions.From(options), messages);
        if (takesMasked)
        {
            added = options.Mask is null
                ? MaskedPicture.OfNothing(height, width, autoencoder, cancellationToken)
                : MaskedPicture.Of(Source(start.SourcePixels, "Mask", height, width), options.Mask, LatentMask(options.Mask, start, InpaintMode.Diffusers), autoencoder, noise.Generator, cancellationToken);
        }
        else if (takesPicture)
        {
            added = Source(start.SourceMean, "InitImage", start.Tensor.Shape[2], start.Tensor.Shape[3]);
        }
        else if (inpainting is not null && settings.Mode == InpaintMode.Diffusers)
        {
            // For inpainting U-Nets diffusers also encodes the masked image, and so draws once more before the first step.
            noise.Skip(start.Tensor.Length);
        }

        INoiseSource stepNoise = Begin(scheduler, info, noise, firstCall, sample);
        return (
            new DenoiseState(scheduler, stepNoise, firstCall, firstCall, inpainting) { AddedChannels = added },
            sample,
            autoencoder.Record(info, cancellationToken) with
            {
                Width = width,
                Height = height,
                Strength = options.StartStep is null && !takesPicture ? strength : null,
                ResizeMode = start.Info.ResizeMode,
            });
    }

    /// <summary>Checks the options for a clean latent, and returns the size of its image, which its record need not have.</summary>
    private static (int Width, int Height) CheckClean(Latent start, DenoiseOptions options, ModelInfo model)
    {
        (int width, int height) = (start.Tensor.Shape[3] * model.LatentFactor, start.Tensor.Shape[2] * model.LatentFactor);
        SettingCheck.Same("Width", options.Width, width);
        SettingCheck.Same("Height", options.Height, height);
        if (options.Mask is not null)
            options.Mask.CheckSize(width, height);
        return (width, height);
    }

    private static int FirstCall(DenoiseOptions options, Scheduler scheduler, GenerationInfo info, bool takesPicture)
    {
        double strength = StrengthOf(options, takesPicture);
        return options.StartStep is int startStep
            ? CheckStartStep(startStep, scheduler) * scheduler.Order
            : CheckFirstCall(StrengthSteps.FirstCall(scheduler, strength, new InpaintSettings(options).StrengthRule, info.Steps!.Value), strength, scheduler);
    }

    private static INoiseSource Begin(Scheduler scheduler, GenerationInfo info, LatentNoise noise, int firstCall, Tensor sample)
    {
        INoiseSource stepNoise = DenoiseState.CreateNoise(scheduler, info.Seed!.Value, noise);
        scheduler.Begin(firstCall, sample.Span, stepNoise);
        return stepNoise;
    }

    /// <remarks>Continuing with other settings would need another scale of the sample and a history that does not exist.</remarks>
    public static (DenoiseState State, Tensor Sample, GenerationInfo Info) FromState(Latent start, DenoiseState state, DenoiseOptions options)
    {
        string? scheduler = options.Scheduler is null || options.Scheduler == start.Scheduler ? options.Scheduler : SchedulerCatalog.Find(options.Scheduler).Name;
        GenerationInfo asked = InfoOf(options, options.ToNoise().Normalize()) with { Scheduler = scheduler };

        // Its noise is drawn already: any seed is that one.
        asked = asked with
        {
            Seed = RandomSeed.IsAny(asked.Seed) ? null : asked.Seed,
            VariationSeed = RandomSeed.IsAny(asked.VariationSeed) ? null : asked.VariationSeed,
        };
        GenerationInfo given = start.Info with { RandomSource = start.RandomSource ?? nameof(RandomSource.TorchCpu) };
        foreach (Setting row in SettingTable.Rows.Where(static row => row.IsOfStart && !s_keptSilently.Contains(row.Name)))
            SettingCheck.Same(row.Name, row.Get(asked), row.Get(given));
        SettingCheck.Same("StartStep", options.StartStep, start.Step);
        return (state.Copy(), start.Tensor, SettingTable.Continue(asked, start.Info));
    }

    /// <summary>Goes on with what another model has denoised, in a schedule of this one: nothing is added, and there is no history.</summary>
    public (DenoiseState State, Tensor Sample, GenerationInfo Info) FromOther(Latent start, DenoiseOptions options, CancellationToken cancellationToken = default)
    {
        (Scheduler scheduler, GenerationInfo info, int firstCall) = CheckHandOver(start, options, model);
        (int width, int height) = CheckClean(start, options, model.Info);
        DenoiseState? before = start.State?.Copy();
        INoiseSource noise = before?.Noise ?? scheduler.CreateNoise(info.Seed!.Value, new LatentNoise(info.Seed.Value, info.ToNoise()).StepGenerator);
        Tensor sample = start.Tensor.Clone();
        scheduler.Begin(firstCall, sample.Span, noise);
        Autoencoder autoencoder = new(model, VaeOptions.From(options), messages);
        Tensor? added = unet.Variant == ModelVariant.Inpainting ? before?.AddedChannels ?? MaskedPicture.OfNothing(height, width, autoencoder, cancellationToken) : null;
        return (
            new DenoiseState(scheduler, noise, firstCall, firstCall, before?.Inpainting) { AddedChannels = added },
            sample,
            autoencoder.Record(info, cancellationToken) with { Width = width, Height = height, Background = start.Info.Background, Strength = start.Info.Strength, ResizeMode = start.Info.ResizeMode });
    }

    private static (Scheduler Scheduler, GenerationInfo Info, int FirstCall) CheckHandOver(Latent start, DenoiseOptions options, DiffusionModel model)
    {
        CheckClean(start, options, model.Info);
        if (options.StartStep is not null || options.Strength is not null)
            throw new InvalidSettingException(nameof(options.DenoisingStart), $"DenoisingStart says where the denoising goes on, and so does {(options.StartStep is not null ? "StartStep" : "Strength")}. Omit one of them.");
        if (options.Mask is not null)
            throw new InvalidSettingException(nameof(options.Mask), "A denoising that goes on keeps its mask. Omit the new one, or omit DenoisingStart.");
        if (model.Info.Variant == ModelVariant.InstructPix2Pix)
            throw new InvalidSettingException(nameof(options.DenoisingStart), $"The model '{model.Info.Name}' edits images by instructions, and cannot go on with a latent of another model. Use another one.");
        if (options.Seed is not null && start.State is not null && !RandomSeed.IsAny(options.Seed))
            SettingCheck.Same(nameof(options.Seed), options.Seed, start.Seed);
        options = options with { Seed = options.Seed ?? start.Seed, Steps = options.Steps ?? (start.StepCount > 0 ? start.StepCount : null), RandomSource = options.RandomSource ?? start.RandomSource };
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, strength: null);
        double part = options.DenoisingStart!.Value;
        Setting.CheckRange(nameof(options.DenoisingStart), part, 0, 1);
        int firstCall = HandOver.FirstCall(scheduler, part);
        if (firstCall >= scheduler.Timesteps.Count)
            throw new InvalidSettingException(nameof(options.DenoisingStart), $"DenoisingStart {part} leaves no step of {info.Steps}. Use a lower one, or more steps.");
        CheckStopStep(options, scheduler.CountSteps(firstCall), scheduler);
        return (scheduler, info, firstCall);
    }

    private static void RequireLatent(DenoiseOptions options)
    {
        SettingCheck.NeedsLatent("DenoisingStart", options.DenoisingStart is not null, "how far the latent to start from is denoised");
        SettingCheck.NeedsLatent("Strength", options.Strength is not null, "how much noise is added to the latent to start from");
        SettingCheck.NeedsLatent("StrengthRule", options.StrengthRule is not null, "how many steps are made from the latent to start from");
        SettingCheck.NeedsLatent("StartStep", options.StartStep is not (null or 0), "the step at which the latent to start from is continued");
        if (options.Mask is not null)
            throw new InvalidSettingException(nameof(options.Mask), "The mask says which part of the image to start from is repainted, but there is none. Omit the mask, or give a latent or image to start from.");
    }

    private static (int Width, int Height) Size(DenoiseOptions options, DiffusionModel model) =>
        CheckSize(options.Width ?? model.Info.Width, options.Height ?? model.Info.Height, model, VaeOptions.From(options), StepSide(options, model));

    private static double StrengthOf(DenoiseOptions options, bool editsPictures) => options.Strength ?? (editsPictures ? 1 : DenoiseOptions.DefaultStrength);

    /// <summary>The scheduler of such options, as at their start.</summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The model.</param>
    /// <param name="isFromImage">Whether the denoising starts from an image, so that its strength counts.</param>
    public static Scheduler SchedulerOf(DenoiseOptions options, DiffusionModel model, bool isFromImage) =>
        CreateScheduler(options, model, isFromImage ? StrengthOf(options, editsPictures: model.Info.Variant == ModelVariant.InstructPix2Pix) : null).Scheduler;

    /// <summary>What a denoising records of its options and of the model's defaults, before it begins.</summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The model.</param>
    public static GenerationInfo Describe(DenoiseOptions options, DiffusionModel model) => CreateScheduler(options, model, strength: null).Info;

    /// <summary>The steps that are made with such options.</summary>
    /// <param name="options">The options; a strength means that the denoising starts from an image.</param>
    /// <param name="model">The model.</param>
    public static IReadOnlyList<ScheduleStep> ScheduleOf(DenoiseOptions options, DiffusionModel model)
    {
        (Scheduler scheduler, GenerationInfo info) = CreateScheduler(options, model, options.Strength);
        return ScheduleStep.Of(scheduler, info.Scheduler!, options.Strength is null ? 0 : FirstCall(options, scheduler, info, takesPicture: false));
    }

    private static (Scheduler Scheduler, GenerationInfo Info) CreateScheduler(DenoiseOptions options, DiffusionModel model, double? strength)
    {
        SchedulerInfo scheduler = options.Scheduler is null
            ? SchedulerCatalog.Default(model.SchedulerConfig)
            : SchedulerCatalog.Find(options.Scheduler);
        NoiseOptions noise = CheckNoise(options.ToNoise(), model.Info);
        GenerationInfo info = InfoOf(options, noise) with
        {
            Seed = RandomSeed.Resolve(options.Seed),
            RandomSource = noise.RandomSource is RandomSource.TorchCpu ? null : noise.RandomSource?.ToString(),
            Steps = options.Steps ?? model.Info.Steps,
            Scheduler = scheduler.Name,
            Strength = null,
            ResizeMode = null,
            Model = model.Info.Name,
        };
        int steps = StrengthSteps.OfSchedule(info.Steps.Value, options.StartStep is null ? strength : null, new InpaintSettings(options).StrengthRule);
        return (SchedulerCatalog.Create(scheduler, model.SchedulerConfig, steps, SchedulerOptionText.Read(options.SchedulerOptions)), info);
    }

    private static GenerationInfo InfoOf(DenoiseOptions options, NoiseOptions noise) => new(options)
    {
        RandomSource = noise.RandomSource?.ToString(),
        VariationSeed = noise.VariationSeed,
        VariationStrength = noise.VariationStrength,
        EtaNoiseSeedDelta = noise.EtaNoiseSeedDelta,
        BatchSize = noise.BatchSize,
        BatchIndex = noise.BatchIndex,
    };

    private static NoiseOptions CheckNoise(NoiseOptions options, ModelInfo model)
    {
        NoiseOptions noise = options.Normalize();
        if (noise is { SeedResizeWidth: int width, SeedResizeHeight: int height })
        {
            SettingCheck.Side(nameof(NoiseOptions.SeedResizeWidth), width, model);
            SettingCheck.Side(nameof(NoiseOptions.SeedResizeHeight), height, model);
        }

        return noise.VariationStrength is null ? noise : noise with { VariationSeed = RandomSeed.Resolve(noise.VariationSeed) };
    }

    private static void CheckEdit(DenoiseOptions options)
    {
        const string reason = "The model edits an image by instructions: it begins with noise and uses the whole image.";
        if (options.Strength is not null)
            throw new InvalidSettingException("Strength", $"{reason} Set ImageGuidanceScale instead of Strength.");
        if (options.StartStep is not (null or 0))
            throw new InvalidSettingException("StartStep", $"{reason} Omit StartStep.");
        if (options.Mask is not null)
            throw new InvalidSettingException("Mask", $"{reason} Omit the mask, or use a model for inpainting.");
    }

    private static Tensor Source(Tensor? source, string setting, int height, int width) => source?.HasShape(1, -1, height, width) == true ? source
        : throw new InvalidSettingException(setting, "The model needs the image itself, which this latent does not have. Encode the image again, or start from the image.") { Remedy = Remedy.EncodeImage };

    private static Tensor LatentMask(MaskImage mask, Latent start, InpaintMode mode, bool rounds = true) => InpaintMask.ToLatent(mask, start.Tensor.Shape[3], start.Tensor.Shape[2], mode, rounds);

    private static int CheckStartStep(int startStep, Scheduler scheduler)
    {
        int last = scheduler.CountSteps(scheduler.Timesteps.Count) - 1;
        return startStep >= 0 && startStep <= last
            ? startStep
            : throw new InvalidSettingException("StartStep", $"The step to start at, {startStep}, must be between 0 and {last}.");
    }

    private static int CheckFirstCall(int call, double strength, Scheduler scheduler) => call < scheduler.Timesteps.Count
        ? call
        : throw new InvalidSettingException("Strength", $"A strength of {strength} leaves none of the {scheduler.Steps} steps to run. Increase it, or use more steps.");
}
