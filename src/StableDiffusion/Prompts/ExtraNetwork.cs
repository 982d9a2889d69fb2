using System.Globalization;

namespace StableDiffusion.Prompts;

/// <summary>A tag in a prompt of A1111's that asks for a file, such as <c>&lt;lora:style:0.8&gt;</c>.</summary>
/// <param name="Text">The tag as it stands in the prompt.</param>
/// <param name="Kind">What it asks for, such as <c>lora</c>.</param>
/// <param name="Name">The file's name.</param>
/// <param name="Arguments">What stands behind further colons.</param>
public sealed record ExtraNetwork(string Text, string Kind, string Name, IReadOnlyList<string> Arguments)
{
    /// <summary>Whether it asks for a LoRA of any kind; the extension for LyCORIS had a word of its own.</summary>
    public bool IsLora => Kind is "lora" or "lyco";

    /// <summary>The strength for the text encoder: the first argument, or <c>te=</c>; 1 where it is left out.</summary>
    /// <exception cref="InvalidSettingException">It is no number.</exception>
    public double TextEncoderStrength => Number("te", 0) ?? 1;

    /// <summary>The strength for the U-Net: the second argument, or <c>unet=</c>; the text encoder's where it is left out.</summary>
    /// <exception cref="InvalidSettingException">It is no number.</exception>
    public double UNetStrength => Number("unet", 1) ?? TextEncoderStrength;

    // As A1111 (extra_networks_lora.py): a named argument counts before the one at its place.
    private double? Number(string name, int index)
    {
        string[] positional = [.. Arguments.Where(static argument => !argument.Contains('='))];
        string? text = Arguments.FirstOrDefault(argument => argument.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..]
            ?? positional.ElementAtOrDefault(index);
        if (text is null)
            return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number
            : throw new InvalidSettingException("Lora", $"'{text}' in {Text} is no number. Write a strength there, such as <{Kind}:{Name}:0.8>.");
    }
}
