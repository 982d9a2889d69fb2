namespace StableDiffusion.Families.Checkpoints;

/// <summary>The words that a name is made of: letters and digits between all else.</summary>
internal static class FileWords
{
    /// <summary>Takes a file's name apart.</summary>
    /// <param name="path">The file's path; neither its folder nor its ending counts.</param>
    /// <returns>The words in lower case.</returns>
    public static IReadOnlyList<string> In(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        List<string> words = [];
        int start = 0;
        for (int i = 0; i <= name.Length; i++)
        {
            if (i < name.Length && char.IsAsciiLetterOrDigit(name[i]))
                continue;
            if (i > start)
                words.Add(name[start..i].ToLowerInvariant());
            start = i + 1;
        }

        return words;
    }
}
