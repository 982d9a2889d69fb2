using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace StableDiffusion.ReferenceModels;

/// <summary>How a tensor, or an equal part of one, was drawn.</summary>
/// <param name="Kind">From a normal distribution, also column by column, or from a uniform one.</param>
/// <param name="Seed">The generator's seed.</param>
/// <param name="Offset">How many numbers the generator had given before.</param>
/// <param name="Scale">The standard deviation, or the bound of the uniform numbers on either side of 0.</param>
internal sealed record Draw(DrawKind Kind, uint Seed, long Offset, float Scale)
{
    /// <summary>Reads <c>kind:seed:offset:scale</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="draw">What it says.</param>
    /// <returns>Whether it is of that form.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out Draw? draw)
    {
        draw = text.Split(':') is [string kind, string seed, string offset, string scale]
            ? new Draw(
                Enum.Parse<DrawKind>(kind, ignoreCase: true),
                uint.Parse(seed, CultureInfo.InvariantCulture),
                long.Parse(offset, CultureInfo.InvariantCulture),
                float.Parse(scale, CultureInfo.InvariantCulture))
            : null;
        return draw is not null;
    }

    /// <summary>Draws the weights.</summary>
    /// <param name="random">The generator of the seed.</param>
    /// <param name="weights">Receives them.</param>
    /// <param name="columns">The length of a row.</param>
    public void Fill(TorchStream random, Span<Half> weights, int columns)
    {
        float[] values = new float[weights.Length];
        random.MoveTo(Offset);
        if (Kind == DrawKind.Uniform)
            random.Uniform(values, Scale);
        else
            random.Normal(values, Scale);

        int rows = weights.Length / columns;
        for (int i = 0; i < values.Length; i++)
            weights[i] = (Half)values[Kind == DrawKind.Transposed ? (i % columns * rows) + (i / columns) : i];
    }
}

/// <summary>What a tensor was drawn from.</summary>
internal enum DrawKind
{
    /// <summary>A normal distribution.</summary>
    Normal,

    /// <summary>A normal distribution, and the file has the matrix transposed.</summary>
    Transposed,

    /// <summary>A uniform distribution.</summary>
    Uniform,
}
