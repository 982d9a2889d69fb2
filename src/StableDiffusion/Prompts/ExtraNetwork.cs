using System.Globalization;

namespace StableDiffusion.Prompts;

/// <summary>A tag in an A1111 prompt that names a file, such as <c>&lt;lora:style:0.8&gt;</c>.</summary>
/// <param name="Text">The tag as written in the prompt.</param>
/// <param name="Kind">The kind of file, such as <c>lora</c>.</param>
/// <param name="Name">The file's name.</param>
/// <param name="Arguments">The text after each further colon.</param>
internal sealed record ExtraNetwork(string Text, string Kind, string Name, IReadOnlyList<string> Arguments)
{
    /// <summary>The name of the argument with block weights, with the sign after it.</summary>
    public const string BlockWeightsKey = "lbw=";

    /// <summary>Whether it names a LoRA of any kind; the LyCORIS extension had its own keyword.</summary>
    public bool IsLora => Kind is "lora" or "lyco";

    /// <summary>The strength for the text encoder: the first argument, or <c>te=</c>; 1 by default.</summary>
    /// <exception cref="InvalidSettingException">It is not a number.</exception>
    public double TextEncoderStrength => Number("te", 0) ?? 1;

    /// <summary>The strength for the U-Net: the second argument, or <c>unet=</c>; that of the text encoder by default.</summary>
    /// <exception cref="InvalidSettingException">It is not a number.</exception>
    public double UNetStrength => Number("unet", 1) ?? TextEncoderStrength;

    /// <summary>The block weights, <c>lbw=</c>, as in the extension sd-webui-lora-block-weight; null if there are none.</summary>
    public string? BlockWeights => Arguments.FirstOrDefault(static argument => argument.StartsWith(BlockWeightsKey, StringComparison.Ordinal))?[BlockWeightsKey.Length..];

    // As in A1111 (extra_networks_lora.py): a named argument takes precedence over the one at its position.
    private double? Number(string name, int index)
    {
        string[] positional = [.. Arguments.Where(static argument => !argument.Contains('='))];
        string? text = Arguments.FirstOrDefault(argument => argument.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..]
            ?? positional.ElementAtOrDefault(index);
        if (text is null)
            return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number
            : throw new InvalidSettingException("Lora", $"'{text}' in {Text} is not a number. Write a strength, such as <{Kind}:{Name}:0.8>.");
    }
}
