namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// A file that PyTorch's <c>torch.save</c> wrote (<c>.ckpt</c>, <c>.pt</c>, <c>.pth</c>, <c>.bin</c>), open for reading, in the
/// current format or in the one before version 1.6. Such a file is a program that builds its contents; it is not run here,
/// and a file that asks for anything but tensors, dictionaries, strings and numbers is refused. Only what is read is loaded. Several threads may read at the same time; disposing is not thread-safe.
/// </summary>
internal sealed class TorchFile : ITensorFile
{
    // Tensors may share their values, and a trained model has a few such names. With many of them, a small file claims to be a large model.
    private const int MaxSharing = 16;

    private readonly RandomAccessFile _file;
    private readonly StateDictionary _state;
    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);

    private TorchFile(RandomAccessFile file)
    {
        _file = file;
        PickleBudget budget = new(file.Path);
        object? root = IsArchive(file.Head(4)) ? TorchArchive.Read(file, budget) : TorchStream.Read(file, budget);
        _state = StateDictionary.From(file.Path, root, budget);

        Int128 bytes = 0, spread = 0;
        foreach ((string name, TorchTensor tensor) in _state.Tensors)
        {
            StoredTensor stored = tensor.Describe(name);
            _tensors.Add(name, stored);
            bytes += stored.ByteLength;
            spread += tensor.SpreadBytes;
        }

        if (bytes > (Int128)file.Length * MaxSharing)
            throw budget.Exceeded($"tensors of {bytes} bytes in a file of {file.Length}");
        if (spread > (Int128)file.Length * MaxSharing)
            throw budget.Exceeded($"tensors that are spread over {spread} bytes in a file of {file.Length}");
    }

    /// <summary>The file's full path.</summary>
    public string Path => _file.Path;

    /// <summary>
    /// The descriptions of the tensors in the file, by name. For nested dictionaries the keys are joined by dots; if the top
    /// level has a <c>state_dict</c>, only its tensors are listed.
    /// </summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>The numbers and strings beside the tensors, such as <c>global_step</c> or an embedding's <c>name</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _state.Metadata;

    /// <summary>Opens a file and checks everything but the tensors' values.</summary>
    /// <param name="path">The path of the file.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged, has unsupported contents, or cannot be opened.</exception>
    /// <exception cref="UnsafeFileException">The file asks for code to be run.</exception>
    public static TorchFile Open(string path) => Open(RandomAccessFile.Open(path));

    /// <summary>Takes takes ownership of it; it is closed if PyTorch did not write it.</summary>
    internal static TorchFile Open(RandomAccessFile file)
    {
        try
        {
            return new TorchFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file with these first bytes is a zip archive or a pickle.</summary>
    internal static bool Recognises(ReadOnlySpan<byte> head) =>
        IsArchive(head) || (head.Length > 1 && head[0] == (byte)PickleOpcode.Proto && head[1] is >= 2 and <= 5) || IsOldPickle(head);

    /// <summary>Reads a tensor, or a part of it, as 32-bit floats into existing memory.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    /// <param name="start">The index of the first value to read, in row-major order whatever the order in the file.</param>
    /// <exception cref="ModelInvalidException">The file has no such tensor.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has fewer values from there on.</exception>
    public void Read(string name, Span<float> destination, long start = 0)
    {
        StoredTensor stored = this.Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, stored.Count - destination.Length);
        _state.Tensors[name].Read(_file, destination, start);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static bool IsArchive(ReadOnlySpan<byte> head) => head.StartsWith("PK\x03\x04"u8);

    /// <summary>
    /// Whether a file starts as a pickle of protocol 0 or 1 that names a function at once. PyTorch never writes such pickles,
    /// but malicious files are often of this kind, and the error should say so.
    /// </summary>
    private static bool IsOldPickle(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("("u8))
            head = head[1..];
        int length = head.IndexOf((byte)'\n');
        return length > 1
            && (PickleOpcode)head[0] is PickleOpcode.Global or PickleOpcode.Inst
            && !head[1..length].ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."u8);
    }
}
