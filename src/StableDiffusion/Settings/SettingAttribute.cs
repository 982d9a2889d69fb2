namespace StableDiffusion.Settings;

/// <summary>What is known of a setting besides its name and its type; the property that carries it is the setting's home.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SettingAttribute : Attribute
{
    /// <summary>The key in A1111's infotext; null where it is not written there, or not as a plain value.</summary>
    public string? Key { get; init; }

    /// <summary>Whether the key is this module's own, which may mean something else in the files of other tools.</summary>
    public bool IsOwnKey { get; init; }

    /// <summary>The lowest value; NaN for none.</summary>
    public double Minimum { get; init; } = double.NaN;

    /// <summary>The highest value; NaN for none.</summary>
    public double Maximum { get; init; } = double.NaN;

    /// <summary>The value that changes nothing, and is left out of a record; null where every value is recorded.</summary>
    public object? Default { get; init; }

    /// <summary>The setting whose value is the default.</summary>
    public string? DefaultOf { get; init; }

    /// <summary>The numbers that other tools write where nothing is chosen.</summary>
    public long[] Absent { get; init; } = [];

    /// <summary>The families that take it, in words; null where all do.</summary>
    public string? Families { get; init; }

    /// <summary>Whether it decides how a denoising begins, so that one that was stopped half way keeps it.</summary>
    public bool IsOfStart { get; init; }
}
