using StableDiffusion.Building;
using StableDiffusion.Denoising;
using StableDiffusion.Families;
using StableDiffusion.Prompts;
using StableDiffusion.Running;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Storage;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Pipelines.Estimates;

/// <summary>Counts what an image takes, without opening a network. Its settings were checked before.</summary>
/// <param name="model">The model.</param>
internal sealed class WorkEstimate(DiffusionModel model)
{
    private readonly List<UNetWork> _passes = [];

    /// <summary>Counts.</summary>
    /// <param name="options">The settings of the image.</param>
    /// <param name="hires">Its second pass; null for none.</param>
    /// <param name="start">The size of the image to start from, after it was resized; null for noise.</param>
    /// <param name="controls">The number of its ControlNets.</param>
    /// <exception cref="DiffusionException">A setting is out of range.</exception>
    public ImageWork Of(DenoiseOptions options, HiresPass? hires, (int Width, int Height)? start, int controls)
    {
        DenoiseOptions own = options.Refiner is null ? options : options with { Refiner = null };
        (int width, int height) = start ?? (options.Width ?? model.Info.Width, options.Height ?? model.Info.Height);
        int steps = 0;
        if (hires?.First is null)
            steps = Add(own with { Hires = null }, isFromImage: start is not null, width, height);
        (long stepMemory, long vaeMemory) = MemoryOf(options, width, height);
        if (hires is not null)
        {
            (width, height) = hires.KeepsSize ? (width, height) : hires.SizeOf(width, height, model.Info.LatentFactor);
            DenoiseOptions next = hires.OptionsOf(own, steps == 0 ? options.Steps ?? model.Info.Steps : steps);
            if (hires.Tiles is (int side, int overlap))
            {
                TileGrid tiles = TileGrid.Divide(width, height, side, side, overlap);
                Add(next, isFromImage: true, tiles.TileWidth, tiles.TileHeight, tiles.Count);
            }
            else
            {
                Add(next, isFromImage: true, width, height);
            }

            (int madeWidth, int madeHeight) = hires.TileOf(width, height);
            (long nextSteps, long nextVae) = MemoryOf(options, madeWidth, madeHeight);
            (stepMemory, vaeMemory) = (Math.Max(stepMemory, nextSteps), Math.Max(vaeMemory, nextVae));
        }

        return new ImageWork
        {
            Model = NameOrPath.WithoutFolder(model.Info.Name),
            ModelPath = model.Info.Path,
            ModelLength = model.Info.Length,
            Device = StageMaker.Of(model.Device).Device!,
            Passes = _passes,
            Extras = string.Concat(ExtrasOf(options, controls)),
            Width = width,
            Height = height,
            Weights = [(model.Info.Path, model.Weights.Own()), .. WeightsOf(options)],
            StepMemory = stepMemory,
            VaeMemory = vaeMemory,
        };
    }

    private static IEnumerable<string> ExtrasOf(DenoiseOptions options, int controls)
    {
        if (controls > 0)
            yield return FormattableString.Invariant($", {controls} ControlNets");
        if (options.FeatureReuse is int interval and > 1)
            yield return FormattableString.Invariant($", features of {interval} calls");
        if (options.Refiner is not null)
            yield return ", refiner";
        if (options.Detail?.Detailer is not null)
            yield return ", regions";
        if (options.Hires is HiresSettings hires && HiresPass.NetworkOf(hires) is string network)
            yield return $", {NameOrPath.WithoutFolder(network)}";
    }

    private IEnumerable<(string Path, long Bytes)> WeightsOf(DenoiseOptions options)
    {
        if (VaeOptions.From(options).Vae is string vae && model.Vaes.Find(vae).Source is var source)
            yield return (source.Path, model.Weights.Of(source));
        foreach (ControlOptions control in options.Controls)
        {
            IModelSource net = model.ControlNets.Find(control.ControlNet).Source;
            yield return (net.Path, model.Weights.Of(net));
        }
    }

    /// <summary>Adds the calls of one pass.</summary>
    /// <returns>The number of steps of the schedule.</returns>
    private int Add(DenoiseOptions options, bool isFromImage, int width, int height, long times = 1)
    {
        (Scheduler scheduler, int first, int stop) = DenoiseStart.CallsOf(options, model, isFromImage);
        int parts = EnumSetting.Parse(nameof(options.PromptSyntax), options.PromptSyntax, PromptSyntax.Plain) == PromptSyntax.A1111 && options.Prompt is string prompt ? CompositePrompt.Parse(prompt).Count : 1;
        int images = model.Info.Variant == ModelVariant.InstructPix2Pix && isFromImage && (options.ImageGuidanceScale ?? DiffusionPipeline.DefaultImageGuidanceScale) != Guidance.NeutralScale ? 1 : 0;
        Guidance guidance = new(length: 0, options with { GuidanceScale = options.GuidanceScale ?? model.Info.GuidanceScale });
        int steps = scheduler.CountSteps(scheduler.Timesteps.Count - first);
        bool canBeGuided = model.BackboneConfig?.GuidanceWidth is null;
        long count = 0;
        for (int call = first; call < stop; call++)
        {
            bool isGuided = canBeGuided && (guidance.Advance((call - first) / scheduler.Order, steps, scheduler.LevelAt(call).Sigma) || parts > 1);
            count += isGuided ? parts + 1 + images : 1;
        }

        LatentWindows? windows = DenoiseStart.WindowsOf(options, model, width, height);
        int factor = model.Info.LatentFactor;
        _passes.Add(windows is null ? new UNetWork(count * times, width, height) : new UNetWork(count * times * windows.Count, windows.Width * factor, windows.Height * factor));
        return scheduler.CountSteps(scheduler.Timesteps.Count);
    }

    /// <summary>The memory of the stages of one pass without weights: that of its steps, and that of the autoencoder.</summary>
    private (long Steps, long Vae) MemoryOf(DenoiseOptions options, int width, int height)
    {
        VaeOptions vae = VaeOptions.From(options);
        MemoryEstimate memory = new(model, vae) { StepSide = DenoiseStart.StepSide(options, model) };
        bool isInTiles = vae.Tiling != VaeTiling.Off && (memory.IsLarge(width, height) || !memory.FitsWhole(width, height));
        return (memory.Steps(width, height), isInTiles ? memory.Whole(Math.Min(width, memory.TileSize), Math.Min(height, memory.TileSize)) : memory.Whole(width, height));
    }
}
