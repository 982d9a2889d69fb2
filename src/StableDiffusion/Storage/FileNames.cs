using System.Globalization;
using System.Text;

namespace StableDiffusion.Storage;

/// <summary>File names for images and other results, readable and valid on every system.</summary>
internal static class FileNames
{
    // Well below the limit of 255 bytes of most file systems, so that a number can be appended.
    private const int MaxBytes = 120;
    private const int LongestExtension = 12;

    /// <summary>The name of an image without a prompt.</summary>
    public const string Image = "image";

    /// <summary>Makes a file name from a prompt and a seed, such as <c>a-red-house-on-the-grass-42.png</c>.</summary>
    /// <param name="prompt">Any text. Its letters and digits are kept in lower case; everything else becomes a hyphen.</param>
    /// <param name="seed">The seed; null leaves it out.</param>
    /// <param name="extension">The extension, with or without its dot: one to twelve letters and digits.</param>
    /// <param name="unnamed">The name for a prompt without letters and digits.</param>
    /// <returns>A name of at most 120 bytes in UTF-8, without a folder.</returns>
    /// <exception cref="InvalidSettingException">The extension is not valid.</exception>
    public static string FromPrompt(string? prompt, long? seed, string extension, string unnamed = Image)
    {
        ArgumentNullException.ThrowIfNull(extension);
        string letters = extension.StartsWith('.') ? extension[1..] : extension;
        if (letters.Length is 0 or > LongestExtension || !letters.All(char.IsAsciiLetterOrDigit))
            throw new InvalidSettingException("Extension", $"'{extension}' is not a file extension. Give letters and digits only, such as .png.");

        string ending = string.Create(CultureInfo.InvariantCulture, $"{(seed is null ? string.Empty : "-")}{seed}.{letters}");
        string words = Words(prompt ?? string.Empty, MaxBytes - ending.Length);
        return (words.Length == 0 ? unnamed : words) + ending;
    }

    /// <summary>The letters and digits of a text in lower case, with hyphens in place of everything else.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="bytes">The greatest number of bytes in UTF-8.</param>
    /// <param name="letters">The greatest number of characters, as readers count them.</param>
    /// <returns>A part of a file name; may be empty.</returns>
    public static string FromText(string text, int bytes, int letters) => Words(text, bytes, letters);

    /// <summary>Finds a name that is not in use in a folder, by appending a number: name-2, name-3, and so on.</summary>
    /// <param name="directory">The folder; it need not exist.</param>
    /// <param name="name">The file name to start with, without a folder.</param>
    /// <returns>The name, or the first free numbered one. Another program may take it before it is used.</returns>
    public static string Unique(string directory, string name)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Path.GetFileName(name) != name)
            throw new ArgumentException($"'{name}' is not a file name without a folder.", nameof(name));

        string stem = Path.GetFileNameWithoutExtension(name);
        string extension = Path.GetExtension(name);
        string candidate = name;
        for (int number = 2; Path.Exists(Path.Combine(directory, candidate)); number++)
            candidate = string.Create(CultureInfo.InvariantCulture, $"{stem}-{number}{extension}");
        return candidate;
    }

    private static string Words(string prompt, int room, int most = int.MaxValue)
    {
        StringBuilder name = new();
        bool isGap = false;
        for (int start = 0; start < prompt.Length;)
        {
            // A grapheme, which readers see as one character, is kept or removed as a whole.
            int length = StringInfo.GetNextTextElementLength(prompt.AsSpan(start));
            string letters = Letters(prompt.AsSpan(start, length));
            start += length;
            if (letters.Length == 0)
            {
                isGap = name.Length > 0;
                continue;
            }

            room -= Encoding.UTF8.GetByteCount(letters) + (isGap ? 1 : 0);
            most -= isGap ? 2 : 1;
            if (room < 0 || most < 0)
                break;

            name.Append(isGap ? "-" : "").Append(letters);
            isGap = false;
        }

        return name.ToString();
    }

    private static string Letters(ReadOnlySpan<char> element)
    {
        StringBuilder letters = new();
        foreach (Rune rune in element.EnumerateRunes())
        {
            bool isMark = Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
            if (Rune.IsLetterOrDigit(rune) || (isMark && letters.Length > 0))
                letters.Append(Rune.ToLowerInvariant(rune));
        }

        return letters.ToString().Normalize(NormalizationForm.FormC);
    }
}
