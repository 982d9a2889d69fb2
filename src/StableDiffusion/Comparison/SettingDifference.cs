namespace StableDiffusion.Comparison;

/// <summary>A setting that differs between two images.</summary>
/// <param name="Name">The setting's name.</param>
/// <param name="ReferenceValue">Its value in the reference: a number or a text; null if it is not set, which means the default.</param>
/// <param name="DifferenceValue">Its value in the other image.</param>
public sealed record SettingDifference(string Name, object? ReferenceValue, object? DifferenceValue)
{
    private const int LongestValue = 60;

    // How much of what is equal is shown next to what differs. It is less than what a shortened text keeps of its beginning.
    private const int Context = 12;

    /// <summary>A short description.</summary>
    /// <returns>The name and both values in one line, such as <c>Steps (20, 25)</c>. Of long texts, the part that differs is shown.</returns>
    public override string ToString()
    {
        (object? reference, object? difference) = ReferenceValue is string a && DifferenceValue is string b && Math.Max(a.Length, b.Length) > LongestValue ? Differing(a, b) : (ReferenceValue, DifferenceValue);
        return PrintableText.Of($"{Name} ({InWords(reference)}, {InWords(difference)})");
    }

    private string InWords(object? value) => value switch
    {
        null when Name.EndsWith(": StartStep", StringComparison.Ordinal) => "from the first step",
        null when Name.EndsWith(": StopStep", StringComparison.Ordinal) => "to the last step",
        null => "not set",
        string text => $"'{PrintableText.Of(text, LongestValue)}'",
        _ => FormattableString.Invariant($"{value}"),
    };

    /// <summary>Two texts without most of their common beginning and end.</summary>
    private static (string First, string Second) Differing(string a, string b)
    {
        int start = a.AsSpan().CommonPrefixLength(b), end = 0;
        while (end < Math.Min(a.Length, b.Length) - start && a[^(end + 1)] == b[^(end + 1)])
            end++;

        // Whole words are kept, if they are short.
        int first = Math.Max(0, start - Context), last = a.Length - Math.Max(0, end - Context);
        int space = first == 0 ? -1 : a.LastIndexOf(' ', first), next = a.IndexOf(' ', last);
        start = first - space <= Context ? space + 1 : first;
        next = next < 0 ? a.Length : next;
        end = a.Length - (next - last <= Context ? next : last);
        return (Part(a), Part(b));

        string Part(string text) => $"{(start > 0 ? "…" : string.Empty)}{text[start..^end]}{(end > 0 ? "…" : string.Empty)}";
    }
}
