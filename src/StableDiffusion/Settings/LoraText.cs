using System.Globalization;

namespace StableDiffusion.Settings;

/// <summary>A LoRA as written in scripts and in the records of images: a name or path, then colons and up to two strengths.</summary>
internal static class LoraText
{
    private const int MostStrengths = 2;

    /// <summary>Separates the strengths from the name or path.</summary>
    /// <param name="text">The text, such as <c>style:0.8:0.5</c>.</param>
    /// <returns>The name or path, and the strengths in their order.</returns>
    public static (string Name, IReadOnlyList<double> Strengths) Split(string text)
    {
        List<double> strengths = [];
        string name = text.Trim();
        while (strengths.Count < MostStrengths && name.LastIndexOf(':') is > 0 and int colon
            && double.TryParse(name.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double strength))
        {
            strengths.Insert(0, strength);
            name = name[..colon];
        }

        return (name, strengths);
    }
}
