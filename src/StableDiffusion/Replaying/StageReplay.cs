using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Denoising.Previews;
using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Images.Control;
using StableDiffusion.Images.Masks;
using StableDiffusion.Images.Sheets;
using StableDiffusion.Library;
using StableDiffusion.Noise;
using StableDiffusion.Pipelines;
using StableDiffusion.Pipelines.Details;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;
using StableDiffusion.Text;

namespace StableDiffusion.Replaying;

/// <summary>Runs recorded stages again. On the same versions and the same kind of device, the result has the same bytes.</summary>
/// <param name="library">The models and adapters.</param>
/// <param name="use">Runs a stage with the model of a name, opened with adapters.</param>
/// <param name="images">The images that the stages begin with.</param>
public sealed class StageReplay(ModelLibrary library, StageUse use, ReplayImages images)
{
    // How many missing files an error names.
    private const int MostNames = 5;

    // Prompts that occur in many images of a sheet are encoded once.
    private readonly Dictionary<string, TextEmbedding> _embeddings = new(StringComparer.Ordinal);

    // The files of adapters are looked up once for all stages.
    private readonly Dictionary<string, AdapterSet> _adapters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TextualInversion[]> _words = new(StringComparer.Ordinal);

    private readonly UpscaleReplay _upscaling = new(library, images);

    /// <summary>The model for all stages; null for the recorded ones.</summary>
    public string? Model { get; init; }

    /// <summary>The device of upscalers, by its name.</summary>
    public string Device { get; init; } = Onnx.Device.Auto;

    /// <summary>Enlarges an image by a network that is named or given by a path; null opens the network for each image.</summary>
    public ImageUpscaler? Upscale { get; init; }

    /// <summary>Observes the stages; null for none.</summary>
    public StageObserver Observer { get; init; } = new();

    /// <summary>Says what a denoising keeps of its predictions for the observer, which changes no value; null for nothing.</summary>
    internal Func<TextEmbedding, DenoiseOptions, DenoiseOptions>? Keep { get; init; }

    /// <summary>Finds what the stages need, and what may come out differently, before any of them is run.</summary>
    /// <param name="stages">The stages of an image.</param>
    /// <param name="cancellationToken">Cancels the check.</param>
    /// <returns>Warnings: a sentence for each model, adapter or file that has changed, and for each image that was given in vain.</returns>
    /// <exception cref="NotRepeatableException">A stage cannot be repeated; the message names it.</exception>
    /// <exception cref="DiffusionException">A model or an adapter does not exist, or a setting is out of range.</exception>
    public IReadOnlyList<string> Check(StageList stages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stages);
        List<string> warnings = [], missing = [];
        Check(stages, warnings, missing, cancellationToken);
        if (missing.Count > 0)
            throw Missing([.. missing.Distinct()], isOfSheet: stages.Any(static stage => stage.Operation == StageOperation.Join));
        return [.. warnings.Distinct(), .. images.Unused.Select(static image => $"{image} is none of those that the recorded stages began with, and is not used.")];
    }

    /// <summary>Runs the stages.</summary>
    /// <param name="stages">The stages of an image; those of a latent are decoded.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>The image.</returns>
    /// <exception cref="NotRepeatableException">A stage cannot be repeated; the message names it.</exception>
    /// <exception cref="DiffusionException">A stage failed.</exception>
    public DiffusionImage Run(StageList stages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stages);
        return RunAll(stages, cancellationToken) switch
        {
            DiffusionImage image => image,
            Latent latent => Use(stages.WithInputs().LastOrDefault(static stage => stage.Text(nameof(GenerationInfo.Model)) is not null) ?? stages[^1], pipeline => Decode(pipeline, latent, new VaeOptions(), cancellationToken)),
            object other => throw new NotRepeatableException($"The stages make {Describe(other)}, not an image. Give the record of an image."),
        };
    }

    private static NotRepeatableException Missing(string[] files, bool isOfSheet)
    {
        string names = string.Join(", ", files.Take(MostNames).Select(static file => $"'{PrintableText.Of(file)}'"));
        if (isOfSheet)
            return new($"The images of a sheet began with {Files()}. Repeat the stages by a script, where these files are.") { Remedy = Remedy.WriteScript };
        return new($"The image began with {Files()}, which {(files.Length == 1 ? "was not given or has" : "were not given or have")} other pixels now. Give {(files.Length == 1 ? "it" : "each")} again: as the image to start from, as the mask or as a control image, whichever it was.") { Remedy = Remedy.GiveImages };

        string Files() => files.Length == 1 ? $"the file {names}" : files.Length <= MostNames ? $"the files {names}" : $"the files {names} and {files.Length - MostNames} more";
    }

    private void Check(StageList stages, List<string> warnings, List<string> missing, CancellationToken cancellationToken)
    {
        if (stages.Count == 0)
            throw new NotRepeatableException("The record has no stages.");
        int first = FirstOf(stages);
        bool[] masked = FindGivenMasks(stages, first);
        for (int i = first; i < stages.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            GenerationStage stage = stages[i];
            if (masked[i] || IsGivenEdit(stage))
                continue;
            CheckOne(stage, warnings, missing, cancellationToken);
            foreach (StageList input in stage.Inputs.Values.SelectMany(static lists => lists))
                Check(input, warnings, missing, cancellationToken);
        }
    }

    // An image that a script changed is one to begin with, if it is given; what was before it is not needed.
    private int FirstOf(StageList stages)
    {
        int last = stages.Count - 1;
        while (last > 0 && !IsGivenEdit(stages[last]))
            last--;
        return Math.Max(last, 0);
    }

    private bool IsGivenEdit(GenerationStage stage) => stage.Operation == StageOperation.Edit && images.Has(stage.Output);

    // Which stages lead to a mask that is given, so that it need not be read and converted again.
    private bool[] FindGivenMasks(StageList stages, int first)
    {
        bool[] given = new bool[stages.Count];
        bool isGiven = false;
        for (int i = stages.Count - 1; i >= first; i--)
        {
            if (stages[i].Operation == StageOperation.ToMask)
                isGiven = stages[i].Output is string output && images.FindMask(output) is not null;
            given[i] = isGiven;
        }

        return given;
    }

    private void CheckOne(GenerationStage stage, List<string> warnings, List<string> missing, CancellationToken cancellationToken)
    {
        stage.CheckTypes();
        switch (stage.Operation)
        {
            case StageOperation.Edit:
                throw new NotRepeatableException("The values were changed by a script between two stages, or come from elsewhere, so that the record does not tell how. If what came out was an image, give it; otherwise repeat those steps yourself.");
            case StageOperation.Animate:
                throw new NotRepeatableException("The record is that of an animation, and not of an image. Repeat its frames by a script.") { Remedy = Remedy.WriteScript };
            case StageOperation.ReadImage:
                CheckFile(stage, warnings, missing, cancellationToken);
                break;
            case StageOperation.PredictClean:
            case StageOperation.Resize:
            case StageOperation.ResizeLatent:
            case StageOperation.ToMask:
            case StageOperation.InvertMask:
            case StageOperation.BlurMask:
            case StageOperation.CropToMask:
            case StageOperation.FillMask:
            case StageOperation.PasteBack:
            case StageOperation.RegionMask:
            case StageOperation.Expand:
            case StageOperation.ExpandMask:
            case StageOperation.Preprocess:
            case StageOperation.Join:
                break;
            case StageOperation.MergeEmbeddings:
            case StageOperation.MergeLatents:
                MergeStage.Read(stage);
                break;
            case StageOperation.AddNoise:
                SettingTable.Check(stage.To<GenerationInfo>());
                break;
            case StageOperation.Preview:
                PreviewColors(stage);
                warnings.Add("The record is that of a preview: what is made again is the preview, and not the decoded image.");
                break;
            case StageOperation.Upscale:
                _upscaling.Check(stage, warnings, cancellationToken);
                break;
            case StageOperation.EncodePrompt:
            case StageOperation.EncodeImage:
            case StageOperation.Denoise:
            case StageOperation.Decode:
            case StageOperation.Repair:
                SettingTable.Check(stage.To<GenerationInfo>());
                CheckHashes(stage, warnings, cancellationToken);
                break;
            case StageOperation.RepaintTiles:
                TileRepainting.TilesOf(stage);
                goto case StageOperation.Denoise;
            default:
                throw new NotRepeatableException($"This version does not know the stage '{PrintableText.Of(stage.Operation)}'. Use a newer one.");
        }
    }

    private void CheckFile(GenerationStage stage, List<string> warnings, List<string> missing, CancellationToken cancellationToken)
    {
        string path = stage.Text("Path") ?? "?";
        if (stage.Output is string output && images.CanFind?.Invoke(output) == true)
            return;
        if (images.Find(stage, cancellationToken) is not DiffusionImage image)
            missing.Add(path);
        else if (stage.Output is string recorded && StageList.Hash<byte>(image.Pixels) != recorded)
            warnings.Add($"The file '{PrintableText.Of(path)}' has other pixels now than when the image was made from it. The image will come out differently.");
    }

    private void CheckHashes(GenerationStage stage, List<string> warnings, CancellationToken cancellationToken)
    {
        GenerationInfo info = stage.To<GenerationInfo>();
        AdapterSet adapters = Adapters(stage, cancellationToken);
        Compare("The LoRAs", stage.Text(nameof(info.LoraHashes)), adapters.Hashes);
        IReadOnlyList<TextualInversion> words = Words(stage, cancellationToken);
        Compare("The textual inversion embeddings", stage.Text(nameof(info.TextualInversionHashes)), words.Count == 0 ? null : string.Join(", ", words.Select(static word => $"{word.Name}: {word.Hash}")));
        CheckVaeName(stage);
        if (info.Vae is string vae)
            Compare($"The VAE '{PrintableText.Of(vae)}'", info.VaeHash, use(Model ?? info.Model, AdapterSet.Empty, pipeline => pipeline.IdentifyVae(vae, cancellationToken)) as string);
        if (Model is null)
            Compare($"The model '{info.Model}'", info.ModelHash, use(info.Model, AdapterSet.Empty, pipeline => pipeline.Identify(cancellationToken)) as string);

        void Compare(string subject, string? recorded, string? present)
        {
            if (recorded is not null && recorded != present)
                warnings.Add($"{subject} of the stage {stage.Operation} had the hash {PrintableText.Of(recorded)}, which is now {present ?? "missing"}. The image may come out differently.");
        }
    }

    private object RunAll(StageList stages, CancellationToken cancellationToken)
    {
        object? value = null;
        int first = FirstOf(stages);
        bool[] masked = FindGivenMasks(stages, first);
        for (int i = first; i < stages.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (masked[i])
                value = stages[i].Operation == StageOperation.ToMask ? images.FindMask(stages[i].Output!) : value;
            else
                value = RunOne(stages[i], value, keepsPredictions: i + 1 < stages.Count && stages[i + 1].Operation == StageOperation.PredictClean, cancellationToken);
        }

        return value ?? throw new NotRepeatableException("The record has no stages.");
    }

    private object RunOne(GenerationStage stage, object? value, bool keepsPredictions, CancellationToken cancellationToken)
    {
        CheckVaeName(stage);
        return stage.Operation switch
        {
            StageOperation.EncodePrompt => EncodePrompt(stage, cancellationToken),
            StageOperation.MergeEmbeddings => EmbeddingMerge.Repeat(stage, [.. Inputs<TextEmbedding>(stage, MergeStage.InputOf(stage.Operation), cancellationToken)]),
            StageOperation.MergeLatents => LatentMerge.Repeat(stage, [.. Inputs<Latent>(stage, MergeStage.InputOf(stage.Operation), cancellationToken)]),
            StageOperation.EncodeImage => EncodeImage(stage, Before<DiffusionImage>(), cancellationToken),
            StageOperation.Denoise => Denoise(stage, value is null ? null : Before<Latent>(), keepsPredictions, cancellationToken),
            StageOperation.PredictClean => Before<StepLatent>().Denoised,
            StageOperation.AddNoise => ForwardProcess.Repeat(Before<Latent>(), stage),
            StageOperation.Decode => Use(stage, pipeline => Decode(pipeline, Before<Latent>(), DecodingOf(stage), cancellationToken)),
            StageOperation.Preview => LatentPreview.Create(Before<Latent>(), PreviewColors(stage)),
            StageOperation.ReadImage or StageOperation.Edit => images.Find(stage, cancellationToken)
                ?? throw new NotRepeatableException($"{(stage.Text("Path") is string path ? $"The file '{PrintableText.Of(path)}'" : "The image")} that it began with was not given, or has other pixels now.") { Remedy = Remedy.GiveImages },
            StageOperation.Resize when value is MaskImage mask => ImageResize.Resize(mask, Side("Width"), Side("Height"), Mode()),
            StageOperation.Resize => ImageResize.Resize(Before<DiffusionImage>(), Side("Width"), Side("Height"), Mode()),
            StageOperation.ResizeLatent => LatentResize.Resize(
                Before<Latent>(),
                Side("Width"),
                Side("Height"),
                EnumSetting.Parse("Mode", stage.Text("Mode"), LatentResizeMode.Bilinear),
                stage.Settings.GetValueOrDefault("Antialias") is true,
                EnumSetting.Parse(nameof(ResizeMode), stage.Text(nameof(ResizeMode)), ResizeMode.Stretch)),
            StageOperation.Upscale => _upscaling.Run(stage, Before<DiffusionImage>(), Device, Upscale, Observer, cancellationToken),
            StageOperation.RepaintTiles => RepaintTiles(stage, Before<DiffusionImage>(), cancellationToken),
            StageOperation.ToMask => MaskImage.FromImage(Before<DiffusionImage>()),
            StageOperation.InvertMask => Before<MaskImage>().Invert(),
            StageOperation.BlurMask => Before<MaskImage>().Blur(Side("Sigma")),
            StageOperation.CropToMask when value is MaskImage mask => MaskCrop.Crop(mask, Side(MaskCrop.PaddingSetting), Side("Width"), Side("Height")),
            StageOperation.CropToMask => MaskCrop.Crop(Before<DiffusionImage>(), Mask(), Side(MaskCrop.PaddingSetting), Side("Width"), Side("Height")),
            StageOperation.FillMask => MaskedContent.Fill(Before<DiffusionImage>(), Mask()),
            StageOperation.PasteBack => PasteBack.Paste(
                Before<DiffusionImage>(),
                Inputs<DiffusionImage>(stage, PasteBack.ImageInput, cancellationToken).FirstOrDefault() ?? throw new NotRepeatableException("The record does not say what was pasted back."),
                Mask(),
                stage.Number<int>(MaskCrop.PaddingSetting),
                stage.Settings.GetValueOrDefault(PasteBack.DoublesSetting) is true,
                stage.Settings.GetValueOrDefault(PasteBack.AdaptsSetting) is true),
            StageOperation.RegionMask => RegionMask.From(stage),
            StageOperation.Repair => Repair(stage, Before<DiffusionImage>(), Mask(), cancellationToken),
            StageOperation.Expand => ImageExpansion.From(stage).Expand(Before<DiffusionImage>()),
            StageOperation.ExpandMask => ImageExpansion.From(stage).MaskOf(Before<DiffusionImage>()),
            StageOperation.Preprocess => ControlImage.Preprocess(
                Before<DiffusionImage>(),
                EnumSetting.Parse("Preprocessor", stage.Text("Preprocessor"), ControlPreprocessor.None),
                stage.Number<int>("LowThreshold") ?? CannyEdges.DefaultLowThreshold,
                stage.Number<int>("HighThreshold") ?? CannyEdges.DefaultHighThreshold,
                cancellationToken),
            StageOperation.Join => ImageGrid.Join([.. ImageGrid.Limit(Inputs<DiffusionImage>(stage, "Image", cancellationToken))], SheetLayout.Of(stage)),
            _ => throw new NotRepeatableException($"The stage '{PrintableText.Of(stage.Operation)}' cannot be repeated."),
        };

        T Before<T>()
            where T : class => value as T ?? throw new NotRepeatableException($"The stage {stage.Operation} does not fit what is before it. The record is damaged.");

        MaskImage Mask() => Inputs<MaskImage>(stage, PasteBack.MaskInput, cancellationToken).FirstOrDefault() ?? throw new NotRepeatableException($"The stage {stage.Operation} has no mask. The record is damaged.");

        int Side(string name) => stage.Number<int>(name) ?? throw new NotRepeatableException($"The stage {stage.Operation} has no {name}. The record is damaged.");

        ResizeMode Mode() => EnumSetting.Parse(nameof(ResizeMode), stage.Text(nameof(ResizeMode)), ResizeMode.None);
    }

    private DiffusionImage Decode(DiffusionPipeline pipeline, Latent latent, VaeOptions options, CancellationToken cancellationToken)
    {
        Observer.OnDecoding(latent);
        return Observer.Run(Stage.VaeDecoder, () => pipeline.Decode(latent, options, cancellationToken));
    }

    private static VaeOptions DecodingOf(GenerationStage stage) =>
        VaeOptions.Recorded(stage.To<GenerationInfo>()) with { Rounding = EnumSetting.Parse("Rounding", stage.Text("Rounding"), ByteRounding.Nearest) };

    private TextEmbedding EncodePrompt(GenerationStage stage, CancellationToken cancellationToken)
    {
        string key = stage.ToString();
        if (_embeddings.TryGetValue(key, out TextEmbedding? known))
            return known;

        PromptOptions options = PromptOptions.From(stage.To<GenerationInfo>(), Words(stage, cancellationToken));
        TextEmbedding embedding = Use(
            stage,
            pipeline => Observer.Run(Stage.TextEncoder, () => pipeline.EncodeOnce(stage.Text(nameof(GenerationInfo.Prompt)) ?? string.Empty, options, cancellationToken)),
            Adapters(stage, cancellationToken));
        Observer.OnEncoded(embedding);
        _embeddings.Add(key, embedding);
        return embedding;
    }

    private Latent EncodeImage(GenerationStage stage, DiffusionImage image, CancellationToken cancellationToken)
    {
        GenerationInfo info = stage.To<GenerationInfo>();
        RandomSource source = EnumSetting.Parse(nameof(info.RandomSource), info.RandomSource, RandomSource.TorchCpu);
        ResizeMode mode = EnumSetting.Parse(nameof(info.ResizeMode), info.ResizeMode, ResizeMode.None);
        return Use(stage, pipeline => Observer.Run(Stage.VaeEncoder, () => pipeline.EncodeImage(image, mode, info.Seed, source, VaeOptions.From(info), cancellationToken)));
    }

    private Latent Denoise(GenerationStage stage, Latent? start, bool keepsPredictions, CancellationToken cancellationToken)
    {
        (TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options) = DenoisingOf(stage, cancellationToken);
        options = Keep?.Invoke(embedding, options) ?? options;
        options = options with { KeepsPredictions = options.KeepsPredictions || keepsPredictions };
        return Use(
            stage,
            pipeline => Observer.Run(Stage.Denoising, () => pipeline.Denoise(embedding, negative, start, options, Observer.OnStep, cancellationToken)),
            Adapters(stage, cancellationToken));
    }

    private static LatentColors PreviewColors(GenerationStage stage) => LatentColors.Find(stage.Text(LatentPreview.ColorsSetting))
        ?? throw new NotRepeatableException($"This version does not know the colors '{PrintableText.Of(stage.Text(LatentPreview.ColorsSetting) ?? string.Empty)}' of a preview. Use a newer one.");

    private DiffusionImage RepaintTiles(GenerationStage stage, DiffusionImage image, CancellationToken cancellationToken)
    {
        (TextEmbedding embedding, TextEmbedding? negative, DenoiseOptions options) = DenoisingOf(stage, cancellationToken);
        (int size, int overlap) = TileRepainting.TilesOf(stage);
        return Use(stage, pipeline => TileRepainting.Run(pipeline, image, embedding, negative, options, size, overlap, Observer, cancellationToken), Adapters(stage, cancellationToken));
    }

    private (TextEmbedding Embedding, TextEmbedding? Negative, DenoiseOptions Options) DenoisingOf(GenerationStage stage, CancellationToken cancellationToken)
    {
        TextEmbedding embedding = Inputs<TextEmbedding>(stage, "Embedding", cancellationToken).FirstOrDefault() ?? throw new NotRepeatableException("A denoising has no prompt.");
        TextEmbedding? negative = Inputs<TextEmbedding>(stage, "NegativeEmbedding", cancellationToken).FirstOrDefault();
        return (embedding, negative, stage.To<DenoiseOptions>() with
        {
            Model = null,
            StartStep = stage.Number<int>(nameof(DenoiseOptions.StartStep)),
            StopStep = stage.Number<int>(nameof(DenoiseOptions.StopStep)),
            DenoisingStart = stage.Number<double>(nameof(DenoiseOptions.DenoisingStart)),
            Mask = Inputs<MaskImage>(stage, "MaskImage", cancellationToken).FirstOrDefault(),
            Controls = Controls(stage, cancellationToken),
        });
    }

    private DiffusionImage Repair(GenerationStage stage, DiffusionImage image, MaskImage mask, CancellationToken cancellationToken)
    {
        TextEmbedding embedding = Inputs<TextEmbedding>(stage, "Embedding", cancellationToken).FirstOrDefault() ?? throw new NotRepeatableException("The repair of a region has no prompt.");
        TextEmbedding? negative = Inputs<TextEmbedding>(stage, "NegativeEmbedding", cancellationToken).FirstOrDefault();
        DenoiseOptions options = stage.To<DenoiseOptions>() with { Model = null };
        return Use(stage, pipeline => RegionRepair.Run(pipeline, image, mask, embedding, negative, options, Observer, cancellationToken), Adapters(stage, cancellationToken));
    }

    private ControlOptions[] Controls(GenerationStage stage, CancellationToken cancellationToken)
    {
        string[] names = stage.Settings.GetValueOrDefault("ControlNet") as string[] ?? [];
        if (names.Length == 0)
            return [];

        // Anyone can write a path into an image.
        foreach (string name in images.OpensPaths ? [] : names)
            library.ControlNets.CheckName(name);
        DiffusionImage[] inputs = [.. Inputs<DiffusionImage>(stage, "ControlImage", cancellationToken)];
        string[] preprocessors = Values<string>("ControlPreprocessor");
        double[] scales = Values<double>("ControlScale"), starts = Values<double>("ControlStart"), ends = Values<double>("ControlEnd");
        return [.. names.Select((name, i) => new ControlOptions(name, inputs[i])
        {
            Preprocessor = EnumSetting.Parse("ControlPreprocessor", preprocessors[i], ControlPreprocessor.None),
            Scale = scales[i],
            Start = starts[i],
            End = ends[i],
        })];

        T[] Values<T>(string setting) => stage.Settings.GetValueOrDefault(setting) is T[] values && values.Length == names.Length && inputs.Length == names.Length
            ? values
            : throw new NotRepeatableException($"The record has {names.Length} ControlNets, but not as many values of {setting}.");
    }

    private IEnumerable<T> Inputs<T>(GenerationStage stage, string name, CancellationToken cancellationToken)
        where T : class => stage.Inputs.GetValueOrDefault(name, []).Select(list => RunAll(list, cancellationToken) as T ?? throw new NotRepeatableException($"The input {name} of the stage {stage.Operation} is of another kind."));

    private AdapterSet Adapters(GenerationStage stage, CancellationToken cancellationToken) => Known(_adapters, stage, nameof(GenerationInfo.Lora), texts => AdapterSet.Create(
        texts.Select(text => Lora.Parse(text, name => images.OpensPaths ? library.FindLora(name, cancellationToken) : library.FindLoraByName(name, cancellationToken)))));

    private TextualInversion[] Words(GenerationStage stage, CancellationToken cancellationToken) => Known<TextualInversion[]>(_words, stage, nameof(GenerationInfo.TextualInversion), names =>
        [.. names.Select(name => images.OpensPaths ? library.LoadEmbedding(name, cancellationToken) : library.LoadEmbeddingByName(name, cancellationToken))]);

    private static T Known<T>(Dictionary<string, T> known, GenerationStage stage, string setting, Func<IEnumerable<string>, T> find)
    {
        string list = stage.Text(setting) ?? string.Empty;
        if (!known.TryGetValue(list, out T? found))
            known.Add(list, found = find(TextList.Read(list) ?? []));
        return found;
    }

    private void CheckVaeName(GenerationStage stage)
    {
        if (!images.OpensPaths && stage.Text(nameof(GenerationInfo.Vae)) is string vae)
            library.Vaes.CheckName(vae);
    }

    private T Use<T>(GenerationStage stage, Func<DiffusionPipeline, T> run, AdapterSet? adapters = null)
        where T : class => (T)use(Model ?? stage.Text(nameof(GenerationInfo.Model)), adapters ?? AdapterSet.Empty, run)!;

    private static string Describe(object value) => value switch
    {
        MaskImage => "a mask",
        TextEmbedding => "an embedding",
        _ => "nothing",
    };
}
