namespace StableDiffusion.Families.Checkpoints;

/// <summary>The words of a file's name: runs of letters and digits.</summary>
internal static class FileWords
{
    /// <summary>Splits a file's name into words.</summary>
    /// <param name="path">The file's path; folder and ending are ignored.</param>
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
