using StableDiffusion;

namespace SdPowerShell;

/// <summary>Settings that are one of a few words. Their parameters are strings, so that an empty cell of a table counts as left out.</summary>
internal static class EnumSetting
{
    /// <summary>Reads a word in any case.</summary>
    /// <typeparam name="T">The enumeration.</typeparam>
    /// <param name="setting">The setting's name.</param>
    /// <param name="text">The word; null or blank takes the default.</param>
    /// <param name="absent">The default.</param>
    public static T Parse<T>(string setting, string? text, T absent)
        where T : struct, Enum
    {
        if (string.IsNullOrWhiteSpace(text))
            return absent;

        foreach (T value in Enum.GetValues<T>())
        {
            if (string.Equals(value.ToString(), text.Trim(), StringComparison.OrdinalIgnoreCase))
                return value;
        }

        throw new InvalidSettingException(setting, $"{setting} is '{text}', but must be {string.Join(", ", Enum.GetNames<T>()[..^1])} or {Enum.GetNames<T>()[^1]}.");
    }
}
