using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;

namespace StableDiffusion.Batches;

/// <summary>
/// A hash of all settings of a row that change its image: the same for the same settings, in whatever order, language and spelling
/// they are given. It is the SHA-256 of a JSON object with the settings in the order of their names, without those at their defaults.
/// </summary>
internal sealed class RequestHash
{
    private static readonly HashSet<string> s_schedulers = new(StringComparer.Ordinal) { nameof(GenerationSettings.Scheduler), nameof(HiresSettings.HiresScheduler), "DetailScheduler" };

    // Settings that are one of a few words, whose case makes no difference.
    private static readonly HashSet<string> s_words = new(StringComparer.Ordinal)
    {
        nameof(GenerationSettings.PromptSyntax), nameof(GenerationSettings.Emphasis), nameof(GenerationSettings.RandomSource), nameof(GenerationSettings.ResizeMode), nameof(GenerationSettings.VaeTiling),
        nameof(GenerationSettings.InpaintMode), nameof(GenerationSettings.MaskFill), nameof(GenerationSettings.StrengthRule), nameof(GenerationSettings.Tiling), nameof(GenerationSettings.DiffusionTiling),
        nameof(GenerationSettings.RefinerMode), nameof(HiresSettings.HiresUpscaler),
    };

    private readonly SortedDictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>Takes the settings of a row.</summary>
    /// <param name="settings">The settings. Of the paths of models and adapters, the names count.</param>
    public RequestHash(GenerationInfo settings)
    {
        settings = RecordedNames.Only(settings);
        foreach (Setting row in SettingTable.Rows)
        {
            if (row.Get(settings) is object value && !row.IsDefault(settings, value) && Text(row.Name, value) is string text && !Equals(text, Text(row.Name, row.DefaultIn(settings))))
                _values[row.Name] = text;
        }
    }

    /// <summary>Adds something else that the image depends on.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null or empty for none.</param>
    public void Add(string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            _values[name] = value;
    }

    /// <summary>The hash in 64 hexadecimal digits.</summary>
    public string Digits => Convert.ToHexStringLower(Bytes);

    /// <summary>The first 32 bits as a seed.</summary>
    public long Seed => BinaryPrimitives.ReadUInt32BigEndian(Bytes);

    /// <summary>One of several parts that rows are dealt to evenly by their hashes.</summary>
    /// <param name="count">The number of parts.</param>
    /// <returns>The index of the part, from 0. It is independent of <see cref="Seed"/>.</returns>
    public int Part(int count) => (int)(BinaryPrimitives.ReadUInt64BigEndian(Bytes.AsSpan(sizeof(ulong))) % (uint)count);

    private byte[] Bytes => SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(_values));

    private static string? Text(string setting, object? value) => value switch
    {
        string name when s_schedulers.Contains(setting) => SchedulerCatalog.Find(name).Name,
        string word when s_words.Contains(setting) => word.Trim().ToLowerInvariant(),
        string options when setting == nameof(GenerationSettings.SchedulerOptions) => string.Join('\n', (SchedulerOptionText.Read(options) ?? []).Select(static option => string.Create(CultureInfo.InvariantCulture, $"{option.Key}={option.Value}")).Order(StringComparer.Ordinal)),
        string color when setting == nameof(GenerationSettings.Background) => BackgroundColor.Parse(color).ToString(),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
