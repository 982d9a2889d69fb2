using System.Globalization;
using System.Numerics;
using StableDiffusion.Settings;

namespace StableDiffusion.Metadata;

/// <summary>Parses settings, and adds warnings for those that cannot be used.</summary>
/// <param name="settings">The settings.</param>
/// <param name="warnings">Receives warnings about values that are not numbers, or out of range.</param>
internal sealed class SettingReader(IReadOnlyDictionary<string, string> settings, ICollection<string> warnings)
{
    /// <summary>The text of a setting.</summary>
    /// <returns>The text; null if it is missing or empty.</returns>
    public string? Text(string name) => settings.TryGetValue(name, out string? text) && text.Length > 0 ? text : null;

    /// <summary>A setting that is a count.</summary>
    /// <returns>A number of 1 or more; null if it is missing or invalid.</returns>
    public int? Count(string name) => Read<int>(name, NumberStyles.Integer, number => number >= 1);

    /// <summary>A setting that is a seed.</summary>
    /// <returns>A number of 0 or more; null if it is missing or invalid.</returns>
    public long? Seed(string name) => Read<long>(name, NumberStyles.Integer, number => number >= 0);

    /// <summary>A setting that is a floating-point number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="maximum">The largest valid value.</param>
    /// <returns>A number of 0 or more; null if it is missing or invalid.</returns>
    public double? Number(string name, double maximum = double.MaxValue) =>
        Number(name, 0, maximum);

    /// <summary>A setting that is a floating-point number of a range.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="minimum">The smallest valid value.</param>
    /// <param name="maximum">The largest valid value.</param>
    /// <returns>The number; null if it is missing or invalid.</returns>
    public double? Number(string name, double minimum, double maximum) =>
        Read<double>(name, NumberStyles.Float, number => number >= minimum && number <= maximum);

    /// <summary>A setting of the table under its key.</summary>
    /// <param name="row">The setting's row.</param>
    /// <returns>Its value, of the row's type; null if it is missing, cannot be used, or is the default.</returns>
    public object? Read(Setting row)
    {
        object? value = Type.GetTypeCode(row.Type) switch
        {
            TypeCode.String => Text(row.Key!),
            TypeCode.Int32 => Read<int>(row.Key!, NumberStyles.Integer, number => number >= (row.Minimum ?? 0)),
            TypeCode.Int64 => Seed(row.Key!),
            TypeCode.Boolean => bool.TryParse(Text(row.Key!), out bool isOn) ? isOn : null,
            _ => Number(row.Key!, row.Maximum is 1 ? 1 : double.MaxValue),
        };
        return row.IsDefault(value) ? null : value;
    }

    private T? Read<T>(string name, NumberStyles style, Func<T, bool> isInRange)
        where T : struct, INumber<T>
    {
        if (Text(name) is not string text)
            return null;
        if (T.TryParse(text, style, CultureInfo.InvariantCulture, out T number) && isInRange(number))
            return number;

        warnings.Add(Ignored(name, text));
        return null;
    }

    /// <summary>The warning that a setting is ignored.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="text">Its value.</param>
    public static string Ignored(string name, string text) => $"The value '{Shorten(text)}' of '{name}' cannot be used; it was ignored.";

    /// <summary>Shortens a text for a message.</summary>
    /// <returns>The text, truncated if it is long.</returns>
    public static string Shorten(string text)
    {
        const int MaxLength = 60;
        return text.Length <= MaxLength ? text : text[..MaxLength] + "…";
    }
}
