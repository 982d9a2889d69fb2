namespace StableDiffusion.Tensors;

/// <summary>
/// A file of named tensors of any supported format, open for reading. Several threads may read at the same time; disposing
/// is not thread-safe.
/// </summary>
internal interface ITensorFile : IDisposable
{
    /// <summary>The file's full path.</summary>
    string Path { get; }

    /// <summary>The descriptions of the tensors in the file, by name.</summary>
    IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The texts that the writer of the file stored in it; often empty.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads a tensor, or a part of it, as 32-bit floats into existing memory.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    /// <param name="start">The index of the first value to read, in row-major order.</param>
    /// <exception cref="ModelInvalidException">The file has no such tensor, or is damaged there.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has fewer values from there on.</exception>
    void Read(string name, Span<float> destination, long start = 0);
}
