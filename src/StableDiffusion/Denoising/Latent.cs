using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// A picture in the autoencoder's compressed space: four channels at an eighth of the picture's width and height,
/// scaled to about unit variance. Noisy at first, clean when the denoising is done.
/// </summary>
public sealed class Latent
{
    /// <summary>Makes a latent of a clean picture, such as one that was computed or read from a file.</summary>
    /// <param name="tensor">The values, [1, channels, height, width].</param>
    /// <param name="info">What made it.</param>
    /// <exception cref="ShapeMismatchException">The shape is not that of one latent.</exception>
    /// <exception cref="NotFiniteException">A value is NaN or infinite.</exception>
    public Latent(Tensor tensor, GenerationInfo info)
        : this(tensor, info, step: 0, stepCount: 0)
    {
    }

    internal Latent(Tensor tensor, GenerationInfo info, int step, int stepCount)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(info);
        if (!tensor.HasShape(1, -1, -1, -1))
            throw new ShapeMismatchException($"A latent has the shape [1, channels, height, width], not {tensor}.");

        Tensor = tensor;
        CheckFinite();
        Info = info;
        Step = step;
        StepCount = stepCount;
    }

    /// <summary>The values, [1, channels, height, width].</summary>
    public Tensor Tensor { get; }

    /// <summary>How many steps it has been through; 0 for a latent that was encoded from a picture.</summary>
    public int Step { get; }

    /// <summary>How many steps the denoising has in all; 0 where there was none.</summary>
    public int StepCount { get; }

    /// <summary>Whether nothing is left to denoise, so that it can be decoded into a clean picture.</summary>
    public bool IsComplete => Step == StepCount;

    /// <summary>What made it.</summary>
    public GenerationInfo Info { get; }

    /// <summary>The text of what to show.</summary>
    public string? Prompt => Info.Prompt;

    /// <summary>The text of what not to show.</summary>
    public string? NegativePrompt => Info.NegativePrompt;

    /// <summary>The seed of its noise.</summary>
    public long? Seed => Info.Seed;

    /// <summary>Whose random numbers the seed stands for; null for torch's on the CPU.</summary>
    public string? RandomSource => Info.RandomSource;

    /// <summary>The seed that its start noise was turned towards.</summary>
    public long? VariationSeed => Info.VariationSeed;

    /// <summary>How far its start noise was turned, 0 to 1.</summary>
    public double? VariationStrength => Info.VariationStrength;

    /// <summary>The width in pixels that its start noise was drawn for.</summary>
    public int? SeedResizeWidth => Info.SeedResizeWidth;

    /// <summary>The height in pixels that its start noise was drawn for.</summary>
    public int? SeedResizeHeight => Info.SeedResizeHeight;

    /// <summary>What was added to the seed for the noise of the steps.</summary>
    public long? EtaNoiseSeedDelta => Info.EtaNoiseSeedDelta;

    /// <summary>How many latents drew from the seed's generator.</summary>
    public int? BatchSize => Info.BatchSize;

    /// <summary>Which of those latents it is, counted from 0.</summary>
    public int? BatchIndex => Info.BatchIndex;

    /// <summary>How many steps were asked for.</summary>
    public int? Steps => Info.Steps;

    /// <summary>The scheduler's name.</summary>
    public string? Scheduler => Info.Scheduler;

    /// <summary>The guidance scale.</summary>
    public double? GuidanceScale => Info.GuidanceScale;

    /// <summary>How strongly the picture was followed that was edited; null for most.</summary>
    public double? ImageGuidanceScale => Info.ImageGuidanceScale;

    /// <summary>The guidance rescale, 0 to 1.</summary>
    public double? GuidanceRescale => Info.GuidanceRescale;

    /// <summary>The picture's width in pixels.</summary>
    public int? Width => Info.Width;

    /// <summary>The picture's height in pixels.</summary>
    public int? Height => Info.Height;

    /// <summary>The width in pixels that SDXL was told the picture had at first; null for its own, and for other models.</summary>
    public int? OriginalWidth => Info.MicroConditioning?.OriginalWidth;

    /// <summary>The height in pixels that SDXL was told the picture had at first; null for its own, and for other models.</summary>
    public int? OriginalHeight => Info.MicroConditioning?.OriginalHeight;

    /// <summary>How many pixels SDXL was told were cut off above; null for none.</summary>
    public int? CropTop => Info.MicroConditioning?.CropTop;

    /// <summary>How many pixels SDXL was told were cut off to the left; null for none.</summary>
    public int? CropLeft => Info.MicroConditioning?.CropLeft;

    /// <summary>The width in pixels that SDXL was told the picture was brought to; null for its own, and for other models.</summary>
    public int? TargetWidth => Info.MicroConditioning?.TargetWidth;

    /// <summary>The height in pixels that SDXL was told the picture was brought to; null for its own, and for other models.</summary>
    public int? TargetHeight => Info.MicroConditioning?.TargetHeight;

    /// <summary>How good SDXL's refiner was told the picture is; null for 6, and for other models.</summary>
    public double? AestheticScore => Info.MicroConditioning?.AestheticScore;

    /// <summary>How good the refiner was told the picture of the negative prompt is; null for 2.5, and for other models.</summary>
    public double? NegativeAestheticScore => Info.MicroConditioning?.NegativeAestheticScore;

    /// <summary>The ControlNets that took part; null where there were none.</summary>
    public string[]? ControlNet => ControlNetInfo.Each(Info.ControlNets, net => net.Name);

    /// <summary>The full path of the picture that each ControlNet looked at; null where one came from no file.</summary>
    public string[]? ControlImage => Info.ControlNets?.All(net => net.Image is not null) == true ? ControlNetInfo.Each(Info.ControlNets, net => net.Image!) : null;

    /// <summary>What was made of each ControlNet's picture.</summary>
    public string[]? ControlPreprocessor => ControlNetInfo.Each(Info.ControlNets, net => net.Preprocessor);

    /// <summary>How strongly each ControlNet steered.</summary>
    public double[]? ControlScale => ControlNetInfo.Each(Info.ControlNets, net => net.Scale);

    /// <summary>The part of the steps before each ControlNet took effect.</summary>
    public double[]? ControlStart => ControlNetInfo.Each(Info.ControlNets, net => net.Start);

    /// <summary>The part of the steps after which each ControlNet no longer did.</summary>
    public double[]? ControlEnd => ControlNetInfo.Each(Info.ControlNets, net => net.End);

    /// <summary>The model whose space it lies in.</summary>
    public string? Model => Info.Model;

    /// <summary>Where the next random number of its seed comes from, if its making drew any.</summary>
    internal INoiseSource? Noise { get; init; }

    /// <summary>The picture that it was encoded from, [1, 3, height, width] in -1..1, where it was: inpainting models look at the picture itself.</summary>
    internal Tensor? SourcePixels { get; init; }

    /// <summary>The middle of that picture's distribution in the autoencoder's own space: models that edit pictures look at it.</summary>
    internal Tensor? SourceMean { get; init; }

    /// <summary>What a denoising that was stopped half way needs to go on, if it was.</summary>
    internal DenoiseState? State { get; init; }

    /// <summary>Refuses values that are not finite; they are the latent's own array, which its holder may have written to.</summary>
    /// <exception cref="NotFiniteException">A value is NaN or infinite.</exception>
    internal void CheckFinite()
    {
        if (!Tensor.IsFinite())
            throw new NotFiniteException("The latent holds a value that is NaN or infinite. Make it again; if it comes back, the model or the precision is at fault.");
    }

    /// <summary>The latent in short.</summary>
    /// <returns>Its shape and step.</returns>
    public override string ToString() => $"{Tensor} step {Step} of {StepCount}";
}
