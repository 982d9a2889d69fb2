using System.Globalization;
using System.Text;
using StableDiffusion;
using StableDiffusion.Detecting;
using StableDiffusion.Images.Masks;
using StableDiffusion.Library;
using StableDiffusion.Metadata.Animations;
using StableDiffusion.Pipelines;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Merging;
using StableDiffusion.Upscaling;

namespace SdPowerShell.Scripts;

/// <summary>
/// Writes recorded stages as the commands that repeat them. Only known settings are written, and all values as literals, since
/// anyone can write anything into an image.
/// </summary>
internal sealed class StageScript
{
    private const string PathKey = "Path";
    private const string UnnamedFilm = "animation.png";

    // What belongs to the objects that a command is given, or proves what was used.
    private static readonly HashSet<string> s_notOfDenoising = new(StringComparer.Ordinal)
    {
        nameof(GenerationInfo.Prompt), nameof(GenerationInfo.NegativePrompt), nameof(GenerationInfo.PromptSyntax), nameof(GenerationInfo.Emphasis), nameof(GenerationInfo.ClipSkip),
        nameof(GenerationInfo.TextualInversion), nameof(GenerationInfo.ResizeMode), nameof(GenerationInfo.Background), nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash), nameof(GenerationInfo.VaeHash),
        nameof(GenerationInfo.Refiner), nameof(GenerationInfo.RefinerSwitchAt), nameof(GenerationInfo.RefinerSwitchBySteps), nameof(GenerationInfo.RefinerMode),
    };

    // What happens before a latent is encoded or after it is decoded.
    private static readonly string[] s_beforeEncoding = [nameof(GenerationInfo.MaskFill), nameof(GenerationInfo.MaskedOnly), nameof(GenerationInfo.MaskPadding)];

    private static readonly string[] s_afterDecoding =
        [nameof(GenerationInfo.NoPasteBack), nameof(GenerationInfo.SoftMaskInfluence), nameof(GenerationInfo.SoftDifferenceThreshold), nameof(GenerationInfo.SoftDifferenceContrast)];

    private static readonly string[] s_ofVae = [nameof(GenerationInfo.Vae), nameof(GenerationInfo.VaeTiling), nameof(GenerationInfo.VaeTileSize), nameof(GenerationInfo.Tiling)];

    // A request has the LoRAs of its prompt, and the VAE, its tiles and the edges that meet as its decoding.
    private static readonly HashSet<string> s_notOfRequests = new(s_notOfDenoising.Concat(s_ofVae), StringComparer.Ordinal) { nameof(GenerationInfo.Lora) };

    private static readonly HashSet<string> s_notOfPrompts = new(StringComparer.Ordinal) { nameof(GenerationInfo.Prompt), nameof(GenerationInfo.NegativePrompt), nameof(GenerationInfo.Model), nameof(GenerationInfo.ModelHash) };

    private static readonly string[] s_ofUpscaling =
    [
        ScriptNames.Upscaler, nameof(UpscaleOptions.Scale), nameof(UpscaleOptions.Width), nameof(UpscaleOptions.Height), nameof(UpscaleOptions.ResizeMode), nameof(UpscaleOptions.TileSize), nameof(UpscaleOptions.TileOverlap),
    ];

    private static readonly string[] s_ofRepair =
    [
        nameof(GenerationInfo.Strength), nameof(GenerationInfo.MaskBlur), nameof(GenerationInfo.MaskPadding), nameof(GenerationInfo.Seed), nameof(GenerationInfo.Steps),
        nameof(GenerationInfo.GuidanceScale), nameof(GenerationInfo.Width), nameof(GenerationInfo.Height),
    ];

    private static readonly string[] s_controls = [ScriptNames.ControlNet, "ControlPreprocessor", "ControlScale", "ControlStart", "ControlEnd"];

    private readonly StringBuilder _lines = new();
    private readonly ScriptNames _names = new();
    private readonly Dictionary<string, int> _variables = new(StringComparer.Ordinal);

    // The variables of what was made, by the command that made it, so that nothing is made twice.
    private readonly Dictionary<string, string> _made = new(StringComparer.Ordinal);

    // Whether all stages use the model that is the default anyway.
    private readonly bool _isDefaultModel;

    // The name of an animation, which is written to a file and is no object.
    private readonly string _film;

    private StageScript(StageList stages, string? file)
    {
        _isDefaultModel = ModelsOf(stages).All(static model => model is null or ModelStore.EmbeddedName);
        _film = file is not null && AnimationFile.IsName(file) ? file : UnnamedFilm;
    }

    /// <summary>Writes a script.</summary>
    /// <param name="stages">The stages of an image, a latent or an embedding.</param>
    /// <param name="title">What the script makes, for its first line.</param>
    /// <param name="remark">What else to say of it, for another line; null for nothing.</param>
    /// <param name="file">The name of the file that it was read from, without its folder; null if there is none.</param>
    /// <returns>The script, whose output is the same.</returns>
    /// <exception cref="NotRepeatableException">A stage cannot be written as a command; the message names it.</exception>
    public static string Write(StageList stages, string title, string? remark = null, string? file = null)
    {
        foreach (GenerationStage stage in stages.WithInputs())
            stage.CheckTypes();
        StageScript script = new(stages, file);
        string last = script.Command(stages);
        string missing = string.Join(", ", script._names.Missing);
        string? written = stages is [.., { Operation: StageOperation.Animate }] ? $"Writes the animation to '{script._film}' in the current folder, unless a file has that name already." : null;
        string[] comments = [$"Makes {title} again.", .. new[] { written, remark }.OfType<string>(), .. missing.Length == 0 ? [] : (string[])[$"Not on this computer: {missing}.{(script._names.HasSwitch ? $" To use a path of your own instead, remove -{nameof(ModelCmdlet.NamesOnly)}." : string.Empty)}"]];
        return ScriptCheck.Checked($"#Requires -Modules StableDiffusion\n{string.Concat(comments.Select(static comment => $"# {PrintableText.Of(comment)}\n"))}{script._lines}{last}\n");
    }

    /// <summary>The command that makes something, after the lines that it needs.</summary>
    private string Command(StageList stages)
    {
        if (OneImage.Match(stages) is { HasText: true } one)
            return CommandOf(one);
        if (stages.Count == 0)
            throw new NotRepeatableException("The record has no stages.");

        GenerationStage stage = stages[^1];
        StageList before = new(stages.SkipLast(1));
        return stage.Operation switch
        {
            StageOperation.EncodePrompt => $"Get-TextEmbedding {Literal.Of(stage.Text(nameof(GenerationInfo.Prompt)) ?? string.Empty)}{AllSettings(stage, s_notOfPrompts)}{Names(stage, nameof(GenerationInfo.Lora), nameof(GenerationInfo.TextualInversion))}",
            StageOperation.MergeEmbeddings => $"Merge-TextEmbedding {Merged("embedding", stage)}",
            StageOperation.MergeLatents => $"Merge-Latent {Merged("latent", stage)}",
            StageOperation.EncodeImage => EncodeImage(stage, before),
            StageOperation.Denoise => Denoise(stage, before),
            StageOperation.Decode => $"{Variable("latent", before)} | ConvertFrom-Latent{Settings(stage, [.. s_ofVae, "Rounding"])}{Apart(stage, before)}{Names(stage, nameof(GenerationInfo.Vae))}",
            StageOperation.Preview => $"{Variable("latent", before)} | ConvertFrom-Latent -Preview{Names(stage)}",
            StageOperation.ReadImage => $"Get-Item -LiteralPath {PathOf(stage)}",
            StageOperation.ResizeLatent when stage.Number<int>(nameof(GenerationInfo.Width)) is null || stage.Number<int>(nameof(GenerationInfo.Height)) is null => throw new NotRepeatableException("The record does not say to which size a latent was resized. It is damaged."),
            StageOperation.ResizeLatent => $"{Variable("latent", before)} | Resize-Latent{Settings(stage, nameof(GenerationInfo.Width), nameof(GenerationInfo.Height), "Mode", "Antialias", nameof(ResizeMode))}",
            StageOperation.AddNoise => $"{Variable("latent", before)} | Add-LatentNoise{NoiseLevel(stage)}{Settings(stage, nameof(GenerationInfo.Seed), nameof(GenerationInfo.RandomSource))}{Names(stage)}",
            StageOperation.Preprocess => $"ConvertTo-ControlImage {ImageInput(before)}{Settings(stage, "Preprocessor", "LowThreshold", "HighThreshold")}",
            StageOperation.Upscale => $"Resize-DiffusionImage {ImageInput(before)}{Settings(stage, s_ofUpscaling)}{_names.Switch((stage, ScriptNames.Upscaler))}",
            StageOperation.RepaintTiles => RepaintTiles(stage, before),
            StageOperation.Repair => Repair(stage, before),
            StageOperation.Expand => $"Expand-DiffusionImage {ImageInput(before)} -Part 'Image'{Settings(stage, "Left", "Top", "Right", "Bottom", "Fill")}",
            StageOperation.ExpandMask => $"Expand-DiffusionImage {ImageInput(before)} -Part 'Mask'{Settings(stage, "Left", "Top", "Right", "Bottom", "Feather")}",
            StageOperation.Join when stage.Settings.Keys.Any(static setting => setting is not ("Columns" or "Gap")) => throw new NotRepeatableException("A sheet with labels or empty places cannot be written as a command. Pipe the record to New-DiffusionImage, which repeats it."),
            StageOperation.Join => $"{string.Join(", ", stage.Inputs.GetValueOrDefault("Image", []).Select(list => Object("image", list)))} | Join-DiffusionImage{Settings(stage, "Columns", "Gap")}",
            StageOperation.Animate => $"{string.Join(", ", stage.Inputs.GetValueOrDefault("Image", []).Select(list => Object("image", list)))} | Export-DiffusionAnimation -Path {Literal.Of(_film)}{Settings(stage, "Delay", "Loop")}",
            StageOperation.Edit => throw new NotRepeatableException("The values were changed by a script between two stages, or come from elsewhere, so that the record does not tell how."),
            _ => throw new NotRepeatableException($"The stage '{PrintableText.Of(stage.Operation)}' cannot be written as a command. Pipe the record to New-DiffusionImage, which repeats it."),
        };
    }

    private string CommandOf(OneImage one)
    {
        StringBuilder command = new($"New-DiffusionImage {Literal.Of(one.Prompt.Text(nameof(GenerationInfo.Prompt)) ?? string.Empty)}");
        if (one.NegativePrompt?.Text(nameof(GenerationInfo.Prompt)) is string negative)
            command.Append(" -NegativePrompt ").Append(Literal.Of(negative));
        if (one.Start.Count > 0)
            command.Append(" -InitImage ").Append(Image(one.Start));
        if (one.Start is [{ Operation: StageOperation.ReadImage } read])
            command.Append(Settings(read, nameof(GenerationInfo.Background)));
        if (one.Resize is GenerationStage resize)
            command.Append(Settings(resize, nameof(GenerationInfo.Width), nameof(GenerationInfo.Height), nameof(ResizeMode)));
        if (one.Mask is StageList mask)
            command.Append(" -MaskImage ").Append(Mask(mask));
        return command.Append(AllSettings(one.Prompt, s_notOfPrompts)).Append(OfRequest(one.Prompt, one.Denoising, one.Decoding)).ToString();
    }

    private string Merged(string kind, GenerationStage stage)
    {
        MergeStage.Read(stage);
        return string.Join(", ", stage.Inputs[MergeStage.InputOf(stage.Operation)].Select(list => Variable(kind, list))) + Settings(stage, MergeStage.RatioSetting, MergeStage.WeightSetting, MergeStage.ModeSetting);
    }

    private static string NoiseLevel(GenerationStage stage) => stage.Number<int>("Timestep") is int timestep ? $" -Timestep {Literal.Of((long)timestep)}"
        : stage.Number<double>("NoiseSigma") is double sigma ? $" -Sigma {Literal.Of(sigma)}"
        : throw new NotRepeatableException("The record does not say how much noise was added to a latent. It is damaged.");

    private string RepaintTiles(GenerationStage stage, StageList before)
    {
        (int size, int overlap) = TileRepainting.TilesOf(stage);
        if (stage.Input("Embedding") is not [{ Operation: StageOperation.EncodePrompt } prompt] || prompt.Text(nameof(GenerationInfo.Prompt)) is not string text || string.IsNullOrWhiteSpace(text)
            || prompt.Text(nameof(GenerationInfo.Lora)) != stage.Text(nameof(GenerationInfo.Lora)))
            throw new NotRepeatableException("An image that was made again in tiles without a prompt, or with other LoRAs than its prompt, cannot be written as a command.");
        string? negative = OneImage.NegativeOf(stage) is [{ Operation: StageOperation.EncodePrompt } encoded] ? encoded.Text(nameof(GenerationInfo.Prompt)) : null;
        string command = $"New-DiffusionImage {Literal.Of(text)}{(negative is null ? string.Empty : $" -NegativePrompt {Literal.Of(negative)}")} -InitImage {Image(before)} -HiresTileSize {Literal.Of((long)size)} -HiresTileOverlap {Literal.Of((long)overlap)}";
        return $"{command}{AllSettings(prompt, s_notOfPrompts)}{OfRequest(prompt, stage, stage)}";
    }

    /// <summary>The settings of the denoising, the decoding and the names of a request.</summary>
    private string OfRequest(GenerationStage prompt, GenerationStage denoising, GenerationStage decoding) =>
        $"{AllSettings(denoising, s_notOfRequests)}{Settings(decoding, s_ofVae)}{Controls(denoising)}{Model(denoising)}"
        + _names.Switch([.. NamesOf(denoising, ScriptNames.ControlNet, nameof(GenerationInfo.Vae)), (prompt, nameof(GenerationInfo.Lora)), (prompt, nameof(GenerationInfo.TextualInversion))]);

    // Without it, a latent is decoded as it was denoised.
    private static string Apart(GenerationStage decoding, StageList before) =>
        !decoding.Settings.ContainsKey(nameof(GenerationInfo.Tiling)) && LatentsOf(before).Any(static latent => latent.Settings.ContainsKey(nameof(GenerationInfo.Tiling)))
            ? $" -{nameof(GenerationInfo.Tiling)} {Literal.Of(nameof(Tiling.None))}"
            : string.Empty;

    private static IEnumerable<GenerationStage> LatentsOf(StageList stages) => stages switch
    {
        [.., { Operation: StageOperation.Denoise or StageOperation.EncodeImage } latent] => [latent],
        [.., { Operation: StageOperation.MergeLatents } merge] => merge.Inputs.Values.SelectMany(static lists => lists).SelectMany(LatentsOf),
        _ => [],
    };

    private string EncodeImage(GenerationStage stage, StageList before)
    {
        bool isResized = before is [.., { Operation: StageOperation.Resize }];
        string image = ImageInput(isResized ? new StageList(before.SkipLast(1)) : before);
        return $"ConvertTo-Latent {image}{(isResized ? Settings(before[^1], nameof(GenerationInfo.Width), nameof(GenerationInfo.Height), nameof(ResizeMode)) : string.Empty)}{Settings(stage, [nameof(GenerationInfo.Seed), nameof(GenerationInfo.RandomSource), .. s_ofVae])}{Names(stage, nameof(GenerationInfo.Vae))}";
    }

    private string Denoise(GenerationStage stage, StageList before)
    {
        StageList embedding = stage.Input("Embedding") ?? throw new NotRepeatableException("A denoising has no prompt.");
        string? latent = before.Count > 0 ? Variable("latent", before) : null;
        StringBuilder command = new($"Invoke-Denoise {Variable("embedding", embedding)}");
        if (OneImage.NegativeOf(stage) is StageList negative)
            command.Append(" -NegativeEmbedding ").Append(Variable("embedding", negative));
        if (latent is not null)
            command.Append(" -Latent ").Append(latent);
        if (stage.Input("MaskImage") is StageList mask)
            command.Append(" -MaskImage ").Append(Mask(stage, mask));
        if (s_beforeEncoding.FirstOrDefault(stage.Settings.ContainsKey) is string setting)
            throw new NotRepeatableException($"A denoising with {setting} cannot be written as a command by itself, since {setting} concerns the image before it is encoded.");

        // Without it, the LoRAs of the embedding are used.
        if (!stage.Settings.ContainsKey(nameof(GenerationInfo.Lora)) && embedding.WithInputs().Any(static made => made.Settings.ContainsKey(nameof(GenerationInfo.Lora))))
            command.Append(" -Lora @()");
        return command.Append(AllSettings(stage, [.. s_notOfDenoising, .. s_beforeEncoding, .. s_afterDecoding])).Append(Settings(stage, "StartStep", "StopStep", "DenoisingStart")).Append(Controls(stage)).Append(Names(stage, nameof(GenerationInfo.Lora), ScriptNames.ControlNet, nameof(GenerationInfo.Vae))).ToString();
    }

    private string Repair(GenerationStage stage, StageList before)
    {
        if (stage.Input("MaskImage") is not [{ Operation: StageOperation.RegionMask } mask] || RegionMask.BoxOf(mask) is not MaskRegion box)
            throw new NotRepeatableException("A region with an outline cannot be written as a command. Pipe the record to New-DiffusionImage, which repeats it.");
        if (stage.Input("Embedding")?[^1].Text(nameof(GenerationInfo.Prompt)) is not string prompt)
            throw new NotRepeatableException("The repair of a region has no prompt.");

        // What else there is comes with the image.
        StringBuilder command = new($"Repair-DiffusionImage -InputObject {Object("image", before)} -Box {box.Left}, {box.Top}, {box.Width}, {box.Height} -Dilation 0 -Prompt {Literal.Of(prompt)}");
        if (OneImage.NegativeOf(stage)?[^1].Text(nameof(GenerationInfo.Prompt)) is string negative)
            command.Append(" -NegativePrompt ").Append(Literal.Of(negative));
        return command.Append(Settings(stage, stage.Settings.ContainsKey(nameof(GenerationInfo.SchedulerOptions)) ? s_ofRepair : s_ofRepair.Append(nameof(GenerationInfo.Scheduler)))).Append(Names(stage)).ToString();
    }

    private string Controls(GenerationStage stage)
    {
        if (!stage.Settings.ContainsKey(ScriptNames.ControlNet))
            return string.Empty;
        string images = string.Join(", ", stage.Inputs.GetValueOrDefault("ControlImage", []).Select(ControlImage));
        return $"{Settings(stage, s_controls)} -ControlImage {images}";
    }

    /// <summary>A variable with what stages made.</summary>
    private string Variable(string kind, StageList stages)
    {
        string command = Command(stages);
        if (_made.TryGetValue(command, out string? variable))
            return variable;

        int number = _variables[kind] = _variables.GetValueOrDefault(kind) + 1;
        variable = string.Create(CultureInfo.InvariantCulture, $"${kind}{number}");
        _lines.Append(CultureInfo.InvariantCulture, $"{variable} = {command}\n");
        _made.Add(command, variable);
        return variable;
    }

    /// <summary>An image as the input of a cmdlet whose paths have wildcards.</summary>
    private string ImageInput(StageList stages) => stages is [{ Operation: StageOperation.ReadImage } file] ? $"-LiteralPath {PathOf(file)}" : Variable("image", stages);

    // A text with a semicolon would be two images.
    private string ControlImage(StageList stages) => Image(stages) is string image && image.Contains(';') ? Object("image", stages) : Image(stages);

    /// <summary>An image: the path of a file, or a variable.</summary>
    private string Image(StageList stages) => stages is [{ Operation: StageOperation.ReadImage } file] ? PathOf(file) : Variable("image", stages);

    /// <summary>An image as an object: a file, or a variable.</summary>
    private string Object(string kind, StageList stages) => stages is [{ Operation: StageOperation.ReadImage } file] ? $"(Get-Item -LiteralPath {PathOf(file)})" : Variable(kind, stages);

    private string Mask(GenerationStage denoising, StageList mask) => InpaintStages.Unprepared(denoising, mask) is StageList stages ? Mask(stages) : string.Empty;

    private string Mask(StageList stages) => stages is [.., { Operation: StageOperation.ToMask }]
        ? Image(new StageList(stages.SkipLast(1)))
        : throw new NotRepeatableException("A mask that was resized by itself cannot be written as a command. Give a mask of the right size.");

    private static string PathOf(GenerationStage file)
    {
        string path = file.Text(PathKey) ?? throw new NotRepeatableException("The record does not name the file of an image.");
        return Path.IsPathFullyQualified(path) || ScriptNames.IsName(path)
            ? Literal.Of(path)
            : throw new NotRepeatableException($"The image began with '{PrintableText.Of(path)}', which is not the name of a file.");
    }

    private string Names(GenerationStage stage, params IEnumerable<string> settings) => Model(stage) + _names.Switch(NamesOf(stage, settings));

    private IEnumerable<(GenerationStage Stage, string Setting)> NamesOf(GenerationStage stage, params IEnumerable<string> settings) =>
        (_isDefaultModel ? settings : settings.Prepend(nameof(GenerationInfo.Model))).Select(setting => (stage, setting));

    private string Model(GenerationStage stage) => !_isDefaultModel && stage.Text(nameof(GenerationInfo.Model)) is string model ? $" -Model {Literal.Of(model)}" : string.Empty;

    private static IEnumerable<string?> ModelsOf(StageList stages) =>
        stages.SelectMany(static stage => stage.Inputs.Values.SelectMany(static lists => lists).SelectMany(ModelsOf).Append(stage.Text(nameof(GenerationInfo.Model))));

    private static string AllSettings(GenerationStage stage, HashSet<string> except) =>
        string.Concat(SettingTable.Rows.Where(row => !except.Contains(row.Name)).Select(row => Parameter(stage, row.Name)));

    private static string Settings(GenerationStage stage, params IEnumerable<string> names) => string.Concat(names.Select(name => Parameter(stage, name)));

    private static string Parameter(GenerationStage stage, string setting) => !stage.Settings.TryGetValue(setting, out object? value) ? string.Empty : (setting, value) switch
    {
        (nameof(GenerationInfo.SchedulerOptions), string text) => $" -SchedulerOption {Literal.Of(SchedulerOptionText.Read(text))}",
        (nameof(GenerationInfo.Lora) or nameof(GenerationInfo.TextualInversion), string text) => $" -{setting} {Literal.Of(TextList.Read(text))}",
        (_, true) => $" -{setting}",
        _ => $" -{setting} {Literal.Of(value)}",
    };
}
