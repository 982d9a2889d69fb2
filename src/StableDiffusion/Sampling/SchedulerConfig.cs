using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Sampling;

/// <summary>
/// A model's scheduler configuration (<c>scheduler/scheduler_config.json</c> in diffusers' layout). Only the keys in the file are
/// kept. As in diffusers' <c>from_config</c>, absent keys take the default of whichever scheduler is created; only the betas
/// fall back to those of Stable Diffusion.
/// </summary>
internal sealed class SchedulerConfig
{
    private const string ClassNameKey = "_class_name";

    private static readonly string[] s_nonFinite = ["-Infinity", "Infinity", "NaN"];

    private static readonly JsonDocumentOptions s_lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>A configuration without any key.</summary>
    public static SchedulerConfig Empty { get; } = new("without keys", className: null, []);

    private readonly Dictionary<string, object> _values;

    private SchedulerConfig(string source, string? className, Dictionary<string, object> values)
    {
        Source = source;
        ClassName = className;
        _values = values;
    }

    /// <summary>The diffusers class that the model was published with, such as <c>PNDMScheduler</c>; null if the file has none.</summary>
    public string? ClassName { get; }

    /// <summary>Its source, for messages.</summary>
    public string Source { get; }

    /// <summary>The names of the known options that the file sets.</summary>
    public IReadOnlyCollection<string> Keys => _values.Keys;

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">The path of a scheduler_config.json.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is not JSON, or a key has a value that no scheduler accepts.</exception>
    public static SchedulerConfig Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Parse(ModelJson.ReadBytes(path, ModelJson.MaxLength), $"'{path}'");
    }

    /// <summary>Reads the text of a scheduler_config.json.</summary>
    /// <param name="json">The text.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">The text is not JSON, or a key has a value that no scheduler accepts.</exception>
    public static SchedulerConfig Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Parse(Encoding.UTF8.GetBytes(json), "(given as text)");
    }

    /// <summary>Looks up a key that the file sets.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="value">A Boolean, a number, a string, or a list of numbers.</param>
    /// <returns>Whether the file sets it.</returns>
    internal bool TryGetValue(string name, [NotNullWhen(true)] out object? value) => _values.TryGetValue(name, out value);

    /// <summary>Reads the bytes of a scheduler_config.json.</summary>
    /// <param name="json">The JSON in UTF-8.</param>
    /// <param name="source">Its source, for messages.</param>
    /// <exception cref="ModelInvalidException">It is not JSON in UTF-8, or a key has a value that no scheduler accepts.</exception>
    internal static SchedulerConfig Parse(byte[] json, string source)
    {
        JsonElement root = ModelJson.ParseObject(QuoteNonFinite(json), $"The scheduler config {source}", s_lenient);
        string? className = null;
        Dictionary<string, object> values = new(StringComparer.Ordinal);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Null)
            {
                if (SchedulerCatalog.ConfigOptions.TryGetValue(property.Name, out SchedulerOption? unset) && !IsNullable(unset))
                    throw Wrong(source, property, unset.Describe());
                continue;
            }

            if (property.Name == ClassNameKey)
                className = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() : throw Wrong(source, property, "the name of a scheduler class");
            else if (SchedulerCatalog.ConfigOptions.TryGetValue(property.Name, out SchedulerOption? option))
                values[property.Name] = ToValue(property.Value, option.Kind) is object value && option.TryParse(value, out object parsed) ? parsed : throw Wrong(source, property, option.Describe());
        }

        return new SchedulerConfig(source, className, values);
    }

    // As in diffusers, null turns a toggle off and leaves what has no default unset. As a number or a word, it would only fail later.
    // Infinity is null where another program than Python wrote the file.
    private static bool IsNullable(SchedulerOption option) =>
        option.Kind == SchedulerOptionKind.Boolean || option.Default is null or double.NegativeInfinity;

    private static object? ToValue(JsonElement element, SchedulerOptionKind kind) => (kind, element.ValueKind) switch
    {
        (SchedulerOptionKind.Boolean, JsonValueKind.True) => true,
        (SchedulerOptionKind.Boolean, JsonValueKind.False) => false,
        (SchedulerOptionKind.Integer or SchedulerOptionKind.Number, JsonValueKind.Number) => element.GetDouble(),
        (SchedulerOptionKind.Number, JsonValueKind.String) when s_nonFinite.Contains(element.GetString()) => element.GetString(),
        (SchedulerOptionKind.Choice, JsonValueKind.String) => element.GetString(),
        (SchedulerOptionKind.NumberList, JsonValueKind.Array) => element.EnumerateArray().Select(item => ToValue(item, SchedulerOptionKind.Number)).ToArray(),
        _ => null,
    };

    private static ModelInvalidException Wrong(string source, JsonProperty property, string expected) =>
        new($"The scheduler config {source} has {property.Name} {ModelJson.Describe(property.Value)}; expected {expected}.");

    /// <summary>
    /// Puts quotes around infinities, which Python writes as bare words; that is not valid JSON. DPM-Solver's configurations have
    /// <c>"lambda_min_clipped": -Infinity</c>.
    /// </summary>
    private static byte[] QuoteNonFinite(byte[] json)
    {
        if (json.AsSpan().IndexOf("Infinity"u8) < 0 && json.AsSpan().IndexOf("NaN"u8) < 0)
            return json;

        using MemoryStream quoted = new(json.Length + 8);
        bool inText = false;
        for (int i = 0; i < json.Length; i++)
        {
            if (!inText && Word(json.AsSpan(i)) is byte[] word)
            {
                quoted.Write([(byte)'"', .. word, (byte)'"']);
                i += word.Length - 1;
                continue;
            }

            quoted.WriteByte(json[i]);
            if (json[i] == '\\' && inText && i + 1 < json.Length)
                quoted.WriteByte(json[++i]);
            else if (json[i] == '"')
                inText = !inText;
        }

        return quoted.ToArray();

        static byte[]? Word(ReadOnlySpan<byte> rest)
        {
            foreach (string word in s_nonFinite)
            {
                byte[] bytes = Encoding.UTF8.GetBytes(word);
                if (rest.StartsWith(bytes))
                    return bytes;
            }

            return null;
        }
    }
}
