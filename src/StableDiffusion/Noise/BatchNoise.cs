using StableDiffusion.Tensors;

namespace StableDiffusion.Noise;

/// <summary>
/// One image's share of a source for a whole batch. The batch is drawn as one tensor, since a torch generator returns
/// different values if it draws image by image.
/// </summary>
/// <param name="source">The source; no one else may draw from it.</param>
/// <param name="index">The index of the image, from 0.</param>
/// <param name="size">The number of images.</param>
internal sealed class BatchNoise(INoiseSource source, int index, int size) : INoiseSource
{
    private float[] _batch = [];

    /// <inheritdoc/>
    public void Fill(Span<float> destination, float sigma, float sigmaNext)
    {
        long length = (long)destination.Length * size;
        if (length > Array.MaxLength)
            throw new InvalidSettingException(nameof(NoiseOptions.BatchSize), $"The noise of a batch of {size} such images is too large. Make the batch or the images smaller.");
        if (_batch.Length != length)
            _batch = new float[length];

        source.Fill(_batch, sigma, sigmaNext);
        _batch.AsSpan(index * destination.Length, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void Transfer(StateTransfer state) => source.Transfer(state);

    /// <inheritdoc/>
    public INoiseSource Clone() => new BatchNoise(source.Clone(), index, size);
}
