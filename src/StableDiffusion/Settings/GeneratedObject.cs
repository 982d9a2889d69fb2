using StableDiffusion.Sampling;
using StableDiffusion.Settings.Passes;

namespace StableDiffusion.Settings;

/// <summary>
/// Base of the objects that a model makes: their settings as properties, with the names of the parameters that accept them,
/// so that an object can be displayed, sorted, exported to a table and made again.
/// </summary>
/// <param name="info">The settings.</param>
public abstract class GeneratedObject(GenerationInfo info)
{
    /// <summary>The settings that made it.</summary>
    public GenerationInfo Info { get; } = info;

    /// <summary>The settings as a record tells them: with a last stage of its own for values that a script changed after the stages had made them.</summary>
    internal virtual GenerationInfo Recorded => Info;

    /// <summary>Whether a script changed the values after the stages had made them.</summary>
    internal bool IsEdited => !ReferenceEquals(Recorded, Info);

    /// <summary>The settings, with the random source also where it follows from something else.</summary>
    internal GenerationInfo FullInfo => Recorded with { RandomSource = RandomSource };

    /// <summary>The settings as <see cref="Recorded"/> tells them.</summary>
    /// <param name="known">The hash of the values that the settings are of; null if unknown.</param>
    /// <param name="values">The values as they are now.</param>
    private protected GenerationInfo Record<T>(string? known, ReadOnlySpan<T> values)
        where T : unmanaged => known is null || StageList.Hash(values) is var hash && hash == known
            ? Info
            : Info with { Stages = (Info.Stages ?? new StageList()).Edit(hash) };

    /// <inheritdoc cref="GenerationSettings.Prompt"/>
    public string? Prompt => Info.Prompt;

    /// <inheritdoc cref="GenerationSettings.NegativePrompt"/>
    public string? NegativePrompt => Info.NegativePrompt;

    /// <inheritdoc cref="GenerationSettings.PromptSyntax"/>
    public virtual string? PromptSyntax => Info.PromptSyntax;

    /// <inheritdoc cref="GenerationSettings.Emphasis"/>
    public string? Emphasis => Info.Emphasis;

    /// <inheritdoc cref="GenerationSettings.ClipSkip"/>
    public int? ClipSkip => Info.ClipSkip;

    /// <summary>The LoRAs with their strengths; null for none.</summary>
    public SettingList<string>? Lora => SettingList<string>.Of(TextList.Read(Info.Lora));

    /// <summary>The textual inversion embeddings that the prompts can use; null for none.</summary>
    public SettingList<string>? TextualInversion => SettingList<string>.Of(TextList.Read(Info.TextualInversion));

    /// <inheritdoc cref="GenerationSettings.Seed"/>
    public long? Seed => Info.Seed;

    /// <inheritdoc cref="GenerationSettings.RandomSource"/>
    public virtual string? RandomSource => Info.RandomSource;

    /// <inheritdoc cref="GenerationSettings.VariationSeed"/>
    public long? VariationSeed => Info.VariationSeed;

    /// <inheritdoc cref="GenerationSettings.VariationStrength"/>
    public double? VariationStrength => Info.VariationStrength;

    /// <inheritdoc cref="GenerationSettings.SeedResizeWidth"/>
    public int? SeedResizeWidth => Info.SeedResizeWidth;

    /// <inheritdoc cref="GenerationSettings.SeedResizeHeight"/>
    public int? SeedResizeHeight => Info.SeedResizeHeight;

    /// <inheritdoc cref="GenerationSettings.EtaNoiseSeedDelta"/>
    public long? EtaNoiseSeedDelta => Info.EtaNoiseSeedDelta;

    /// <inheritdoc cref="GenerationSettings.BatchSize"/>
    public int? BatchSize => Info.BatchSize;

    /// <inheritdoc cref="GenerationSettings.BatchIndex"/>
    public int? BatchIndex => Info.BatchIndex;

    /// <inheritdoc cref="GenerationSettings.Steps"/>
    public int? Steps => Info.Steps;

    /// <inheritdoc cref="GenerationSettings.Scheduler"/>
    public string? Scheduler => Info.Scheduler;

    /// <summary>The options of the scheduler that were given; null for none.</summary>
    public SchedulerOptionTable? SchedulerOption => SchedulerOptionText.Read(Info.SchedulerOptions);

    /// <inheritdoc cref="GenerationSettings.GuidanceScale"/>
    public double? GuidanceScale => Info.GuidanceScale;

    /// <inheritdoc cref="GenerationSettings.ImageGuidanceScale"/>
    public double? ImageGuidanceScale => Info.ImageGuidanceScale;

    /// <inheritdoc cref="GenerationSettings.GuidanceRescale"/>
    public double? GuidanceRescale => Info.GuidanceRescale;

    /// <inheritdoc cref="GenerationSettings.GuidanceStart"/>
    public double? GuidanceStart => Info.GuidanceStart;

    /// <inheritdoc cref="GenerationSettings.GuidanceEnd"/>
    public double? GuidanceEnd => Info.GuidanceEnd;

    /// <inheritdoc cref="GenerationSettings.GuidanceSigmaMin"/>
    public double? GuidanceSigmaMin => Info.GuidanceSigmaMin;

    /// <inheritdoc cref="GenerationSettings.GuidanceSigmaMax"/>
    public double? GuidanceSigmaMax => Info.GuidanceSigmaMax;

    /// <inheritdoc cref="GenerationSettings.FeatureReuse"/>
    public int? FeatureReuse => Info.FeatureReuse;

    /// <inheritdoc cref="GenerationSettings.FeatureReuseBranch"/>
    public int? FeatureReuseBranch => Info.FeatureReuseBranch;

    /// <inheritdoc cref="HiresSettings.HiresScale"/>
    public double? HiresScale => Info.Hires?.HiresScale;

    /// <inheritdoc cref="HiresSettings.HiresWidth"/>
    public int? HiresWidth => Info.Hires?.HiresWidth;

    /// <inheritdoc cref="HiresSettings.HiresHeight"/>
    public int? HiresHeight => Info.Hires?.HiresHeight;

    /// <inheritdoc cref="HiresSettings.HiresUpscaler"/>
    public string? HiresUpscaler => Info.Hires?.HiresUpscaler;

    /// <inheritdoc cref="HiresSettings.HiresSteps"/>
    public int? HiresSteps => Info.Hires?.HiresSteps;

    /// <inheritdoc cref="HiresSettings.HiresStrength"/>
    public double? HiresStrength => Info.Hires?.HiresStrength;

    /// <inheritdoc cref="HiresSettings.HiresScheduler"/>
    public string? HiresScheduler => Info.Hires?.HiresScheduler;

    /// <inheritdoc cref="HiresSettings.HiresPrompt"/>
    public string? HiresPrompt => Info.Hires?.HiresPrompt;

    /// <inheritdoc cref="HiresSettings.HiresNegativePrompt"/>
    public string? HiresNegativePrompt => Info.Hires?.HiresNegativePrompt;

    /// <inheritdoc cref="HiresSettings.HiresGuidanceScale"/>
    public double? HiresGuidanceScale => Info.Hires?.HiresGuidanceScale;

    /// <inheritdoc cref="HiresSettings.HiresTileSize"/>
    public int? HiresTileSize => Info.Hires?.HiresTileSize;

    /// <inheritdoc cref="HiresSettings.HiresTileOverlap"/>
    public int? HiresTileOverlap => Info.Hires?.HiresTileOverlap;

    /// <inheritdoc cref="DetailSettings.Detailer"/>
    public string? Detailer => Info.Detail?.Detailer;

    /// <inheritdoc cref="DetailSettings.DetailPrompt"/>
    public string? DetailPrompt => Info.Detail?.DetailPrompt;

    /// <inheritdoc cref="DetailSettings.DetailNegativePrompt"/>
    public string? DetailNegativePrompt => Info.Detail?.DetailNegativePrompt;

    /// <inheritdoc cref="DetailSettings.DetailConfidence"/>
    public double? DetailConfidence => Info.Detail?.DetailConfidence;

    /// <inheritdoc cref="DetailSettings.DetailFirst"/>
    public int? DetailFirst => Info.Detail?.DetailFirst;

    /// <inheritdoc cref="DetailSettings.DetailDilation"/>
    public int? DetailDilation => Info.Detail?.DetailDilation;

    /// <inheritdoc cref="DetailSettings.DetailMaskBlur"/>
    public int? DetailMaskBlur => Info.Detail?.DetailMaskBlur;

    /// <inheritdoc cref="DetailSettings.DetailPadding"/>
    public int? DetailPadding => Info.Detail?.DetailPadding;

    /// <inheritdoc cref="DetailSettings.DetailStrength"/>
    public double? DetailStrength => Info.Detail?.DetailStrength;

    /// <inheritdoc cref="DetailSettings.DetailSteps"/>
    public int? DetailSteps => Info.Detail?.DetailSteps;

    /// <inheritdoc cref="DetailSettings.DetailGuidanceScale"/>
    public double? DetailGuidanceScale => Info.Detail?.DetailGuidanceScale;

    /// <inheritdoc cref="DetailSettings.DetailScheduler"/>
    public string? DetailScheduler => Info.Detail?.DetailScheduler;

    /// <inheritdoc cref="DetailSettings.DetailWidth"/>
    public int? DetailWidth => Info.Detail?.DetailWidth;

    /// <inheritdoc cref="DetailSettings.DetailHeight"/>
    public int? DetailHeight => Info.Detail?.DetailHeight;

    /// <inheritdoc cref="GenerationSettings.Tiling"/>
    public string? Tiling => Info.Tiling;

    /// <inheritdoc cref="GenerationSettings.DiffusionTiling"/>
    public string? DiffusionTiling => Info.DiffusionTiling;

    /// <inheritdoc cref="GenerationSettings.DiffusionTileSize"/>
    public int? DiffusionTileSize => Info.DiffusionTileSize;

    /// <inheritdoc cref="GenerationSettings.DiffusionTileOverlap"/>
    public int? DiffusionTileOverlap => Info.DiffusionTileOverlap;

    /// <inheritdoc cref="GenerationSettings.Refiner"/>
    public string? Refiner => Info.Refiner;

    /// <inheritdoc cref="GenerationSettings.RefinerSwitchAt"/>
    public double? RefinerSwitchAt => Info.RefinerSwitchAt;

    /// <inheritdoc cref="GenerationSettings.RefinerSwitchBySteps"/>
    public bool? RefinerSwitchBySteps => Info.RefinerSwitchBySteps;

    /// <inheritdoc cref="GenerationSettings.RefinerMode"/>
    public string? RefinerMode => Info.RefinerMode;

    /// <inheritdoc cref="GenerationSettings.Strength"/>
    public double? Strength => Info.Strength;

    /// <inheritdoc cref="GenerationSettings.StrengthRule"/>
    public string? StrengthRule => Info.StrengthRule;

    /// <inheritdoc cref="GenerationSettings.InpaintMode"/>
    public string? InpaintMode => Info.InpaintMode;

    /// <inheritdoc cref="GenerationSettings.SoftScheduleBias"/>
    public double? SoftScheduleBias => Info.SoftScheduleBias;

    /// <inheritdoc cref="GenerationSettings.SoftPreservationStrength"/>
    public double? SoftPreservationStrength => Info.SoftPreservationStrength;

    /// <inheritdoc cref="GenerationSettings.SoftContrastBoost"/>
    public double? SoftContrastBoost => Info.SoftContrastBoost;

    /// <inheritdoc cref="GenerationSettings.SoftMaskInfluence"/>
    public double? SoftMaskInfluence => Info.SoftMaskInfluence;

    /// <inheritdoc cref="GenerationSettings.SoftDifferenceThreshold"/>
    public double? SoftDifferenceThreshold => Info.SoftDifferenceThreshold;

    /// <inheritdoc cref="GenerationSettings.SoftDifferenceContrast"/>
    public double? SoftDifferenceContrast => Info.SoftDifferenceContrast;

    /// <inheritdoc cref="GenerationSettings.DifferentialStrength"/>
    public double? DifferentialStrength => Info.DifferentialStrength;

    /// <inheritdoc cref="GenerationSettings.NoMaskRounding"/>
    public bool? NoMaskRounding => Info.NoMaskRounding;

    /// <inheritdoc cref="GenerationSettings.MaskBlur"/>
    public int? MaskBlur => Info.MaskBlur;

    /// <inheritdoc cref="GenerationSettings.MaskInvert"/>
    public bool? MaskInvert => Info.MaskInvert;

    /// <inheritdoc cref="GenerationSettings.MaskFill"/>
    public string? MaskFill => Info.MaskFill;

    /// <inheritdoc cref="GenerationSettings.MaskedOnly"/>
    public bool? MaskedOnly => Info.MaskedOnly;

    /// <inheritdoc cref="GenerationSettings.MaskPadding"/>
    public int? MaskPadding => Info.MaskPadding;

    /// <inheritdoc cref="GenerationSettings.NoPasteBack"/>
    public bool? NoPasteBack => Info.NoPasteBack;

    /// <inheritdoc cref="GenerationSettings.ResizeMode"/>
    public string? ResizeMode => Info.ResizeMode;

    /// <inheritdoc cref="GenerationSettings.Background"/>
    public string? Background => Info.Background;

    /// <inheritdoc cref="GenerationSettings.Vae"/>
    public string? Vae => Info.Vae;

    /// <inheritdoc cref="GenerationSettings.VaeTiling"/>
    public string? VaeTiling => Info.VaeTiling;

    /// <inheritdoc cref="GenerationSettings.VaeTileSize"/>
    public int? VaeTileSize => Info.VaeTileSize;

    /// <inheritdoc cref="MicroConditioning.OriginalWidth"/>
    public int? OriginalWidth => Info.MicroConditioning?.OriginalWidth;

    /// <inheritdoc cref="MicroConditioning.OriginalHeight"/>
    public int? OriginalHeight => Info.MicroConditioning?.OriginalHeight;

    /// <inheritdoc cref="MicroConditioning.CropTop"/>
    public int? CropTop => Info.MicroConditioning?.CropTop;

    /// <inheritdoc cref="MicroConditioning.CropLeft"/>
    public int? CropLeft => Info.MicroConditioning?.CropLeft;

    /// <inheritdoc cref="MicroConditioning.TargetWidth"/>
    public int? TargetWidth => Info.MicroConditioning?.TargetWidth;

    /// <inheritdoc cref="MicroConditioning.TargetHeight"/>
    public int? TargetHeight => Info.MicroConditioning?.TargetHeight;

    /// <inheritdoc cref="MicroConditioning.AestheticScore"/>
    public double? AestheticScore => Info.MicroConditioning?.AestheticScore;

    /// <inheritdoc cref="MicroConditioning.NegativeAestheticScore"/>
    public double? NegativeAestheticScore => Info.MicroConditioning?.NegativeAestheticScore;

    /// <summary>The ControlNets that were used; null for none.</summary>
    public SettingList<string>? ControlNet => ControlNetInfo.Each(Info.ControlNets, net => net.Name);

    /// <summary>The full path of each ControlNet's image; null if one of the images did not come from a file.</summary>
    public SettingList<string>? ControlImage => Info.ControlNets?.All(net => net.Image is not null) == true ? ControlNetInfo.Each(Info.ControlNets, net => net.Image!) : null;

    /// <summary>The preprocessor of each ControlNet's image.</summary>
    public SettingList<string>? ControlPreprocessor => ControlNetInfo.Each(Info.ControlNets, net => net.Preprocessor);

    /// <summary>The scale of each ControlNet.</summary>
    public SettingList<double>? ControlScale => ControlNetInfo.Each(Info.ControlNets, net => net.Scale);

    /// <summary>The part of the steps before each ControlNet took effect, 0 to 1.</summary>
    public SettingList<double>? ControlStart => ControlNetInfo.Each(Info.ControlNets, net => net.Start);

    /// <summary>The part of the steps after which each ControlNet no longer took effect, 0 to 1.</summary>
    public SettingList<double>? ControlEnd => ControlNetInfo.Each(Info.ControlNets, net => net.End);

    /// <inheritdoc cref="GenerationSettings.Model"/>
    public string? Model => Info.Model;

    /// <summary>The stages that made it, in their order; null if unknown.</summary>
    public StageList? Stages => Info.Stages;

    /// <summary>How far it can be made again here.</summary>
    public Reproducibility Reproducibility => Recorded switch
    {
        { Stages: null, Prompt: null } or { Stages.IsKnown: false } => Reproducibility.None,
        { Stages: null } => Reproducibility.Statistical,
        { Stages: StageList stages } => stages.WithInputs().All(static stage => !StageOperation.RunsModel(stage.Operation) || stage.Made == StageMaker.Cpu) ? Reproducibility.Exact : Reproducibility.Device,
    };
}
