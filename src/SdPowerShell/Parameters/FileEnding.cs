using StableDiffusion;
using StableDiffusion.Images;

namespace SdPowerShell.Parameters;

/// <summary>The image file types that a parameter or column can choose.</summary>
internal static class FileEnding
{
    /// <summary>The default type.</summary>
    public const string Default = "png";

    /// <summary>All types.</summary>
    public static IReadOnlyList<string> All { get; } = [.. ImageEncoder.Formats.Select(format => format.Extensions[0])];

    /// <summary>Parses the value of a parameter or a column.</summary>
    /// <param name="text">The type, in any case; blank means the default.</param>
    /// <returns>The extension without its dot.</returns>
    /// <exception cref="InvalidSettingException">There is no such type.</exception>
    public static string Parse(string? text) => string.IsNullOrWhiteSpace(text)
        ? Default
        : All.FirstOrDefault(ending => ending.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase))
            ?? throw new InvalidSettingException("Format", $"Format is '{text}', but must be {Spelling.Choices(All)}.");
}
