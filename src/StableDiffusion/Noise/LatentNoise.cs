using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>
/// The random numbers for one image: its initial noise and the source of the noise of its steps.
/// Source: A1111 1.10, <c>modules/rng.py</c>, <c>ImageRNG</c>.
/// </summary>
/// <param name="seed">The seed of the image or of its batch.</param>
/// <param name="options">Normalized options with a known variation seed.</param>
/// <param name="continuing">The generator of the seed if values were already drawn from it; null starts a new one.</param>
internal sealed class LatentNoise(long seed, NoiseOptions options, INoiseSource? continuing = null)
{
    private readonly INoiseSource _generator = continuing ?? CreateGenerator(seed, options.RandomSource);

    /// <summary>Creates a generator from a seed as torch does; negative seeds wrap around.</summary>
    public static INoiseSource CreateGenerator(long seed, RandomSource? source) =>
        source == RandomSource.Cuda ? new PhiloxRandom(seed) : new TorchRandom(seed);

    /// <summary>Draws the initial noise. Call it once, before the source of the steps is created.</summary>
    /// <param name="noise">Receives it, [1, channels, height, width].</param>
    /// <param name="latentFactor">The number of pixels per latent value along each side.</param>
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

        // The border is the seed's noise at this size, the center the same seed's noise at the other size.
        Tensor drawn = new(drawnShape);
        Draw(CreateGenerator(seed, options.RandomSource), drawn);
        OfBatch(_generator).Fill(noise.Span, 0, 0);
        PasteCentred(drawn, noise);
    }

    /// <summary>Draws values without using them, in place of an encoding between the initial noise and the steps.</summary>
    /// <param name="count">The number of values.</param>
    public void Skip(int count) => _generator.Fill(new float[count], 0, 0);

    /// <summary>The generator of the image, for an encoding between the initial noise and the steps.</summary>
    public INoiseSource Generator => OfBatch(_generator);

    /// <summary>The generator for the noise of the steps, for the whole batch.</summary>
    public INoiseSource StepGenerator => options.EtaNoiseSeedDelta is long delta
        ? CreateGenerator(unchecked(seed + delta), options.RandomSource)
        : _generator;

    /// <summary>Returns the image's share of a source for the whole batch.</summary>
    /// <param name="source">The source.</param>
    public INoiseSource OfBatch(INoiseSource source) => options is { BatchSize: int size, BatchIndex: int index }
        ? new BatchNoise(source, index, size)
        : source;

    private void Draw(INoiseSource generator, Tensor noise)
    {
        OfBatch(generator).Fill(noise.Span, 0, 0);
        if (options is not { VariationStrength: double strength, VariationSeed: long variationSeed })
            return;

        // Each image has its own variation seed, even if the images share a generator.
        float[] other = new float[noise.Length];
        CreateGenerator(variationSeed, options.RandomSource).Fill(other, 0, 0);
        SphericalInterpolation.Turn(noise.Span, other, noise.Shape[2], noise.Shape[3], strength);
    }

    /// <summary>Copies the part of a source that fits into the center of a target.</summary>
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

    /// <remarks>The margin is rounded down as in Python: for an odd difference, one more value is left out than necessary.</remarks>
    private static (int SourceStart, int TargetStart, int Length) Overlap(int source, int target)
    {
        int margin = (target - source) >> 1;
        return margin >= 0 ? (0, margin, source) : (-margin, 0, source + (2 * margin));
    }
}
