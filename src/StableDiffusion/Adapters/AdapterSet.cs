namespace StableDiffusion.Adapters;

/// <summary>
/// The LoRAs that a model is opened with. Their order does not matter, since each change is computed from the model's original
/// weights. Two sets are equal if they have the same unchanged files with the same strengths.
/// </summary>
public sealed class AdapterSet : IEquatable<AdapterSet>
{
    private readonly Entry[] _entries;
    private readonly Lazy<string> _hashes;

    private AdapterSet(Entry[] entries)
    {
        _entries = entries;
        Loras = [.. entries.Select(entry => entry.Lora)];
        _hashes = new Lazy<string>(() => string.Join(", ", Loras.DistinctBy(lora => lora.Path).Select(lora => $"{lora.Name}: {AdapterFiles.HashWithoutHeader(lora.Path)}")));
    }

    /// <summary>The empty set.</summary>
    public static AdapterSet Empty { get; } = new([]);

    /// <summary>The LoRAs by path, each only once with the same block weights.</summary>
    public IReadOnlyList<Lora> Loras { get; }

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => _entries.Length == 0;

    /// <summary>The LoRAs as a JSON list, in the form that <see cref="Lora.Parse"/> reads; null if there are none.</summary>
    internal string? Text => TextList.Write([.. Loras.Select(lora => lora.ToString())]);

    /// <summary>The names of the LoRAs with A1111's hashes; null if there are none. The files are read on first use.</summary>
    internal string? Hashes => IsEmpty ? null : _hashes.Value;

    /// <summary>Creates a set. The strengths of a file that is named twice with the same block weights are added.</summary>
    /// <param name="loras">The LoRAs.</param>
    /// <returns>The set.</returns>
    /// <exception cref="AdapterNotFoundException">A file was not found.</exception>
    public static AdapterSet Create(IEnumerable<Lora> loras)
    {
        ArgumentNullException.ThrowIfNull(loras);
        Entry[] entries = [.. loras
            .GroupBy(lora => (Path: Path.GetFullPath(lora.Path), lora.BlockWeights))
            .OrderBy(group => group.Key.Path, StringComparer.Ordinal)
            .ThenBy(group => group.Key.BlockWeights?.ToString(), StringComparer.Ordinal)
            .Select(group => Describe(new Lora(
                group.Key.Path,
                Lora.Check(group.Sum(lora => lora.Strength)),
                Lora.Check(group.Sum(lora => lora.TextEncoderStrength ?? lora.Strength))) { HasName = group.Any(lora => lora.HasName), BlockWeights = group.Key.BlockWeights }))];
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

    /// <summary>The LoRAs as text.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => string.Join(", ", Loras);

    private static Entry Describe(Lora lora)
    {
        FileInfo file = new(lora.Path);
        return file.Exists
            ? new Entry(lora, file.Length, file.LastWriteTimeUtc, AdapterFiles.ConfigBeside(file) is { Exists: true } config ? config.LastWriteTimeUtc : null)
            : throw new AdapterNotFoundException($"There is no LoRA '{lora.Path}'.");
    }

    private sealed record Entry(Lora Lora, long Length, DateTime Written, DateTime? ConfigWritten);
}
