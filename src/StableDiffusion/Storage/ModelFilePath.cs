using System.Buffers;
using System.Text;

namespace StableDiffusion.Storage;

/// <summary>Checks the paths of files within a model's folder, which may come from untrusted sources.</summary>
internal static class ModelFilePath
{
    private const int MaxSegmentBytes = 255;

    private static readonly SearchValues<char> s_forbidden = SearchValues.Create(
        [.. "\\:*?\"<>|", .. Enumerable.Range(0, 32).Select(code => (char)code), '\u007f']);

    private static readonly SearchValues<string> s_devices = SearchValues.Create(
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", .. Numbered("COM"), .. Numbered("LPT")], StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a path stays within the folder that it starts at and names a plain file on every system: no root, no drive,
    /// no <c>..</c>, no Windows device, and nothing that systems interpret differently.
    /// </summary>
    /// <param name="path">The path, with <c>/</c> between its parts.</param>
    public static bool IsSafe(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Split('/').All(IsSafeName);
    }

    /// <summary>Whether a name is valid for a plain file or folder on every system.</summary>
    /// <param name="name">The name, without a folder.</param>
    public static bool IsSafeName(string name)
    {
        if (name.Length == 0 || name.Contains('/') || name.AsSpan().ContainsAny(s_forbidden) || name[^1] is '.' or ' ' || name[0] == ' ')
            return false;

        // An unpaired surrogate is encoded as the replacement character.
        if (name.EnumerateRunes().Sum(static rune => rune.Utf8SequenceLength) > MaxSegmentBytes || name.EnumerateRunes().Contains(Rune.ReplacementChar))
            return false;

        // CON.json is the console as well.
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return !s_devices.Contains((dot < 0 ? name : name[..dot]).TrimEnd(' '));
    }

    /// <summary>A path, or any text given as one, in a form that is safe to show in messages.</summary>
    /// <param name="path">The text.</param>
    public static string Printable(string? path) => PrintableText.Of(path ?? string.Empty, MaxSegmentBytes);

    private static IEnumerable<string> Numbered(string device) => "0123456789\u00b9\u00b2\u00b3".Select(digit => device + digit);
}
