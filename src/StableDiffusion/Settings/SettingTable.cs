using System.Reflection;
using StableDiffusion.Settings.Passes;

namespace StableDiffusion.Settings;

/// <summary>The settings, one row each, in the order of their declaration, and the operations on all of them.</summary>
internal static class SettingTable
{
    /// <summary>The rows.</summary>
    public static IReadOnlyList<Setting> Rows { get; } =
    [
        .. RowsOf(typeof(GenerationSettings), group: null),
        .. RowsOf(typeof(GenerationInfo), group: null),
    ];

    private static readonly Dictionary<string, Setting> s_byName = Rows.ToDictionary(static row => row.Name, StringComparer.Ordinal);

    /// <summary>Finds a row.</summary>
    /// <param name="name">The setting's name.</param>
    public static Setting Find(string name) => s_byName[name];

    /// <summary>Creates settings from named values, such as those of parameters.</summary>
    /// <typeparam name="T">The settings, or a derived record.</typeparam>
    /// <param name="valueOf">Returns the value of a setting, of its row's type; null means the default.</param>
    public static T Create<T>(Func<Setting, object?> valueOf)
        where T : GenerationSettings, new()
    {
        T settings = new();
        foreach (Setting row in Rows.Where(static row => row.IsIn(typeof(T))))
        {
            if (valueOf(row) is object value && !row.IsAbsent(value))
                row.Set(settings, value);
        }

        return settings;
    }

    /// <summary>Throws for numbers that are out of range.</summary>
    /// <exception cref="InvalidSettingException">A setting is out of range; the message names it and its range.</exception>
    public static void Check(GenerationSettings settings)
    {
        foreach (Setting row in Rows)
        {
            if (row.Get(settings) is object value)
                row.Check(value);
        }
    }

    /// <summary>The settings to record in an image: those that are not the defaults.</summary>
    /// <param name="info">The settings.</param>
    public static GenerationInfo WithoutDefaults(GenerationInfo info) => Only(info, (row, value) => !row.IsDefault(info, value));

    /// <summary>Removes settings.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="isKept">Says whether the value of a setting, which is not null, is kept.</param>
    public static GenerationInfo Only(GenerationInfo info, Func<Setting, object, bool> isKept) => Change(info, row => row.Get(info) is object value && isKept(row, value) ? value : null);

    /// <summary>Replaces the settings that determine the start of a denoising by those of another record.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="start">The record of the denoising that is continued.</param>
    public static GenerationInfo Continue(GenerationInfo info, GenerationInfo start) => Change(info, row => row.Get(row.IsOfStart ? start : info));

    /// <summary>The settings that two records have in common, without stages.</summary>
    /// <param name="first">A record.</param>
    /// <param name="second">Another one.</param>
    public static GenerationInfo Shared(GenerationInfo first, GenerationInfo second) => Change(first, row => Equals(row.Get(first), row.Get(second)) ? row.Get(first) : null) with
    {
        ControlNets = first.ControlNets?.SequenceEqual(second.ControlNets ?? []) == true ? first.ControlNets : null,
        LoraHashes = first.LoraHashes == second.LoraHashes ? first.LoraHashes : null,
        TextualInversionHashes = first.TextualInversionHashes == second.TextualInversionHashes ? first.TextualInversionHashes : null,
        Stages = null,
    };

    private static GenerationInfo Change(GenerationInfo info, Func<Setting, object?> valueOf)
    {
        GenerationInfo changed = info with { MicroConditioning = null, Hires = null, Detail = null };
        foreach (Setting row in Rows)
            row.Set(changed, valueOf(row));
        return changed;
    }

    private static IEnumerable<Setting> RowsOf(Type type, PropertyInfo? group)
    {
        foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        {
            if (property.GetCustomAttribute<SettingAttribute>() is SettingAttribute row)
                yield return new Setting(property, row, group);
            else if (property.PropertyType == typeof(MicroConditioning) || property.PropertyType == typeof(HiresSettings) || property.PropertyType == typeof(DetailSettings))
                foreach (Setting part in RowsOf(property.PropertyType, property))
                    yield return part;
        }
    }
}
