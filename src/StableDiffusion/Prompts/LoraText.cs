using System.Globalization;

namespace StableDiffusion.Prompts;

/// <summary>A LoRA as written in scripts and in the records of images: a name or path, then colons and up to two strengths, and block weights.</summary>
internal static class LoraText
{
    /// <summary>Stands before block weights.</summary>
    public const string BlockWeights = $"{Separator}{ExtraNetwork.BlockWeightsKey}";

    private const string Separator = ";";
    private const int MostStrengths = 2;

    /// <summary>Separates the strengths and block weights from the name or path.</summary>
    /// <param name="text">The text, such as <c>style:0.8:0.5;lbw=MIDD</c>.</param>
    /// <returns>The name or path, the strengths in their order, and the block weights; null if there are none.</returns>
    public static (string Name, IReadOnlyList<double> Strengths, string? BlockWeights) Split(string text)
    {
        List<double> strengths = [];
        string name = text.Trim();
        string? blocks = null;
        if (name.LastIndexOf(Separator, StringComparison.Ordinal) is >= 0 and int end && IsBlockWeights(name.AsSpan(end + 1)))
        {
            blocks = name[(end + 1)..].Trim()[ExtraNetwork.BlockWeightsKey.Length..];
            name = name[..end].TrimEnd();
        }

        while (strengths.Count < MostStrengths && name.LastIndexOf(':') is > 0 and int colon
            && double.TryParse(name.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double strength))
        {
            strengths.Insert(0, strength);
            name = name[..colon];
        }

        return (name, strengths, blocks);
    }

    /// <summary>Joins block weights to the LoRA before them, from which a list with semicolons has divided them.</summary>
    /// <param name="items">The items of the list.</param>
    public static IEnumerable<string> Join(IEnumerable<string> items)
    {
        string? last = null;
        foreach (string item in items)
        {
            if (IsBlockWeights(item))
            {
                last += Separator + item;
                continue;
            }

            if (last is not null)
                yield return last;
            last = item;
        }

        if (last is not null)
            yield return last;
    }

    private static bool IsBlockWeights(ReadOnlySpan<char> text) => text.TrimStart().StartsWith(ExtraNetwork.BlockWeightsKey, StringComparison.Ordinal);
}
