namespace StableDiffusion.Comparison;

/// <summary>A setting that differs between two images.</summary>
/// <param name="Name">The setting's name.</param>
/// <param name="ReferenceValue">Its value in the reference: a number or a text; null if it is not set, which means the default.</param>
/// <param name="DifferenceValue">Its value in the other image.</param>
public sealed record SettingDifference(string Name, object? ReferenceValue, object? DifferenceValue)
{
    private const int LongestValue = 60;

    /// <summary>A short description.</summary>
    /// <returns>The name and both values in one line, such as <c>Steps (20, 25)</c>.</returns>
    public override string ToString() => PrintableText.Of($"{Name} ({InWords(ReferenceValue)}, {InWords(DifferenceValue)})");

    private static string InWords(object? value) => value switch
    {
        null => "not set",
        string text => $"'{PrintableText.Of(text, LongestValue)}'",
        _ => FormattableString.Invariant($"{value}"),
    };
}
