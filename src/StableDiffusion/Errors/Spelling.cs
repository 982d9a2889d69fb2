namespace StableDiffusion;

/// <summary>How near words are to each other.</summary>
public static class Spelling
{
    /// <summary>One letter in so many may be wrong in what is still held to be meant.</summary>
    private const int LettersPerSlip = 4;

    /// <summary>Finds the word that a misspelt one probably stands for. Case, spaces, hyphens and underscores do not count.</summary>
    /// <param name="word">The misspelt word.</param>
    /// <param name="known">The words there are.</param>
    /// <returns>One of them, or null where none is near.</returns>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(word);
        ArgumentNullException.ThrowIfNull(known);
        string key = Key(word);
        return known
            .Select(other => (Word: other, Distance: Distance(key, Key(other))))
            .Where(near => near.Distance <= key.Length / LettersPerSlip)
            .OrderBy(near => near.Distance)
            .ThenBy(near => near.Word, StringComparer.Ordinal)
            .Select(near => near.Word)
            .FirstOrDefault();
    }

    /// <summary>How many letters must be added, dropped or changed to make one word of the other (Levenshtein).</summary>
    internal static int Distance(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 0; i < left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < right.Length; j++)
            {
                int change = diagonal + (left[i] == right[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(change, Math.Min(diagonal, row[j]) + 1);
            }
        }

        return row[^1];
    }

    private static string Key(string word) => string.Concat(word.Where(char.IsLetterOrDigit)).ToLowerInvariant();
}
