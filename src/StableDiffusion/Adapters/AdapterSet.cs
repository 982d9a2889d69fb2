namespace StableDiffusion.Adapters;

/// <summary>
/// The LoRAs that a model is opened with. Their order does not matter: each one's change follows from the model's own
/// weights. Two sets are equal if their files are the same, unchanged ones, and their strengths are.
/// </summary>
public sealed class AdapterSet : IEquatable<AdapterSet>
{
    private readonly Entry[] _entries;
    private readonly Lazy<string> _hashes;

    private AdapterSet(Entry[] entries)
    {
        _entries = entries;
        Loras = [.. entries.Select(entry => entry.Lora)];
        _hashes = new Lazy<string>(() => string.Join(", ", Loras.Select(lora => $"{lora.Name}: {AdapterFiles.HashWithoutHeader(lora.Path)}")));
    }

    /// <summary>The set of none.</summary>
    public static AdapterSet Empty { get; } = new([]);

    /// <summary>The LoRAs by their paths, each once.</summary>
    public IReadOnlyList<Lora> Loras { get; }

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _entries.Length == 0;

    /// <summary>The LoRAs as a list in JSON, each as <see cref="Lora.Parse"/> reads it; null for none.</summary>
    internal string? Text => TextList.Write([.. Loras.Select(lora => lora.ToString())]);

    /// <summary>The LoRAs' names with the hashes that A1111 has for them; null for none. The files are read the first time.</summary>
    internal string? Hashes => IsEmpty ? null : _hashes.Value;

    /// <summary>Makes a set. A file that is named twice gets the sum of its strengths.</summary>
    /// <param name="loras">The LoRAs.</param>
    /// <returns>The set.</returns>
    /// <exception cref="AdapterNotFoundException">A file is not there.</exception>
    public static AdapterSet Create(IEnumerable<Lora> loras)
    {
        ArgumentNullException.ThrowIfNull(loras);
        Entry[] entries = [.. loras
            .GroupBy(lora => Path.GetFullPath(lora.Path), StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => Describe(new Lora(
                group.Key,
                Lora.Check(group.Sum(lora => lora.Strength)),
                Lora.Check(group.Sum(lora => lora.TextEncoderStrength ?? lora.Strength)))))];
        return entries.Length == 0 ? Empty : new AdapterSet(entries);
    }

    /// <inheritdoc/>
    public bool Equals(AdapterSet? other) => other is not null && _entries.AsSpan().SequenceEqual(other._entries);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AdapterSet);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (Entry entry in _entries)
            hash.Add(entry);
        return hash.ToHashCode();
    }

    /// <summary>The LoRAs.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Join(", ", Loras);

    private static Entry Describe(Lora lora)
    {
        FileInfo file = new(lora.Path);
        return file.Exists
            ? new Entry(lora, file.Length, file.LastWriteTimeUtc)
            : throw new AdapterNotFoundException($"There is no LoRA '{lora.Path}'.");
    }

    private sealed record Entry(Lora Lora, long Length, DateTime Written);
}
