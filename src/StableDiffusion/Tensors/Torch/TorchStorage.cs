namespace StableDiffusion.Tensors.Torch;

/// <summary>A block of values that tensors are views of, as a pickle describes it.</summary>
/// <param name="key">Its name in the file.</param>
/// <param name="type">The type of its values.</param>
/// <param name="count">The number of values in the whole block, as the pickle claims.</param>
internal sealed class TorchStorage(string key, StoredElementType type, long count)
{
    public string Key { get; } = key;

    public StoredElementType ElementType { get; } = type;

    /// <summary>The number of values in the whole block.</summary>
    public long Count { get; } = count;

    /// <summary>The index of this storage's first value in the block; above 0 only in the older format.</summary>
    public long PartStart { get; init; }

    /// <summary>The number of values of this storage.</summary>
    public long PartCount { get; init; }

    /// <summary>The length of the whole block in bytes.</summary>
    public long ByteLength => Count * StoredTensor.SizeOf(ElementType);

    /// <summary>The position of the block in the file; known once the block has been found and checked.</summary>
    public long Start { get; set; } = -1;
}
