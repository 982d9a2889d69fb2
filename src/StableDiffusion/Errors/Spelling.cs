namespace StableDiffusion;

/// <summary>Finds the word that was probably meant by a misspelt one.</summary>
internal static class Spelling
{
    /// <summary>The number of letters per tolerated mistake.</summary>
    private const int LettersPerSlip = 4;

    // Longer than any known word. The work grows with the product of the lengths.
    private const int LongestWord = 100;

    /// <summary>Finds the known word that is nearest to a misspelt one. Case, spaces, hyphens and underscores are ignored.</summary>
    /// <param name="word">The misspelt word.</param>
    /// <param name="known">The known words.</param>
    /// <returns>The nearest known word, or null if none is near enough.</returns>
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

    /// <summary>Lists words to choose from: "a, b or c".</summary>
    /// <param name="words">The words, one or more.</param>
    internal static string Choices(IReadOnlyList<string> words) =>
        words.Count == 1 ? words[0] : $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";

    /// <summary>The Levenshtein distance: the number of letters to add, drop or change to turn one word into the other.</summary>
    /// <param name="left">A word. One that is longer than all known words is not compared: all of its letters would change.</param>
    /// <param name="right">A known word.</param>
    internal static int Distance(string left, string right)
    {
        if (left.Length > LongestWord)
            return left.Length;

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
