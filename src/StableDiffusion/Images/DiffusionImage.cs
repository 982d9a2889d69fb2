using System.Collections;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Images;

/// <summary>A picture and what made it.</summary>
public sealed class DiffusionImage
{
    /// <summary>How many bytes a pixel has: red, green and blue.</summary>
    public const int Channels = 3;

    /// <summary>Makes a picture over an array of pixels, without copying it.</summary>
    /// <param name="width">The width in pixels, at least 1.</param>
    /// <param name="height">The height in pixels, at least 1.</param>
    /// <param name="pixels">Red, green and blue of each pixel (sRGB, 0 to 255), row by row from the top left.</param>
    /// <param name="info">What made it; null if that is not known.</param>
    /// <exception cref="ArgumentException">The size is not positive, or the array has another length than it needs.</exception>
    public DiffusionImage(int width, int height, byte[] pixels, GenerationInfo? info = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if ((long)width * height * Channels != pixels.Length)
            throw new ArgumentException($"A picture of {width}x{height} pixels has {(long)width * height * Channels} bytes, not {pixels.Length}.", nameof(pixels));

        Width = width;
        Height = height;
        Pixels = pixels;
        Info = info ?? new GenerationInfo();
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green and blue of each pixel, row by row. The array is the picture's own, not a copy.</summary>
    public byte[] Pixels { get; }

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

    /// <summary>How many pictures drew from the seed's generator.</summary>
    public int? BatchSize => Info.BatchSize;

    /// <summary>Which of those pictures it is, counted from 0.</summary>
    public int? BatchIndex => Info.BatchIndex;

    /// <summary>How many steps the denoising took.</summary>
    public int? Steps => Info.Steps;

    /// <summary>The scheduler's name.</summary>
    public string? Scheduler => Info.Scheduler;

    /// <summary>Whose syntax the prompts are in; null for plain text.</summary>
    public string? PromptSyntax => Info.PromptSyntax;

    /// <summary>What weights in the prompts do; null for A1111's own way.</summary>
    public string? Emphasis => Info.Emphasis;

    /// <summary>The layer of the text encoder that was used, counted from the last one; null for the last one.</summary>
    public int? ClipSkip => Info.ClipSkip;

    /// <summary>The LoRAs with their strengths; null where there were none.</summary>
    public IReadOnlyList<string>? Lora => TextList.Read(Info.Lora);

    /// <summary>The textual inversion embeddings that the prompts might use; null where there were none.</summary>
    public IReadOnlyList<string>? TextualInversion => TextList.Read(Info.TextualInversion);

    /// <summary>The options of the scheduler that were given; null where there were none.</summary>
    public Hashtable? SchedulerOption => SchedulerOptionText.ToHashtable(Info.SchedulerOptions);

    /// <summary>The guidance scale.</summary>
    public double? GuidanceScale => Info.GuidanceScale;

    /// <summary>How strongly the picture was followed that was edited; null for most.</summary>
    public double? ImageGuidanceScale => Info.ImageGuidanceScale;

    /// <summary>The guidance rescale, 0 to 1.</summary>
    public double? GuidanceRescale => Info.GuidanceRescale;

    /// <summary>How far a given picture was noised before denoising, 0 to 1.</summary>
    public double? Strength => Info.Strength;

    /// <summary>How the given image was brought to this one's size: Stretch, Crop or Pad; null where it had that size, or none was given.</summary>
    public string? ResizeMode => Info.ResizeMode;

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

    /// <summary>The model's name.</summary>
    public string? Model => Info.Model;

    /// <summary>The full path of the file that it was read from or last written to; null while there is none.</summary>
    public string? Path { get; internal set; }

    /// <summary>The picture in short.</summary>
    /// <returns>Its size, and its prompt if that is known.</returns>
    public override string ToString() => Prompt is null ? $"{Width}x{Height}" : $"{Width}x{Height} {Prompt}";
}
