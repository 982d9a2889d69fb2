namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// A dictionary of a pickle: its entries in order, not hashed, so that no choice of keys makes it slow.
/// </summary>
/// <param name="kind">The class that it was made with; null for a plain dictionary.</param>
internal sealed class PickleDictionary(PickleGlobalKind? kind = null)
{
    /// <summary>The class that it was made with; null for a plain dictionary.</summary>
    public PickleGlobalKind? Kind { get; } = kind;

    public List<(object? Key, object? Value)> Entries { get; } = [];

    /// <summary>Finds the value of a key; if the key occurs several times, the last value counts, as in Python.</summary>
    /// <param name="key">The key.</param>
    /// <param name="budget">Counts the entries that are looked at.</param>
    /// <param name="value">Receives the value.</param>
    /// <returns>Whether there is the key.</returns>
    public bool TryGet(string key, PickleBudget budget, out object? value)
    {
        for (int i = Entries.Count - 1; i >= 0; i--)
        {
            budget.TakeOperation();
            if (Entries[i].Key is string text && text == key)
            {
                value = Entries[i].Value;
                return true;
            }
        }

        value = null;
        return false;
    }
}
