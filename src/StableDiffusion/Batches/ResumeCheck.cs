using StableDiffusion.Adapters;
using StableDiffusion.Comparison;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Batches;

/// <summary>Whether a file holds the image that a request would make: whether its record says the very settings, files and images.</summary>
internal sealed class ResumeCheck
{
    // So many differences are named.
    private const int MostNamed = 5;

    /// <summary>What to do about a name that another image has.</summary>
    public const string NameAdvice = "Choose another name";

    /// <summary>The same for names that were made of prompt and seed.</summary>
    public const string TemplateAdvice = "Give images that differ in other settings names of their own with FileName, such as '{prompt:40}-{seed}-{hash:8}'";

    /// <summary>The request.</summary>
    public required TextToImage Job { get; init; }

    /// <summary>The LoRAs.</summary>
    public required AdapterSet Adapters { get; init; }

    /// <summary>The image to start from, before it is resized; null if there is none.</summary>
    public DiffusionImage? Start { get; init; }

    /// <summary>Its mask, before it is resized; null if there is none.</summary>
    public MaskImage? Mask { get; init; }

    /// <summary>The control images.</summary>
    public IReadOnlyList<DiffusionImage> ControlImages { get; init; } = [];

    /// <summary>What to do about a file that another image has, without a full stop.</summary>
    public string Advice { get; init; } = NameAdvice;

    /// <summary>The hash of the refiner; null if there is none.</summary>
    public string? RefinerHash { get; init; }

    /// <summary>The hash of the network that enlarges the first pass; null if there is none.</summary>
    public string? UpscalerHash { get; init; }

    /// <summary>Finds the image of a request that an earlier run made.</summary>
    /// <param name="path">The full path of the file, which exists.</param>
    /// <param name="index">The index of the image in the request.</param>
    /// <param name="pipeline">The pipeline of the model; no part of it is opened.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <returns>The image, whose pixels are read when they are asked for.</returns>
    /// <exception cref="OutputDiffersException">The file was made with other settings, or does not say with which.</exception>
    /// <exception cref="ImageInvalidException">The file is damaged, or is not an image.</exception>
    public DiffusionImage Find(string path, int index, DiffusionPipeline pipeline, CancellationToken cancellationToken)
    {
        DiffusionImage image = FinishedImage.Read(path, cancellationToken);
        Require(path, [.. Compare(image.Info, index, pipeline, cancellationToken)], Advice);
        return image;
    }

    /// <summary>Finds an image that an earlier run made of recorded stages.</summary>
    /// <param name="path">The full path of the file, which exists.</param>
    /// <param name="made">The settings and the stages to repeat.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <inheritdoc cref="Find(string, int, DiffusionPipeline, CancellationToken)"/>
    public static DiffusionImage Find(string path, GenerationInfo made, CancellationToken cancellationToken)
    {
        DiffusionImage image = FinishedImage.Read(path, cancellationToken);
        Require(path, new RecordComparison(Normalize(image.Info), Normalize(made)).Settings, NameAdvice);
        return image;
    }

    private static void Require(string path, IReadOnlyList<SettingDifference> differences, string advice)
    {
        if (differences.Count == 0)
            return;
        string more = differences.Count > MostNamed ? $" and {differences.Count - MostNamed} more" : string.Empty;
        throw new OutputDiffersException($"'{path}' exists and was made with other settings: {string.Join(", ", differences.Take(MostNamed))}{more}; the first value is that of the file. {advice}, or use Force to replace it.");
    }

    private IEnumerable<SettingDifference> Compare(GenerationInfo recorded, int index, DiffusionPipeline pipeline, CancellationToken cancellationToken)
    {
        GenerationInfo expected = Job.Describe(pipeline, index, Adapters, recorded, cancellationToken);
        foreach (SettingDifference difference in new RecordComparison(Normalize(recorded) with { Stages = null }, Normalize(expected)).Settings)
            yield return difference;

        // An empty text counts as none elsewhere.
        if ((recorded.NegativePrompt is null) != (expected.NegativePrompt is null) && string.IsNullOrEmpty(recorded.NegativePrompt ?? expected.NegativePrompt) && pipeline.TellsNothingFromEmpty(expected.PromptSyntax))
            yield return new SettingDifference(nameof(expected.NegativePrompt), recorded.NegativePrompt, expected.NegativePrompt);

        StageList stages = recorded.Stages ?? new StageList();
        if (stages is [.., { Operation: StageOperation.Preview }])
            yield return new SettingDifference(StageOperation.Preview, bool.TrueString, null);
        if (!IsSame(stages, Start))
            yield return new SettingDifference("InitImage", Read(stages), Start?.Origin().Output);
        GenerationStage? denoising = stages.FirstOrDefault(stage => stage.Operation == StageOperation.Denoise && stage.Input("MaskImage") is StageList mask && mask.Any(made => made.Output == Mask?.Origin().Output));
        if (Mask is not null && denoising is null)
            yield return new SettingDifference("MaskImage", stages.Select(static stage => stage.Input("MaskImage")?.Output).FirstOrDefault(static output => output is not null), Mask.Origin().Output);
        IReadOnlyList<StageList> nets = stages.FirstOrDefault(static stage => stage.Inputs.ContainsKey("ControlImage"))?.Inputs["ControlImage"] ?? [];
        for (int net = 0; net < ControlImages.Count; net++)
        {
            string? output = ControlImages[net].Origin().Output;
            if (net >= nets.Count || nets[net].Output != output)
                yield return new SettingDifference("ControlImage", net < nets.Count ? nets[net].Output : null, output);
        }

        string?[] models = [.. stages.Where(static stage => stage.Operation == StageOperation.Denoise).Select(static stage => stage.Text(nameof(GenerationInfo.ModelHash)))];
        if (RefinerHash is not null && !models.Contains(RefinerHash))
            yield return new SettingDifference("RefinerHash", models.LastOrDefault(), RefinerHash);
        string? enlarger = stages.FirstOrDefault(static stage => stage.Operation == StageOperation.Upscale)?.Text(ImageUpscaling.HashSetting);
        if (UpscalerHash is not null && enlarger != UpscalerHash)
            yield return new SettingDifference(ImageUpscaling.HashSetting, enlarger, UpscalerHash);
    }

    private static bool IsSame(StageList stages, DiffusionImage? start) => start is null ? Read(stages) is null : stages.Any(stage => stage.Output == start.Origin().Output);

    /// <summary>The hash of the image that the stages began with; null if they began without one.</summary>
    private static string? Read(StageList stages) => stages is [{ Operation: StageOperation.ReadImage }, ..] ? stages[0].Output : null;

    /// <summary>The settings with names as the catalogs have them, where a record keeps what was given.</summary>
    private static GenerationInfo Normalize(GenerationInfo info) => info with
    {
        SchedulerOptions = SchedulerOptionText.Write(SchedulerOptionText.Read(info.SchedulerOptions)),
        Background = info.Background is null || BackgroundColor.Parse(info.Background) == BackgroundColor.White ? null : BackgroundColor.Parse(info.Background).ToString(),
        Hires = info.Hires is null ? null : info.Hires with { HiresScheduler = Scheduler(info.Hires.HiresScheduler), HiresUpscaler = Upscaler(info.Hires.HiresUpscaler) },
        Detail = info.Detail is null ? null : info.Detail with { DetailScheduler = Scheduler(info.Detail.DetailScheduler) },
    };

    private static string? Scheduler(string? name)
    {
        try
        {
            return name is null ? null : SchedulerCatalog.Find(name).Name;
        }
        catch (SchedulerNotFoundException)
        {
            // A record can name anything.
            return name;
        }
    }

    private static string? Upscaler(string? name) => name is null ? null : HiresPass.LatentUpscalers.FirstOrDefault(known => known.Equals(name, StringComparison.OrdinalIgnoreCase)) ?? ImageUpscaling.FilterOf(name)?.ToString() ?? name;
}
