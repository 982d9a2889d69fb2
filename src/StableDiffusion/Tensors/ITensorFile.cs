namespace StableDiffusion.Tensors;

/// <summary>
/// A file of named tensors, open for reading, whatever its format. Reading is safe from several threads at once,
/// disposing is not.
/// </summary>
public interface ITensorFile : IDisposable
{
    /// <summary>The file's full path.</summary>
    string Path { get; }

    /// <summary>What the file says of each of its tensors, by name.</summary>
    IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The texts that the file's maker left in it; often empty.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads a tensor, or a part of it, as 32-bit floats into memory that is there already.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="destination">Receives as many values as it is long.</param>
    /// <param name="start">The first value to read, counted row by row.</param>
    /// <exception cref="ModelInvalidException">The file holds no such tensor, or is damaged there.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor does not hold so many values from there on.</exception>
    void Read(string name, Span<float> destination, long start = 0);
}
