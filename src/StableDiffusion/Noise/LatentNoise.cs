using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>
/// The random numbers of one picture: its start noise and the source of its steps' noise.
/// Source: A1111 1.10, <c>modules/rng.py</c>, <c>ImageRNG</c>.
/// </summary>
/// <param name="seed">The picture's seed, or that of its batch.</param>
/// <param name="options">Normalized options whose variation seed is known.</param>
/// <param name="continuing">The seed's generator where something was drawn from it already; null starts a new one.</param>
internal sealed class LatentNoise(long seed, NoiseOptions options, INoiseSource? continuing = null)
{
    private readonly INoiseSource _generator = continuing ?? CreateGenerator(seed, options.RandomSource);

    /// <summary>Makes a generator, as torch does from a seed; negative ones wrap around.</summary>
    public static INoiseSource CreateGenerator(long seed, RandomSource? source) =>
        source == RandomSource.Cuda ? new PhiloxRandom(seed) : new TorchRandom(seed);

    /// <summary>The name that records have for a source; null for the usual one, which they leave out.</summary>
    public static string? NameOf(RandomSource? source) => source is null or RandomSource.TorchCpu ? null : source.ToString();

    /// <summary>Draws the start noise; to be called once, before the steps' source is made.</summary>
    /// <param name="noise">Receives it, [1, channels, height, width].</param>
    /// <param name="latentFactor">How many pixels a side of a value of the latent stands for.</param>
    public void FillStart(Tensor noise, int latentFactor)
    {
        int[] shape = [.. noise.Shape];
        int[] drawnShape = options is { SeedResizeHeight: int height, SeedResizeWidth: int width }
            ? [1, shape[1], height / latentFactor, width / latentFactor]
            : shape;
        if (drawnShape.SequenceEqual(shape))
        {
            Draw(_generator, noise);
            return;
        }

        // The border is the seed's own noise at this size, beneath the same seed's noise at the other one.
        Tensor drawn = new(drawnShape);
        Draw(CreateGenerator(seed, options.RandomSource), drawn);
        OfBatch(_generator).Fill(noise.Span, 0, 0);
        PasteCentred(drawn, noise);
    }

    /// <summary>Draws as many values as one picture has and leaves them, as an encoding between start and steps would.</summary>
    /// <param name="count">How many values.</param>
    public void Skip(int count) => _generator.Fill(new float[count], 0, 0);

    /// <summary>The picture's generator, for an encoding between start and steps.</summary>
    public INoiseSource Generator => OfBatch(_generator);

    /// <summary>The generator that the steps' noise comes from, for the whole batch.</summary>
    public INoiseSource StepGenerator => options.EtaNoiseSeedDelta is long delta
        ? CreateGenerator(unchecked(seed + delta), options.RandomSource)
        : _generator;

    /// <summary>The picture's share of a source of the whole batch.</summary>
    /// <param name="source">The source.</param>
    public INoiseSource OfBatch(INoiseSource source) => options is { BatchSize: int size, BatchIndex: int index }
        ? new BatchNoise(source, index, size)
        : source;

    private void Draw(INoiseSource generator, Tensor noise)
    {
        OfBatch(generator).Fill(noise.Span, 0, 0);
        if (options is not { VariationStrength: double strength, VariationSeed: long variationSeed })
            return;

        // Each picture has a variation seed of its own, also where they share a generator.
        float[] other = new float[noise.Length];
        CreateGenerator(variationSeed, options.RandomSource).Fill(other, 0, 0);
        SphericalInterpolation.Turn(noise.Span, other, noise.Shape[2], noise.Shape[3], strength);
    }

    /// <summary>Puts what fits of a source over the middle of a target.</summary>
    private static void PasteCentred(Tensor source, Tensor target)
    {
        (int sourceY, int targetY, int height) = Overlap(source.Shape[2], target.Shape[2]);
        (int sourceX, int targetX, int width) = Overlap(source.Shape[3], target.Shape[3]);
        for (int channel = 0; channel < target.Shape[1]; channel++)
        {
            for (int y = 0; y < height; y++)
            {
                int from = (((channel * source.Shape[2]) + sourceY + y) * source.Shape[3]) + sourceX;
                int to = (((channel * target.Shape[2]) + targetY + y) * target.Shape[3]) + targetX;
                source.Span.Slice(from, width).CopyTo(target.Span[to..]);
            }
        }
    }

    /// <remarks>The margin rounds down, as Python's division does: an odd excess costs one value more than needed.</remarks>
    private static (int SourceStart, int TargetStart, int Length) Overlap(int source, int target)
    {
        int margin = (target - source) >> 1;
        return margin >= 0 ? (0, margin, source) : (-margin, 0, source + (2 * margin));
    }
}
