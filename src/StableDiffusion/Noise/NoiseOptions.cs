namespace StableDiffusion.Noise;

/// <summary>
/// Options for the noise of a seed; null means no effect. Variations, seed resize and the eta noise seed delta are those of
/// A1111's <c>rng.py</c>, positions in a batch those of ComfyUI, and of diffusers with one generator.
/// </summary>
internal sealed record NoiseOptions
{
    /// <summary>The maximum number of images that can share a generator, as many as in a batch of ComfyUI.</summary>
    public const int HighestBatchSize = 4096;

    /// <summary>The random number generator; null for torch's on the CPU.</summary>
    public RandomSource? RandomSource { get; init; }

    /// <summary>The seed of the noise for variations, 0 or more; drawn at random if null.</summary>
    public long? VariationSeed { get; init; }

    /// <summary>The strength of the variation: 0 is the noise of the seed alone, 1 that of the variation seed alone.</summary>
    public double? VariationStrength { get; init; }

    /// <summary>The width in pixels of the image whose noise is used in the center of this one's; requires the height.</summary>
    public int? SeedResizeWidth { get; init; }

    /// <summary>The height in pixels of the image whose noise is used in the center of this one's; requires the width.</summary>
    public int? SeedResizeHeight { get; init; }

    /// <summary>The number added to the seed for the noise of the steps (ENSD); for 0, they continue with the generator of the initial noise.</summary>
    public long? EtaNoiseSeedDelta { get; init; }

    /// <summary>The number of images that share one generator, 1 to <see cref="HighestBatchSize"/>; requires the index.</summary>
    public int? BatchSize { get; init; }

    /// <summary>The index of this image in the batch, from 0.</summary>
    public int? BatchIndex { get; init; }

    /// <summary>Checks the ranges, and sets options without effect to null.</summary>
    /// <returns>Options for the same noise; only a variation seed may still have to be drawn.</returns>
    /// <exception cref="InvalidSettingException">An option is out of range, or requires another one.</exception>
    internal NoiseOptions Normalize()
    {
        if (SeedResizeWidth is null != SeedResizeHeight is null)
        {
            string given = SeedResizeWidth is null ? nameof(SeedResizeHeight) : nameof(SeedResizeWidth);
            throw new InvalidSettingException(given, $"{given} is given alone. Give both {nameof(SeedResizeWidth)} and {nameof(SeedResizeHeight)}, or neither.");
        }

        if (BatchSize > 1 && BatchIndex is null)
            throw new InvalidSettingException(nameof(BatchSize), $"BatchSize is {BatchSize}, but there is no BatchIndex. Give the index of the image in the batch too; to make several images, give their count.");
        int batchSize = BatchSize ?? 1;
        int batchIndex = BatchIndex ?? 0;
        if (batchIndex < 0 || batchIndex >= batchSize)
            throw new InvalidSettingException(nameof(BatchIndex), $"BatchIndex is {batchIndex}, but must be between 0 and {batchSize - 1}, one less than BatchSize.");

        bool isVaried = VariationStrength > 0;
        return this with
        {
            VariationSeed = isVaried ? VariationSeed : null,
            VariationStrength = isVaried ? VariationStrength : null,
            EtaNoiseSeedDelta = EtaNoiseSeedDelta is 0 ? null : EtaNoiseSeedDelta,
            BatchSize = batchSize > 1 ? batchSize : null,
            BatchIndex = batchSize > 1 ? batchIndex : null,
        };
    }
}
