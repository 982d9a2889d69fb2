namespace StableDiffusion.Families.Checkpoints;

/// <summary>Describes many tensors in a few words: counted by the prefixes of their names.</summary>
internal static class TensorGroups
{
    private const int MaxGroups = 8;
    private const int MaxLength = 60;

    /// <summary>Counts tensors.</summary>
    /// <param name="keys">Their names.</param>
    /// <returns>A sentence, such as "It holds 14 tensors: first_stage_model.loss (12), betas (1), alphas (1)."</returns>
    public static string Describe(IEnumerable<string> keys)
    {
        Dictionary<string, int> groups = new(StringComparer.Ordinal);
        int total = 0;
        foreach (string key in keys)
        {
            int first = key.IndexOf('.');
            int second = first < 0 ? -1 : key.IndexOf('.', first + 1);
            string group = second < 0 ? key : key[..second];
            if (group.Length > MaxLength)
                group = $"{group[..MaxLength]}…";
            groups[group] = groups.GetValueOrDefault(group) + 1;
            total++;
        }

        KeyValuePair<string, int>[] inOrder = [.. groups];
        Array.Sort(inOrder, static (a, b) => a.Value != b.Value ? b.Value.CompareTo(a.Value) : string.CompareOrdinal(a.Key, b.Key));
        IEnumerable<string> texts = inOrder.Take(MaxGroups).Select(static group => $"{group.Key} ({group.Value})");
        string more = inOrder.Length > MaxGroups ? $" and {inOrder.Length - MaxGroups} more groups" : string.Empty;
        return $"It holds {total} tensors: {string.Join(", ", texts)}{more}.";
    }
}
