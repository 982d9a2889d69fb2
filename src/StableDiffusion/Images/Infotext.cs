using System.Globalization;
using System.Text;

namespace StableDiffusion.Images;

/// <summary>
/// What made a picture, as the text that A1111 writes into its files and that other tools read: the prompt, the
/// negative prompt, and a line of settings. Source: A1111 1.10, <c>create_infotext</c>.
/// </summary>
public static class Infotext
{
    // A1111 writes these apart from the sampler's name, under the names that it has for them.
    private static readonly string[] s_scheduleTypes =
    [
        "Karras", "Polyexponential", "Exponential", "SGM Uniform", "Uniform", "KL Optimal", "Align Your Steps", "Simple", "Normal", "Beta", "Turbo",
    ];

    /// <summary>Writes the text.</summary>
    /// <param name="info">What made the picture; what is not known is left out.</param>
    /// <returns>The text; empty if nothing is known.</returns>
    public static string Format(GenerationInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);

        (string? sampler, string? scheduleType) = SplitScheduler(info.Scheduler);
        StringBuilder settings = new();
        Add("Steps", Text(info.Steps));
        Add("Sampler", sampler);
        Add("Schedule type", scheduleType);
        Add("CFG scale", Text(info.GuidanceScale));
        Add("Seed", Text(info.Seed));
        Add("Size", info is { Width: int width, Height: int height } ? string.Create(CultureInfo.InvariantCulture, $"{width}x{height}") : null);
        Add("Model hash", info.ModelHash);
        Add("Model", info.Model);
        Add("Denoising strength", Text(info.Strength));

        // A1111 takes the noise of a seed from the graphics card unless told; the engine's is that of torch's CPU generator.
        Add("RNG", info.Seed is null ? null : "CPU");
        Add("CFG rescale", info.GuidanceRescale is 0.0 ? null : Text(info.GuidanceRescale));

        StringBuilder text = new(info.Prompt);
        if (!string.IsNullOrEmpty(info.NegativePrompt))
            text.Append("\nNegative prompt: ").Append(info.NegativePrompt);
        return text.Append('\n').Append(settings).ToString().Trim();

        void Add(string key, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                settings.Append(settings.Length == 0 ? "" : ", ").Append(key).Append(": ").Append(Quote(value));
        }
    }

    /// <summary>Puts a value in quotes, as JSON does it, if it holds what the line of settings is divided by.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The value as it is written.</returns>
    internal static string Quote(string value)
    {
        if (value.AsSpan().IndexOfAny(',', '\n', ':') < 0)
            return value;

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

    private static (string? Sampler, string? ScheduleType) SplitScheduler(string? scheduler)
    {
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

    private static string? Text<T>(T? value)
        where T : struct, IFormattable => value?.ToString(null, CultureInfo.InvariantCulture);
}
