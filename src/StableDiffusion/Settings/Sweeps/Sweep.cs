namespace StableDiffusion.Settings.Sweeps;

/// <summary>All combinations of the values of some settings.</summary>
internal sealed class Sweep
{
    /// <summary>Puts the settings in the order of their cost, those of the same cost in the given one.</summary>
    /// <param name="axes">The settings.</param>
    public Sweep(IEnumerable<SweepAxis> axes) => Axes = [.. axes.OrderByDescending(static axis => axis.Cost)];

    /// <summary>The settings; the first one changes slowest.</summary>
    public IReadOnlyList<SweepAxis> Axes { get; }

    /// <summary>The combinations, one by one as they are asked for, each with a value for each of <see cref="Axes"/>.</summary>
    public IEnumerable<object?[]> Cells()
    {
        int[] at = new int[Axes.Count];
        for (int axis = 0; axis >= 0;)
        {
            yield return [.. Axes.Select((one, index) => one.Values[at[index]])];
            for (axis = at.Length - 1; axis >= 0 && ++at[axis] == Axes[axis].Values.Count; axis--)
                at[axis] = 0;
        }
    }

    /// <summary>A prompt in which a text is replaced.</summary>
    /// <param name="prompt">The prompt; may be null.</param>
    /// <param name="search">The text, in the case of the prompt.</param>
    /// <param name="replacement">What takes its place, wherever it is.</param>
    /// <returns>The prompt; null if the text is not in it.</returns>
    public static string? Replace(string? prompt, string search, string replacement) =>
        prompt?.Contains(search, StringComparison.Ordinal) == true ? prompt.Replace(search, replacement, StringComparison.Ordinal) : null;
}
