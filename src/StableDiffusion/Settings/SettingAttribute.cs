namespace StableDiffusion.Settings;

/// <summary>Describes the setting that a property declares, apart from its name and type.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SettingAttribute : Attribute
{
    /// <summary>The key in A1111's infotext; null if it is not written there, or not as a plain value.</summary>
    public string? Key { get; init; }

    /// <summary>Whether the key is this library's own, which can have another meaning in the files of other tools.</summary>
    public bool IsOwnKey { get; init; }

    /// <summary>The lowest value; NaN for none.</summary>
    public double Minimum { get; init; } = double.NaN;

    /// <summary>Whether the lowest value itself is out of range.</summary>
    public bool ExcludesMinimum { get; init; }

    /// <summary>The highest value; NaN for none.</summary>
    public double Maximum { get; init; } = double.NaN;

    /// <summary>The value without an effect, which a record omits; null if every value is recorded.</summary>
    public object? Default { get; init; }

    /// <summary>The setting whose value is the default.</summary>
    public string? DefaultOf { get; init; }

    /// <summary>The numbers that other tools write if the setting is not used.</summary>
    public long[] Absent { get; init; } = [];

    /// <summary>Whether it is a seed, for which -1 means a random one, as in other tools.</summary>
    public bool IsSeed { get; init; }

    /// <summary>The families that support it, in words; null for all.</summary>
    public string? Families { get; init; }

    /// <summary>Whether it determines the start of a denoising, so that a stopped denoising keeps it.</summary>
    public bool IsOfStart { get; init; }
}
