using System.Globalization;
using System.Reflection;
using StableDiffusion.Noise;

namespace StableDiffusion.Settings;

/// <summary>A row of <see cref="SettingTable"/>.</summary>
/// <param name="property">The property of the setting.</param>
/// <param name="row">Its attribute.</param>
/// <param name="group">The property with the record that contains it; null if the settings contain it themselves.</param>
internal sealed class Setting(PropertyInfo property, SettingAttribute row, PropertyInfo? group)
{
    /// <summary>Its name, which is also that of a parameter and of a column.</summary>
    public string Name => property.Name;

    /// <summary>The type of its values.</summary>
    public Type Type { get; } = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;

    /// <inheritdoc cref="SettingAttribute.Key"/>
    public string? Key => row.Key;

    /// <inheritdoc cref="SettingAttribute.IsOwnKey"/>
    public bool IsOwnKey => row.IsOwnKey;

    /// <inheritdoc cref="SettingAttribute.IsOfStart"/>
    public bool IsOfStart => row.IsOfStart;

    /// <inheritdoc cref="SettingAttribute.IsSeed"/>
    public bool IsSeed => row.IsSeed;

    /// <inheritdoc cref="SettingAttribute.Families"/>
    public string? Families => row.Families;

    /// <summary>The lowest value; null for none.</summary>
    public double? Minimum => double.IsNaN(row.Minimum) ? null : row.Minimum;

    /// <summary>Whether the lowest value itself is excluded.</summary>
    public bool ExcludesMinimum => row.ExcludesMinimum;

    /// <summary>The highest value; null for none.</summary>
    public double? Maximum => double.IsNaN(row.Maximum) ? null : row.Maximum;

    /// <summary>Whether settings of a type have it.</summary>
    public bool IsIn(Type type) => (group ?? property).DeclaringType!.IsAssignableFrom(type);

    /// <summary>The value in the settings; null means the default.</summary>
    public object? Get(GenerationSettings settings) => (group is null ? settings : group.GetValue(settings)) is object holder && property.DeclaringType!.IsInstanceOfType(holder)
        ? property.GetValue(holder)
        : null;

    /// <summary>Whether a number is one that other tools write if the setting is not used.</summary>
    public bool IsAbsent(object value) => value is int or long && row.Absent.Contains(Convert.ToInt64(value, CultureInfo.InvariantCulture));

    /// <summary>Whether a value is the default.</summary>
    public bool IsDefault(object? value) => row.Default is not null && row.Default.Equals(value);

    /// <summary>The value without an effect, which may be that of another setting; null if there is none.</summary>
    /// <param name="settings">All settings.</param>
    public object? DefaultIn(GenerationSettings settings) => row.Default ?? (row.DefaultOf is string other ? SettingTable.Find(other).Get(settings) : null);

    /// <summary>Whether the value is the default, which a record omits.</summary>
    public bool IsDefault(GenerationSettings settings, object value) => value.Equals(DefaultIn(settings));

    /// <summary>Throws for a number that is out of range.</summary>
    /// <exception cref="InvalidSettingException">The value is out of range.</exception>
    public void Check(object value)
    {
        if (row.IsSeed && (long)value < Minimum && !RandomSeed.IsAny((long)value))
            throw new InvalidSettingException(Name, $"The{InWords(Name)} {value} is out of range: it must be a whole number from {Minimum} to {long.MaxValue}. Omit it, or give {RandomSeed.Any}, to use a random one.");
        if (Minimum is not double lowest || Maximum is not double highest)
            return;
        if (row.ExcludesMinimum && !(Convert.ToDouble(value, CultureInfo.InvariantCulture) > lowest && Convert.ToDouble(value, CultureInfo.InvariantCulture) <= highest))
            throw new InvalidSettingException(Name, $"{Name} is {value}, but must be above {lowest} and at most {highest}.");
        CheckRange(Name, value, lowest, highest, row.Absent.Contains(0) ? ", or 0 for the default" : string.Empty);
    }

    /// <summary>Throws for a number that is out of an inclusive range.</summary>
    /// <param name="name">The setting's name.</param>
    /// <param name="value">The number.</param>
    /// <param name="lowest">The lowest value.</param>
    /// <param name="highest">The highest value.</param>
    /// <param name="others">What else is possible, for the message.</param>
    /// <exception cref="InvalidSettingException">It is out of the range, or NaN.</exception>
    public static void CheckRange(string name, object value, double lowest, double highest, string others = "")
    {
        double number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        if (!(number >= lowest && number <= highest))
            throw new InvalidSettingException(name, $"{name} is {value}, but must be {(highest == int.MaxValue ? $"{lowest} or more" : $"between {lowest} and {highest}")}{others}.");
    }

    /// <summary>The value in the form of the infotext.</summary>
    /// <returns>The text; null if nothing is written.</returns>
    public string? Format(GenerationSettings settings) =>
        Get(settings) is object value && !IsDefault(value) ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;

    private static string InWords(string name) => string.Concat(name.Select(static letter => char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : $"{letter}"));

    internal void Set(GenerationSettings settings, object? value)
    {
        if (group is null)
        {
            property.SetValue(settings, value);
            return;
        }

        if (group.GetValue(settings) is not object part)
        {
            if (value is null)
                return;
            group.SetValue(settings, part = Activator.CreateInstance(group.PropertyType)!);
        }

        property.SetValue(part, value);
    }
}
