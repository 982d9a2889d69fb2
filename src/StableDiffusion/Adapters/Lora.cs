using System.Globalization;
using StableDiffusion.Storage;

namespace StableDiffusion.Adapters;

/// <summary>A LoRA file and how strongly it works.</summary>
/// <param name="Path">The file's full path.</param>
/// <param name="Strength">How much of its change the U-Net gets; 1 for all of it, negative for its contrary.</param>
/// <param name="TextEncoderStrength">How much of its change the text encoder gets; null for as much as the U-Net.</param>
public sealed record Lora(string Path, double Strength = 1, double? TextEncoderStrength = null)
{
    /// <summary>The strongest that makes any sense; what is beyond is taken for a slip.</summary>
    private const double HighestStrength = 100;

    /// <summary>The file's name without its extension.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>Reads a LoRA as it is written in a script: <c>style</c>, <c>style.safetensors:0.8</c>, or <c>style:0.8:0.5</c>.</summary>
    /// <param name="text">A name or path; behind colons the U-Net's strength and the text encoder's, 1 and the same where they are left out.</param>
    /// <param name="find">Makes the name or path the full path of a file; null takes <see cref="AdapterFiles.FindLora"/>.</param>
    /// <returns>The LoRA.</returns>
    /// <exception cref="InvalidSettingException">There is no name, or a strength is out of its range.</exception>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    public static Lora Parse(string text, Func<string, string>? find = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        Stack<double> strengths = new();
        string name = text.Trim();
        while (strengths.Count < 2 && name.LastIndexOf(':') is > 0 and int colon
            && double.TryParse(name.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double strength))
        {
            strengths.Push(strength);
            name = name[..colon];
        }

        if (name.Length == 0)
            throw new InvalidSettingException("Lora", $"'{text}' names no LoRA. Give a name or a path, with a strength behind a colon, such as style:0.8.");

        double[] all = [.. strengths];
        return new Lora((find ?? AdapterFiles.FindLora)(name), all.Length > 0 ? Check(all[0]) : 1, all.Length > 1 ? Check(all[1]) : null);
    }

    /// <summary>The LoRA as <see cref="Parse"/> reads it.</summary>
    /// <returns>Its name or path, and its strengths.</returns>
    public override string ToString() => Format(AdapterFiles.Reference(Path, StorageFolders.Loras), Strength, TextEncoderStrength);

    private static string Format(string name, double strength, double? textEncoderStrength) => string.Create(
        CultureInfo.InvariantCulture, $"{name}:{strength}{(textEncoderStrength is { } own && own != strength ? string.Create(CultureInfo.InvariantCulture, $":{own}") : string.Empty)}");

    /// <summary>Requires a strength that is a number and makes sense.</summary>
    internal static double Check(double strength) => Math.Abs(strength) <= HighestStrength
        ? strength
        : throw new InvalidSettingException("Lora", string.Create(CultureInfo.InvariantCulture, $"A LoRA's strength is {strength}, but must lie between -{HighestStrength} and {HighestStrength}."));
}
