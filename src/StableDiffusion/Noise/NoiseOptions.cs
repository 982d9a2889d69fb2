namespace StableDiffusion.Noise;

/// <summary>
/// What is made of a seed besides the plain noise; what is null has no part. Variations, seed resize and the eta noise
/// seed delta are those of A1111's <c>rng.py</c>, places in a batch those of ComfyUI and of diffusers with one generator.
/// </summary>
public sealed record NoiseOptions
{
    /// <summary>The most pictures that can share a generator, as many as ComfyUI puts in a batch.</summary>
    public const int HighestBatchSize = 4096;

    /// <summary>Whose random numbers; torch's on the CPU where it is null.</summary>
    public RandomSource? RandomSource { get; init; }

    /// <summary>The seed of the noise that the start noise is turned towards, 0 or more; drawn at random where it is null.</summary>
    public long? VariationSeed { get; init; }

    /// <summary>How far it is turned: 0 is the seed's noise alone, 1 that of the variation seed.</summary>
    public double? VariationStrength { get; init; }

    /// <summary>The width in pixels of the picture whose noise stands in the middle of this one's; goes with the height.</summary>
    public int? SeedResizeWidth { get; init; }

    /// <summary>The height in pixels of the picture whose noise stands in the middle of this one's; goes with the width.</summary>
    public int? SeedResizeHeight { get; init; }

    /// <summary>What is added to the seed for the noise of the steps (ENSD); at 0 they go on with the start noise's generator.</summary>
    public long? EtaNoiseSeedDelta { get; init; }

    /// <summary>How many pictures draw from one generator, 1 to <see cref="HighestBatchSize"/>; goes with the index.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Which of those pictures this one is, counted from 0.</summary>
    public int? BatchIndex { get; init; }

    /// <summary>Checks the ranges, and makes null what has no effect.</summary>
    /// <returns>Options that make the same noise; only a variation seed may still have to be drawn.</returns>
    /// <exception cref="InvalidSettingException">An option is out of its range, or lacks another one.</exception>
    internal NoiseOptions Normalize()
    {
        if (SeedResizeWidth is null != SeedResizeHeight is null)
        {
            string given = SeedResizeWidth is null ? nameof(SeedResizeHeight) : nameof(SeedResizeWidth);
            throw new InvalidSettingException(given, $"{given} is given alone. Give both {nameof(SeedResizeWidth)} and {nameof(SeedResizeHeight)}, or neither.");
        }

        if (BatchSize > 1 && BatchIndex is null)
            throw new InvalidSettingException(nameof(BatchSize), $"A batch of {BatchSize} is given, but not which of its pictures to make. Give BatchIndex too; to make several pictures, give their count.");
        int batchSize = BatchSize ?? 1;
        int batchIndex = BatchIndex ?? 0;
        if (batchIndex < 0 || batchIndex >= batchSize)
            throw new InvalidSettingException(nameof(BatchIndex), $"BatchIndex is {batchIndex}, but must lie between 0 and {batchSize - 1}, one less than BatchSize.");

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
