using System.Globalization;
using StableDiffusion.Families;
using StableDiffusion.Families.Keys;

namespace StableDiffusion.Adapters;

/// <summary>
/// Factors of a LoRA's strength, one for each block of the U-Net and one for the text encoders, as the extension
/// sd-webui-lora-block-weight for A1111 has them.
/// </summary>
/// <remarks>
/// A list has 26 factors: BASE (the text encoders), IN00 to IN11, M00, OUT00 to OUT11, the blocks in the order of the latent
/// diffusion code. Shorter lists leave out blocks, whose factor is then 0: lists of 17 those that LoRAs of Stable Diffusion 1
/// and 2 do not change, lists of 20 those that Stable Diffusion XL does not have, and lists of 12 those that LoRAs for XL do not
/// change. Layers outside of the blocks, such as the embedding of the time step, have the factor 1.
/// </remarks>
public sealed class BlockWeights : IEquatable<BlockWeights>
{
    private const int InputBlocks = 12;
    private const int Middle = 1 + InputBlocks;
    private const int FirstOutput = Middle + 1;
    private const int Count = FirstOutput + InputBlocks;
    private const double Largest = 100;

    // The places in the full list of what a list of this length holds.
    private static readonly Dictionary<int, int[]> s_places = new()
    {
        [12] = [0, In(4), In(5), In(7), In(8), Middle, .. Range(Out(0), 6)],
        [17] = [0, In(1), In(2), In(4), In(5), In(7), In(8), Middle, .. Range(Out(3), 9)],
        [20] = [0, .. Range(In(0), 9), Middle, .. Range(Out(0), 9)],
        [Count] = [.. Range(0, Count)],
    };

    // The extension's own, each of 17 factors.
    private static readonly Dictionary<string, string> s_presets = new(StringComparer.Ordinal)
    {
        ["NONE"] = "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
        ["ALL"] = "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1",
        ["INS"] = "1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0",
        ["IND"] = "1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0",
        ["INALL"] = "1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0",
        ["MIDD"] = "1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0",
        ["OUTD"] = "1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0",
        ["OUTS"] = "1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1",
        ["OUTALL"] = "1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1",
    };

    private readonly string _text;
    private readonly double[] _values = new double[Count];

    private BlockWeights(string text, double[] values)
    {
        _text = text;
        int[] places = s_places[values.Length];
        for (int i = 0; i < values.Length; i++)
            _values[places[i]] = values[i];
    }

    /// <summary>The 26 factors: of the text encoders, the input blocks, the middle block and the output blocks.</summary>
    public IReadOnlyList<double> Values => _values;

    /// <summary>Parses block weights.</summary>
    /// <param name="text">12, 17, 20 or 26 numbers from -100 to 100 with commas between them, or the name of a preset, in capitals: NONE, ALL, INS, IND, INALL, MIDD, OUTD, OUTS or OUTALL.</param>
    /// <returns>The block weights.</returns>
    /// <exception cref="InvalidSettingException">It is neither.</exception>
    public static BlockWeights Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim();
        bool isPreset = s_presets.TryGetValue(text, out string? preset);
        if (!isPreset && !text.Contains(','))
            throw Invalid($"There are no block weights '{text}'.");

        string[] items = (preset ?? text).Split(',');
        if (!s_places.ContainsKey(items.Length))
            throw Invalid($"The block weights of a LoRA are {items.Length} numbers.");

        double[] values = Array.ConvertAll(items, static item =>
            double.TryParse(item, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && Math.Abs(value) <= Largest
                ? value
                : throw new InvalidSettingException("Lora", $"'{item.Trim()}' in the block weights of a LoRA is not a number from -{Largest} to {Largest}."));
        return new BlockWeights(isPreset ? text : string.Join(',', values.Select(static value => value.ToString(CultureInfo.InvariantCulture))), values);
    }

    /// <summary>The block weights in the form that <see cref="Parse"/> reads.</summary>
    /// <returns>The name of the preset, or the numbers.</returns>
    public override string ToString() => _text;

    /// <inheritdoc/>
    public bool Equals(BlockWeights? other) => other is not null && _values.AsSpan().SequenceEqual(other._values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as BlockWeights);

    /// <inheritdoc/>
    public override int GetHashCode() => _values.Aggregate(0, HashCode.Combine);

    /// <summary>The factor for a layer.</summary>
    /// <param name="part">The part of the model, by the name of its folder.</param>
    /// <param name="path">The layer's path by diffusers' names, such as <c>down_blocks.1.attentions.0.proj_in</c>.</param>
    /// <param name="keys">The names of the U-Net.</param>
    internal double For(string part, string path, UNetKeys keys)
    {
        if (!ModelFamily.AllBackbones.Contains(part))
            return _values[0];
        return keys.BlockOf(path) switch
        {
            (UNetKeys.InputBlocks, < InputBlocks and int block) => _values[In(block)],
            (UNetKeys.MiddleBlock, _) => _values[Middle],
            (UNetKeys.OutputBlocks, < InputBlocks and int block) => _values[Out(block)],
            (_, _) => 0,
            null => 1,
        };
    }

    private static int In(int block) => 1 + block;

    private static int Out(int block) => FirstOutput + block;

    private static IEnumerable<int> Range(int first, int count) => Enumerable.Range(first, count);

    private static InvalidSettingException Invalid(string what) => new(
        "Lora", $"{what} Give {Spelling.Choices([.. s_places.Keys.Order().Select(static length => length.ToString(CultureInfo.InvariantCulture))])} numbers with commas between them, or a preset: {string.Join(", ", s_presets.Keys)}.");
}
