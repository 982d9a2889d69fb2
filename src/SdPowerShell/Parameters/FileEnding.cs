using StableDiffusion;
using StableDiffusion.Images;

namespace SdPowerShell.Parameters;

/// <summary>The kinds of picture file that can be asked for by a name's ending.</summary>
internal static class FileEnding
{
    /// <summary>The kind where nobody says.</summary>
    public const string Default = "png";

    /// <summary>All kinds.</summary>
    public static IReadOnlyList<string> All { get; } = [.. ImageEncoder.Formats.Select(format => format.Extensions[0])];

    /// <summary>Reads what a user or a table gives.</summary>
    /// <param name="text">The kind, in any case; blank takes the default.</param>
    /// <returns>The ending without its dot.</returns>
    /// <exception cref="InvalidSettingException">There is no such kind.</exception>
    public static string Parse(string? text) => string.IsNullOrWhiteSpace(text)
        ? Default
        : All.FirstOrDefault(ending => ending.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase))
            ?? throw new InvalidSettingException("Format", $"Format is '{text}', but must be {Spelling.Choices(All)}.");
}
