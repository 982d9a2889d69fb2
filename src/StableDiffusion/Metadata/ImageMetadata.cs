using System.Collections;
using System.Collections.ObjectModel;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>What a picture file says of how it was made.</summary>
public sealed record ImageMetadata
{
    /// <summary>The tool whose way of writing was found.</summary>
    public MetadataSource Source { get; init; }

    /// <summary>What made the picture, as far as it was told; the scheduler by the name that the catalog has for it.</summary>
    public GenerationInfo Info { get; init; } = new();

    /// <summary>The layer of the text encoder that was used, counted from the last one; null for the last one, 1.</summary>
    public int? ClipSkip => Info.ClipSkip;

    /// <summary>
    /// The generator that the seed was meant for: <c>TorchCpu</c> or <c>Cuda</c>; null if there is no telling.
    /// </summary>
    public string? RandomSource { get; init; }

    /// <summary>How the prompts are to be read: <c>A1111</c>, <c>ComfyUI</c> or <c>Plain</c>; null if there are none.</summary>
    public string? PromptSyntax => Info.Prompt is null ? null : Info.PromptSyntax ?? nameof(Prompts.PromptSyntax.Plain);

    /// <summary>The text of what to show.</summary>
    public string? Prompt => Info.Prompt;

    /// <summary>The text of what not to show.</summary>
    public string? NegativePrompt => Info.NegativePrompt;

    /// <summary>The seed of the noise.</summary>
    public long? Seed => Info.Seed;

    /// <summary>How many steps.</summary>
    public int? Steps => Info.Steps;

    /// <summary>The scheduler's name.</summary>
    public string? Scheduler => Info.Scheduler;

    /// <summary>The options of the scheduler that were given; null where there were none.</summary>
    public Hashtable? SchedulerOption => SchedulerOptionText.ToHashtable(Info.SchedulerOptions);

    /// <summary>The guidance scale.</summary>
    public double? GuidanceScale => Info.GuidanceScale;

    /// <summary>How strongly the picture was followed that was edited; null for most.</summary>
    public double? ImageGuidanceScale => Info.ImageGuidanceScale;

    /// <summary>The guidance rescale, 0 to 1.</summary>
    public double? GuidanceRescale => Info.GuidanceRescale;

    /// <summary>How far a given picture was noised, 0 to 1; null where none was given.</summary>
    public double? Strength => Info.Strength;

    /// <summary>How the given image was brought to this one's size: Stretch, Crop or Pad; null where it had that size, or none was given.</summary>
    public string? ResizeMode => Info.ResizeMode;

    /// <summary>The width in pixels.</summary>
    public int? Width => Info.Width;

    /// <summary>The height in pixels.</summary>
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

    /// <summary>The model's name.</summary>
    public string? Model => Info.Model;

    /// <summary>The seed that the start noise was turned towards.</summary>
    public long? VariationSeed => Info.VariationSeed;

    /// <summary>How far the start noise was turned, 0 to 1.</summary>
    public double? VariationStrength => Info.VariationStrength;

    /// <summary>The width in pixels that the start noise was drawn for.</summary>
    public int? SeedResizeWidth => Info.SeedResizeWidth;

    /// <summary>The height in pixels that the start noise was drawn for.</summary>
    public int? SeedResizeHeight => Info.SeedResizeHeight;

    /// <summary>What was added to the seed for the noise of the steps.</summary>
    public long? EtaNoiseSeedDelta => Info.EtaNoiseSeedDelta;

    /// <summary>How many pictures drew from the seed's generator.</summary>
    public int? BatchSize => Info.BatchSize;

    /// <summary>Which of those pictures it is, counted from 0.</summary>
    public int? BatchIndex => Info.BatchIndex;

    /// <summary>What weights in the prompts do.</summary>
    public string? Emphasis => Info.Emphasis;

    /// <summary>The LoRAs with their strengths that the prompt does not name itself; null where there were none.</summary>
    public IReadOnlyList<string>? Lora => TextList.Read(Info.Lora);

    /// <summary>The textual inversion embeddings that the prompts might use; null where there were none.</summary>
    public IReadOnlyList<string>? TextualInversion => TextList.Read(Info.TextualInversion);

    /// <summary>All settings under the names that the tool has for them, in the file's order, without the prompts.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>All texts of the file as they are, in the file's order.</summary>
    public IReadOnlyList<TextEntry> Entries { get; init; } = [];

    /// <summary>What could not be read, or has no counterpart here, in sentences for a person.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The full path of the file.</summary>
    public string Path { get; init; } = "";

    /// <summary>The metadata in short.</summary>
    /// <returns>The tool, and the prompt if it is known.</returns>
    public override string ToString() => Info.Prompt is null ? $"{Source}" : $"{Source}: {Info.Prompt}";
}
