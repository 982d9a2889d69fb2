using StableDiffusion.Storage;

namespace StableDiffusion.Settings;

/// <summary>Settings that are one of a few words. They are kept as text, so that an empty cell of a table means that the setting is omitted.</summary>
internal static class EnumSetting
{
    /// <summary>Parses a word, regardless of case.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="setting">The setting's name.</param>
    /// <param name="text">The word; null or blank means the default.</param>
    /// <param name="absent">The default.</param>
    /// <exception cref="InvalidSettingException">The word is not in the enumeration; the message lists the valid ones.</exception>
    public static T Parse<T>(string setting, string? text, T absent)
        where T : struct, Enum => ParseOrNull<T>(setting, text) ?? absent;

    /// <summary>Parses a word, regardless of case.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="setting">The setting's name.</param>
    /// <param name="text">The word; null or blank gives null.</param>
    /// <exception cref="InvalidSettingException">The word is not in the enumeration; the message lists the valid ones.</exception>
    public static T? ParseOrNull<T>(string setting, string? text)
        where T : struct, Enum
    {
        if (string.IsNullOrWhiteSpace(text))
            return null;

        foreach (T value in Enum.GetValues<T>())
        {
            if (string.Equals(value.ToString(), text.Trim(), StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw new InvalidSettingException(setting, $"{setting} is '{ModelFilePath.Printable(text)}', but must be {Spelling.Choices(Enum.GetNames<T>())}.");
    }
}
