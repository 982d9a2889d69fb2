using System.Globalization;
using System.Text;
using StableDiffusion.Metadata.Keys;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;
using StableDiffusion.Tensors;

namespace StableDiffusion.Metadata;

/// <summary>
/// The settings of an image, as the text that A1111 writes to its files and that other tools read: the prompt, the
/// negative prompt, and a line of settings. Source: A1111 1.10, <c>create_infotext</c>.
/// </summary>
internal static class Infotext
{
    /// <summary>Distinguishes the samplers of A1111 and diffusers that have the same name.</summary>
    internal const string SchedulerKey = "Scheduler";

    /// <summary>As <see cref="SchedulerKey"/>, of the second pass.</summary>
    internal const string HiresSchedulerKey = "Hires scheduler";

    /// <summary>How the image to start from was resized; A1111 does not write it.</summary>
    internal const string ResizeModeKey = "Resize mode";

    /// <summary>Stages that the settings of one request cannot express, in words for people; A1111 does not write it.</summary>
    internal const string StagesKey = "Stages";

    /// <summary>Whether the edges of the image meet.</summary>
    internal const string TilingKey = "Tiling";

    /// <summary>Which edges meet, if not all; A1111 does not write it.</summary>
    internal const string TilingAxisKey = "Tiling axis";

    /// <summary>The noise level below which A1111 does not guide: in every second step, or with <see cref="AllStepsKey"/> in all.</summary>
    internal const string SigmaMinKey = "NGMS";

    /// <summary>Whether that is so in all steps.</summary>
    internal const string AllStepsKey = "NGMS all steps";

    // In the catalog, A1111's samplers whose names diffusers has too have this prefix; A1111 does not write it.
    private const string ToolPrefix = "A1111 ";

    // A1111 writes these separately from the sampler's name, with its own names.
    private static readonly string[] s_scheduleTypes =
    [
        "Karras", "Polyexponential", "Exponential", "SGM Uniform", "Uniform", "KL Optimal", "Align Your Steps", "Simple", "Normal", "Beta", "Turbo",
    ];

    // In the order of A1111; the settings of extensions are between these and the closing ones, in their own order.
    private static readonly string[] s_leadingKeys =
    [
        "Steps", "Sampler", "Schedule type", "CFG scale", "Image CFG scale", "Seed", "Face restoration", "Size", "Model hash", "Model",
        "FP8 weight", "Cache FP16 weight for LoRA", "VAE hash", "VAE", "Variation seed", "Variation seed strength", "Seed resize from",
        "Denoising strength", "Conditional mask weight", "Clip skip", "ENSD", "Token merging ratio", "Token merging ratio hr",
        "Init image hash", "RNG", TilingKey,
    ];

    private static readonly string[] s_order = [.. s_leadingKeys, "Batch size", "Batch pos", "Emphasis"];

    private static readonly string[] s_closingKeys = ["Version", "User"];

    /// <summary>Writes settings that were read as an infotext, with A1111's order and quotes.</summary>
    /// <param name="parameters">Prompts and settings.</param>
    /// <returns>
    /// The text. <see cref="InfotextParser.Parse"/> returns the same parts if there are at least three settings, a size
    /// counting as one (with fewer, A1111 reads their line as a prompt), and if the format supports them: lines of prompts
    /// without surrounding white space, and names of at least two letters.
    /// </returns>
    public static string Format(GenerationParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);

        OrderedDictionary<string, string> settings = JoinSizes(parameters.Settings);
        IEnumerable<string> names = s_leadingKeys.Where(settings.ContainsKey)
            .Concat(settings.Keys.Where(name => !s_leadingKeys.Contains(name) && !s_closingKeys.Contains(name)))
            .Concat(s_closingKeys.Where(settings.ContainsKey));
        string line = string.Join(", ", names.Select(name => $"{name}: {QuoteIfNeeded(settings[name])}"));
        return Assemble(parameters.Prompt, parameters.NegativePrompt, line);
    }

    /// <summary>Writes the text.</summary>
    /// <param name="info">The settings of the image; unknown ones are omitted.</param>
    /// <returns>The text; empty if nothing is known.</returns>
    public static string Format(GenerationInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);

        (string? sampler, string? scheduleType) = SplitScheduler(info.Scheduler);
        List<(string Key, string Value)> settings = [];
        foreach (Setting row in SettingTable.Rows.Where(static row => row.Key is not null))
            Add(row.Key!, row.Format(info));
        Add("Sampler", sampler);
        Add("Schedule type", scheduleType);
        Add("Size", Size(info.Width, info.Height));
        Add("Seed resize from", Size(info.SeedResizeWidth, info.SeedResizeHeight));
        Add("Denoising strength", Text(info.Strength ?? info.Hires?.HiresStrength));
        if (info.Hires is HiresSettings hires)
        {
            // A side that is not given is 0.
            Add("Hires resize", hires is { HiresScale: null } and not { HiresWidth: null, HiresHeight: null } ? Size(hires.HiresWidth ?? 0, hires.HiresHeight ?? 0) : null);
            (string? hiresSampler, string? hiresScheduleType) = SplitScheduler(hires.HiresScheduler);
            Add("Hires sampler", hiresSampler);
            Add("Hires schedule type", hiresScheduleType);
            Add(HiresSchedulerKey, hires.HiresScheduler?.StartsWith(ToolPrefix, StringComparison.Ordinal) == true ? hires.HiresScheduler : null);
        }

        if (info.Detail is DetailSettings detail)
        {
            (string? detailSampler, string? detailSchedule) = SplitScheduler(detail.DetailScheduler);
            foreach ((string key, string? value) in DetailTexts.Of(detail, detailSampler, detailSchedule))
                Add(key, value);
            Add(DetailTexts.SchedulerKey, detail.DetailScheduler?.StartsWith(ToolPrefix, StringComparison.Ordinal) == true ? detail.DetailScheduler : null);
        }

        // By default, A1111 draws the noise of a seed on the GPU, or computes the same values on the CPU ("NV").
        Add("RNG", info.Seed is null ? null : info.RandomSource == "Cuda" ? "NV" : "CPU");
        Add(TilingKey, info.Tiling is null or nameof(Tiling.None) ? null : "True");
        Add(TilingAxisKey, info.Tiling is nameof(Tiling.X) or nameof(Tiling.Y) ? info.Tiling : null);
        Add(SigmaMinKey, Text(info.GuidanceSigmaMin));
        Add(AllStepsKey, info.GuidanceSigmaMin is null ? null : "True");
        Add("Emphasis", info.Emphasis);
        Add(ResizeModeKey, info.ResizeMode);
        foreach ((string key, string value) in InpaintTexts.Of(info).Concat(TileTexts.Of(info)))
            Add(key, value);
        for (int i = 0; i < info.ControlNets?.Count; i++)
            Add($"ControlNet {i}", Describe(info.ControlNets[i]));
        Add(SchedulerKey, info.Scheduler?.StartsWith(ToolPrefix, StringComparison.Ordinal) == true && info.Seed is not null ? info.Scheduler : null);
        AddPostprocessing(info.Stages, Add);
        Add(StagesKey, info.Stages is StageList stages && info.Detail is null && !IsSaidBySettings(stages, info.Hires) ? stages.ToString() : null);
        Add("Lora hashes", info.LoraHashes);
        Add("TI hashes", info.TextualInversionHashes);

        // Not without a seed: readers treat a text with fewer than three settings as a prompt.
        Add("Version", info.Seed is null ? null : ProductVersion.Text);
        return Assemble(LoraTags.AddTo(info), info.NegativePrompt, string.Join(", ", settings.OrderBy(static setting => Rank(setting.Key)).Select(static setting => $"{setting.Key}: {Quote(setting.Value)}")));

        void Add(string key, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                settings.Add((key, value));
        }
    }

    // As the tab "Extras" of A1111 writes it.
    private static void AddPostprocessing(StageList? stages, Action<string, string?> add)
    {
        if (stages is not [.., { Operation: StageOperation.Upscale } stage])
            return;

        add("Postprocess upscale by", Text(stage.Number<double>("Scale")));
        add("Postprocess upscale to", Size(stage.Number<int>("Width"), stage.Number<int>("Height")));
        add("Postprocess upscaler", stage.Text("Upscaler") is string upscaler ? NameOf(upscaler) : null);

        // A name may have dots in it, too.
        static string NameOf(string upscaler) => TensorFile.HasKnownEnding(upscaler) || Path.GetExtension(upscaler).Equals(".onnx", StringComparison.OrdinalIgnoreCase)
            ? Path.GetFileNameWithoutExtension(upscaler)
            : Path.GetFileName(upscaler);
    }

    // How the image to start from was made is not among the settings.
    private static bool IsSaidBySettings(StageList stages, HiresSettings? hires) =>
        hires is null ? OneImage.Match(stages) is { Start: [] or [{ Operation: StageOperation.ReadImage }] } : stages is [{ Operation: StageOperation.Denoise }, ..];

    // Settings that A1111 does not write come last, in the order in which they are added.
    private static int Rank(string key) => Array.IndexOf(s_order, key) is >= 0 and int index ? index : s_order.Length;

    /// <summary>Quotes a value, as in JSON, if it contains a separator of the line of settings.</summary>
    /// <returns>The value as written.</returns>
    internal static string Quote(string value)
    {
        return value.AsSpan().IndexOfAny(',', '\n', ':') < 0 ? value : QuoteAlways(value);
    }

    private static string QuoteAlways(string value)
    {
        StringBuilder quoted = new("\"");
        foreach (char character in value)
        {
            _ = character switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\b' => quoted.Append("\\b"),
                '\f' => quoted.Append("\\f"),
                < ' ' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
                _ => quoted.Append(character),
            };
        }

        return quoted.Append('"').ToString();
    }

    private static string Assemble(string? prompt, string? negativePrompt, string settings)
    {
        StringBuilder text = new(prompt);
        if (!string.IsNullOrEmpty(negativePrompt))
            text.Append("\nNegative prompt: ").Append(negativePrompt);
        return PythonText.Strip(text.Append('\n').Append(settings).ToString()).ToString();
    }

    // A1111 does not quote a value that is empty, begins with a quote, or has surrounding white space, and then reads it back differently.
    private static string QuoteIfNeeded(string value)
    {
        bool isReadBack = value.Length > 0 && value[0] != '"' && PythonText.Strip(value).Length == value.Length;
        return isReadBack ? Quote(value) : QuoteAlways(value);
    }

    // "Size-1" and "Size-2" are one setting in the text, in the position of the first.
    private static OrderedDictionary<string, string> JoinSizes(IReadOnlyDictionary<string, string> settings)
    {
        OrderedDictionary<string, string> joined = new(StringComparer.Ordinal);
        foreach ((string name, string value) in settings)
        {
            bool isSide = name.EndsWith("-1", StringComparison.Ordinal) || name.EndsWith("-2", StringComparison.Ordinal);
            string whole = isSide ? name[..^2] : name;
            if (isSide && InfotextParser.StartsWithName(whole, out int length) && length == whole.Length && !settings.ContainsKey(whole)
                && IsNumber(settings.GetValueOrDefault(whole + "-1")) && IsNumber(settings.GetValueOrDefault(whole + "-2")))
            {
                joined[whole] = $"{settings[whole + "-1"]}x{settings[whole + "-2"]}";
            }
            else
            {
                joined[name] = value;
            }
        }

        return joined;
    }

    private static bool IsNumber(string? text) => !string.IsNullOrEmpty(text) && PythonText.DigitsLength(text) == text.Length;

    private static (string? Sampler, string? ScheduleType) SplitScheduler(string? scheduler)
    {
        if (scheduler?.StartsWith(ToolPrefix, StringComparison.Ordinal) == true)
            scheduler = scheduler[ToolPrefix.Length..];

        foreach (string type in s_scheduleTypes)
        {
            if (scheduler is not null && scheduler.Length > type.Length + 1
                && scheduler.EndsWith(type, StringComparison.OrdinalIgnoreCase) && scheduler[^(type.Length + 1)] == ' ')
            {
                return (scheduler[..^(type.Length + 1)].TrimEnd(), type);
            }
        }

        return (scheduler, null);
    }

    // The format of A1111's extension sd-webui-controlnet, with its names for the preprocessors.
    private static string Describe(ControlNetInfo net)
    {
        string module = net.Preprocessor switch
        {
            nameof(ControlPreprocessor.Invert) => "invert (from white bg & black line)",
            nameof(ControlPreprocessor.Tile) => "tile_resample",
            string other => other.ToLowerInvariant(),
        };
        string hash = net.Hash is null ? string.Empty : $" [{net.Hash}]";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Module: {module}, Model: {Path.GetFileName(net.Name)}{hash}, Weight: {net.Scale}, Guidance Start: {net.Start}, Guidance End: {net.End}");
    }

    private static string? Size(int? width, int? height) =>
        width is null || height is null ? null : string.Create(CultureInfo.InvariantCulture, $"{width}x{height}");

    private static string? Text<T>(T? value)
        where T : struct, IFormattable => value?.ToString(null, CultureInfo.InvariantCulture);
}
