using System.Text.Json;
using StableDiffusion.Storage;

namespace StableDiffusion.Networks.Configs;

/// <summary>
/// A <c>config.json</c> of diffusers or transformers. A key that is absent or null has the default of the class that the file
/// describes. Every error names the file and the key.
/// </summary>
internal sealed class ConfigFile
{
    /// <summary>The key of how weights are quantized, which no network here can be.</summary>
    public const string Quantization = "quantization_config";

    /// <summary>The largest count that any known model comes near to; larger ones are damage, and would only take memory.</summary>
    private const int MostCount = 1 << 20;

    /// <summary>The largest number of items in a list, such as the blocks of a network.</summary>
    private const int MostItems = 16;

    private readonly string _path;
    private readonly JsonElement _root;

    private ConfigFile(string path, JsonElement root)
    {
        _path = path;
        _root = root;
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is too large, or not a JSON object in UTF-8.</exception>
    public static ConfigFile Read(string path) => Parse(ReadBytes(path), path);

    /// <summary>Reads the bytes of a file.</summary>
    /// <inheritdoc cref="ModelJson.ReadBytes"/>
    public static byte[] ReadBytes(string path) => ModelJson.ReadBytes(path, ModelJson.MaxLength);

    /// <summary>Parses a configuration that may not have a file of its own.</summary>
    /// <param name="json">The JSON.</param>
    /// <param name="path">Its source, for messages.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="ModelInvalidException">It is not a JSON object in UTF-8.</exception>
    public static ConfigFile Parse(ReadOnlyMemory<byte> json, string path) => new(path, ModelJson.ParseObject(json, $"'{path}'"));

    /// <summary>An integer, from one to the given limit.</summary>
    public int Count(string key, int absent, int most = MostCount) => Find(key) is { } value ? ToCount(key, value, most) : absent;

    /// <summary>An integer, zero or more.</summary>
    public int Integer(string key, int absent) => Find(key) is not { } value
        ? absent
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 0
            ? number
            : throw Invalid(key, value, "a whole number that is not negative");

    /// <summary>An integer, one or more, or null.</summary>
    public int? OptionalCount(string key) => Find(key) is { } value ? ToCount(key, value, MostCount) : null;

    /// <summary>A finite number.</summary>
    public float Number(string key, float absent) => OptionalNumber(key) ?? absent;

    /// <summary>A finite number, or null.</summary>
    public float? OptionalNumber(string key) => Find(key) is not { } value
        ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && float.IsFinite(number)
            ? number
            : throw Invalid(key, value, "a number");

    /// <summary>A number above zero.</summary>
    public float Positive(string key, float absent)
    {
        float number = Number(key, absent);
        return number > 0 ? number : throw Invalid(key, Find(key)!.Value, "a number above zero");
    }

    /// <summary>The epsilon of a normalization: a number above zero and below one.</summary>
    public float Epsilon(string key, float absent)
    {
        float number = Number(key, absent);
        return number is > 0 and < 1 ? number : throw Invalid(key, Find(key)!.Value, "a number above zero and below one");
    }

    /// <summary>True or false.</summary>
    public bool Flag(string key, bool absent) => OptionalFlag(key) ?? absent;

    /// <summary>True or false, or null.</summary>
    public bool? OptionalFlag(string key) => Find(key) is not { } value
        ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Invalid(key, value, "true or false");

    /// <summary>A string.</summary>
    public string Text(string key, string absent) => Find(key) is { } value ? ToText(key, value) : absent;

    /// <summary>A string that the file must have.</summary>
    public string RequiredText(string key) => Find(key) is { } value
        ? ToText(key, value)
        : throw new ModelInvalidException($"'{_path}' has no '{key}', which every such file has. It is damaged, or something else; get the model again.");

    /// <summary>A string, or null if the file has null; <paramref name="absent"/> if the key is absent.</summary>
    public string? NullableText(string key, string absent) => !_root.TryGetProperty(key, out JsonElement value)
        ? absent
        : value.ValueKind == JsonValueKind.Null ? null : ToText(key, value);

    /// <summary>A list of strings.</summary>
    public IReadOnlyList<string> Texts(string key, params string[] absent)
    {
        if (Find(key) is not { } value)
            return absent;
        if (!IsList(value))
            throw Invalid(key, value, $"a list of 1 to {MostItems} names");

        List<string> texts = [];
        foreach (JsonElement item in value.EnumerateArray())
            texts.Add(ToText(key, item));
        return texts;
    }

    /// <summary>A list of integers, one or more each.</summary>
    public IReadOnlyList<int> Counts(string key, params int[] absent) => Find(key) is { } value ? ToCounts(key, value, MostCount) : absent;

    /// <summary>An integer for each block of the network; the file may give one for all blocks.</summary>
    public IReadOnlyList<int> CountPerBlock(string key, int blocks, int absent, int most = MostCount)
    {
        if (Find(key) is not { ValueKind: JsonValueKind.Array } list)
        {
            int[] same = new int[blocks];
            Array.Fill(same, Count(key, absent, most));
            return same;
        }

        IReadOnlyList<int> counts = ToCounts(key, list, most);
        return counts.Count == blocks
            ? counts
            : throw Invalid(key, list, $"one number, or one for each of {blocks} blocks");
    }

    /// <summary>Refuses a configuration that needs something unsupported: the key must be absent, null or false.</summary>
    public void RefuseIfSet(string key)
    {
        bool set = Find(key) is { } value && value.ValueKind switch
        {
            JsonValueKind.False => false,
            JsonValueKind.Array => value.EnumerateArray().Any(static item => item.ValueKind != JsonValueKind.False),
            _ => true,
        };
        if (set)
            throw Unsupported(key);
    }

    /// <summary>Refuses a configuration that needs something unsupported: the key must be absent, null or one of the strings.</summary>
    public void RequireText(string key, params ReadOnlySpan<string> supported)
    {
        if (Find(key) is { } value && !(value.ValueKind == JsonValueKind.String && supported.Contains(value.GetString()!)))
            throw Unsupported(key);
    }

    /// <summary>Refuses a configuration that needs something unsupported: the key must be absent, null or the number.</summary>
    public void RequireNumber(string key, float supported)
    {
        if (Find(key) is not null && Number(key, supported) != supported)
            throw Unsupported(key);
    }

    /// <summary>Returns an error that names the file, a key and the fault of its value.</summary>
    public ModelInvalidException Invalid(string key, string fault) =>
        new($"'{key}' in '{_path}' is {Describe(key)}: {fault}.");

    /// <summary>Returns an error that says that the value of a key is not supported.</summary>
    public ModelInvalidException Unsupported(string key) =>
        new($"'{key}' in '{_path}' is {Describe(key)}, which this version does not support. Use a model of another kind.");

    private string Describe(string key) => Find(key) is { } value ? ModelJson.Describe(value) : "not given";

    private ModelInvalidException Invalid(string key, JsonElement value, string expected) =>
        new($"'{key}' in '{_path}' is {ModelJson.Describe(value)}, but must be {expected}.");

    private static bool IsList(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is > 0 and <= MostItems;

    private JsonElement? Find(string key) =>
        _root.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private int ToCount(string key, JsonElement value, int most) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number > 0 && number <= most
            ? number
            : throw Invalid(key, value, $"a whole number from 1 to {most}");

    private IReadOnlyList<int> ToCounts(string key, JsonElement value, int most)
    {
        if (!IsList(value))
            throw Invalid(key, value, $"a list of 1 to {MostItems} whole numbers");

        List<int> counts = [];
        foreach (JsonElement item in value.EnumerateArray())
            counts.Add(ToCount(key, item, most));
        return counts;
    }

    private string ToText(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Invalid(key, value, "a text");
}
