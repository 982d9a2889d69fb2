namespace SdPowerShell.Scripts.Jobs;

/// <summary>Texts as other programs read them in a job script. Whatever a text contains, it stays a text.</summary>
internal static class ShellText
{
    /// <summary>A word of a command in bash.</summary>
    /// <param name="text">Any text without the character 0.</param>
    public static string Bash(string text) => $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    /// <summary>A word of an option on a line #SBATCH, which sbatch reads by rules of its own: in quotes, a backslash keeps the next character.</summary>
    /// <param name="text">Any text in one line.</param>
    public static string Sbatch(string text) => text.Length > 0 && text.All(static character => char.IsAsciiLetterOrDigit(character) || "-_=+,.:/%@".Contains(character, StringComparison.Ordinal))
        ? text
        : $"'{text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("'", @"\'", StringComparison.Ordinal)}'";
}
