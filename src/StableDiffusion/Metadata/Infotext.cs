using System.Globalization;
using System.Text;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>
/// What made a picture, as the text that A1111 writes into its files and that other tools read: the prompt, the
/// negative prompt, and a line of settings. Source: A1111 1.10, <c>create_infotext</c>.
/// </summary>
internal static class Infotext
{
    /// <summary>What says which sampler is meant where A1111's and diffusers' have one name.</summary>
    internal const string SchedulerKey = "Scheduler";

    /// <summary>How a given image was brought to the size; A1111 does not write it.</summary>
    internal const string ResizeModeKey = "Resize mode";

    // Names that diffusers has too have the tool's in front in the catalog; that tool does not write it.
    private const string ToolPrefix = "A1111 ";

    // A1111 writes these apart from the sampler's name, under the names that it has for them.
    private static readonly string[] s_scheduleTypes =
    [
        "Karras", "Polyexponential", "Exponential", "SGM Uniform", "Uniform", "KL Optimal", "Align Your Steps", "Simple", "Normal", "Beta", "Turbo",
    ];

    // In the order of A1111; what extensions add stands between these and the closing ones, in its own order.
    private static readonly string[] s_leadingKeys =
    [
        "Steps", "Sampler", "Schedule type", "CFG scale", "Image CFG scale", "Seed", "Face restoration", "Size", "Model hash", "Model",
        "FP8 weight", "Cache FP16 weight for LoRA", "VAE hash", "VAE", "Variation seed", "Variation seed strength", "Seed resize from",
        "Denoising strength", "Conditional mask weight", "Clip skip", "ENSD", "Token merging ratio", "Token merging ratio hr",
        "Init image hash", "RNG", "Tiling",
    ];

    private static readonly string[] s_order = [.. s_leadingKeys, "Batch size", "Batch pos", "Emphasis"];

    private static readonly string[] s_closingKeys = ["Version", "User"];

    /// <summary>Writes the text of settings that were read, in A1111's order and quotes.</summary>
    /// <param name="parameters">Prompts and settings.</param>
    /// <returns>
    /// The text. <see cref="InfotextParser.Parse"/> makes the same parts of it if there are at least three settings, a size
    /// being one (with fewer, A1111 takes their line for a prompt), and if the text can hold them: lines of prompts
    /// without white space around them, and names of at least two letters.
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
    /// <param name="info">What made the picture; what is not known is left out.</param>
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
        Add("Denoising strength", Text(info.Strength));

        // A1111 takes the noise of a seed from the graphics card unless told, or computes the same values itself ("NV").
        Add("RNG", info.Seed is null ? null : info.RandomSource == "Cuda" ? "NV" : "CPU");
        Add("Emphasis", info.Emphasis);
        Add(ResizeModeKey, info.ResizeMode);
        for (int i = 0; i < info.ControlNets?.Count; i++)
            Add($"ControlNet {i}", Describe(info.ControlNets[i]));
        Add(SchedulerKey, info.Scheduler?.StartsWith(ToolPrefix, StringComparison.Ordinal) == true && info.Seed is not null ? info.Scheduler : null);
        Add("Lora hashes", info.LoraHashes);
        Add("TI hashes", info.TextualInversionHashes);

        // Not without a seed: of a text with fewer than three settings, readers would take all for the prompt.
        Add("Version", info.Seed is null ? null : ProductVersion.Text);
        return Assemble(LoraTags.AddTo(info), info.NegativePrompt, string.Join(", ", settings.OrderBy(static setting => Rank(setting.Key)).Select(static setting => $"{setting.Key}: {Quote(setting.Value)}")));

        void Add(string key, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                settings.Add((key, value));
        }
    }

    // What A1111 does not write stands behind what it does, in the order in which it is added.
    private static int Rank(string key) => Array.IndexOf(s_order, key) is >= 0 and int index ? index : s_order.Length;

    /// <summary>Puts a value in quotes, as JSON does it, if it holds what the line of settings is divided by.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The value as it is written.</returns>
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

    // A1111 leaves a value bare that is empty, begins with a quote, or has white space around it, and reads another one then.
    private static string QuoteIfNeeded(string value)
    {
        bool isReadBack = value.Length > 0 && value[0] != '"' && PythonText.Strip(value).Length == value.Length;
        return isReadBack ? Quote(value) : QuoteAlways(value);
    }

    // "Size-1" and "Size-2" are one setting in the text, in the first one's place.
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

    // The text of A1111's extension sd-webui-controlnet, with its names for the preprocessors.
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
