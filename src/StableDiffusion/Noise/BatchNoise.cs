namespace StableDiffusion.Noise;

/// <summary>
/// One picture's share of a source that fills a whole batch at once. The batch is drawn as one tensor, since a torch
/// generator gives other values when it draws picture by picture.
/// </summary>
/// <param name="source">The source; this one takes all that it gives.</param>
/// <param name="index">Which picture, from 0.</param>
/// <param name="size">How many pictures.</param>
internal sealed class BatchNoise(INoiseSource source, int index, int size) : INoiseSource
{
    private float[] _batch = [];

    /// <inheritdoc/>
    public void Fill(Span<float> destination, float sigma, float sigmaNext)
    {
        long length = (long)destination.Length * size;
        if (length > Array.MaxLength)
            throw new InvalidSettingException(nameof(NoiseOptions.BatchSize), $"The noise of a batch of {size} such pictures is too large. Make the batch or the pictures smaller.");
        if (_batch.Length != length)
            _batch = new float[length];

        source.Fill(_batch, sigma, sigmaNext);
        _batch.AsSpan(index * destination.Length, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public INoiseSource Clone() => new BatchNoise(source.Clone(), index, size);
}
