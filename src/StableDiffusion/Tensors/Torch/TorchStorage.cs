namespace StableDiffusion.Tensors.Torch;

/// <summary>A block of values that tensors are views of, as a pickle names it.</summary>
/// <param name="key">Its name among the file's storages.</param>
/// <param name="type">The type of its values.</param>
/// <param name="count">How many values there are in the whole block, as the pickle claims.</param>
internal sealed class TorchStorage(string key, StoredElementType type, long count)
{
    public string Key { get; } = key;

    public StoredElementType ElementType { get; } = type;

    /// <summary>How many values the whole block holds.</summary>
    public long Count { get; } = count;

    /// <summary>The first value of the block that this storage is a part of; more than 0 only in the older format.</summary>
    public long PartStart { get; init; }

    /// <summary>How many values belong to this storage.</summary>
    public long PartCount { get; init; }

    /// <summary>How many bytes the whole block takes up.</summary>
    public long ByteLength => Count * StoredTensor.SizeOf(ElementType);

    /// <summary>The byte of the file at which the block starts; known once the block has been found and checked.</summary>
    public long Start { get; set; } = -1;
}
