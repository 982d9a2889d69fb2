using System.Globalization;
using StableDiffusion.Prompts;

namespace StableDiffusion.Adapters;

/// <summary>A LoRA file with its strengths.</summary>
/// <param name="Path">The file's full path.</param>
/// <param name="Strength">The strength for the U-Net; 1 for the whole change, negative for the opposite.</param>
/// <param name="TextEncoderStrength">The strength for the text encoder; null for the same as for the U-Net.</param>
public sealed record Lora(string Path, double Strength = 1, double? TextEncoderStrength = null)
{
    /// <summary>The highest strength that makes sense; anything beyond is taken for a mistake.</summary>
    private const double HighestStrength = 100;

    /// <summary>The file's name without its extension.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>Whether the file is found by its name; images then record the name in place of the path.</summary>
    public bool HasName { get; init; }

    /// <summary>Factors of the strengths for the blocks of the U-Net and the text encoders; null for 1 everywhere.</summary>
    public BlockWeights? BlockWeights { get; init; }

    /// <summary>Parses a LoRA as written in scripts: <c>style</c>, <c>style.safetensors:0.8</c>, <c>style:0.8:0.5</c>, or <c>style:0.8;lbw=MIDD</c>.</summary>
    /// <param name="text">A name or path, optionally followed by colons and the strengths for the U-Net and the text encoder (by default 1, and the same), and by <c>;lbw=</c> and block weights.</param>
    /// <param name="find">Finds the LoRA of a name or path.</param>
    /// <returns>The LoRA with its strengths.</returns>
    /// <exception cref="InvalidSettingException">There is no name, a strength is out of range, or the block weights are invalid.</exception>
    /// <exception cref="AdapterNotFoundException">There is no such file.</exception>
    public static Lora Parse(string text, Func<string, Lora> find)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(find);
        (string name, IReadOnlyList<double> strengths, string? blocks) = LoraText.Split(text);
        if (name.Length == 0)
            throw new InvalidSettingException("Lora", $"'{text}' does not name a LoRA. Give a name or a path, optionally with a strength after a colon, such as style:0.8.");

        BlockWeights? weights = blocks is null ? null : BlockWeights.Parse(blocks);
        return find(name) with
        {
            Strength = strengths.Count > 0 ? Check(strengths[0]) : 1,
            TextEncoderStrength = strengths.Count > 1 ? Check(strengths[1]) : null,
            BlockWeights = weights,
        };
    }

    /// <summary>The LoRA in the form that <see cref="Parse"/> reads.</summary>
    /// <returns>Its name or path, its strengths, and its block weights if there are any.</returns>
    public override string ToString() => Format(HasName ? Name : Path, Strength, TextEncoderStrength) + (BlockWeights is null ? string.Empty : LoraText.BlockWeights + BlockWeights);

    private static string Format(string name, double strength, double? textEncoderStrength) => string.Create(
        CultureInfo.InvariantCulture, $"{name}:{strength}{(textEncoderStrength is { } own && own != strength ? string.Create(CultureInfo.InvariantCulture, $":{own}") : string.Empty)}");

    /// <summary>Checks that a strength is a number in the valid range.</summary>
    internal static double Check(double strength) => Math.Abs(strength) <= HighestStrength
        ? strength
        : throw new InvalidSettingException("Lora", string.Create(CultureInfo.InvariantCulture, $"A LoRA's strength is {strength}, but must be between -{HighestStrength} and {HighestStrength}."));
}
