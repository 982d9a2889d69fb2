namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// The limits on the resources that reading a pickle may take, against files made to exhaust the machine. They are about
/// ten times what the largest checkpoints need: those have a few thousand tensors and about forty operations for each.
/// </summary>
/// <param name="path">The file's path, for messages.</param>
internal sealed class PickleBudget(string path)
{
    /// <summary>The maximum number of tensors in a file.</summary>
    public const int MaxTensors = 100_000;

    /// <summary>The maximum nesting depth of dictionaries.</summary>
    public const int MaxDepth = 32;

    /// <summary>The maximum length of a tensor's name.</summary>
    public const int MaxNameLength = 1024;

    /// <summary>The maximum length of a storage's key. PyTorch's keys are numbers: an index, or an address in memory.</summary>
    public const int MaxKeyLength = 128;

    private const int MaxOperations = 8_000_000;
    private const int MaxTextBytes = 16 << 20;
    private const int MaxObjectBytes = 64 << 20;

    private int _operations;
    private int _textBytes;
    private int _objectBytes;

    /// <summary>Counts a step of the pickle, or an entry of a collection that is looked at; values may be looked at again and again.</summary>
    public void TakeOperation()
    {
        if (++_operations > MaxOperations)
            throw Exceeded($"more than {MaxOperations} operations");
    }

    /// <summary>Counts the bytes of a string before it is created, or looked up as often as a file likes.</summary>
    public void TakeText(long bytes)
    {
        if (bytes > MaxTextBytes - _textBytes)
            throw Exceeded($"more than {MaxTextBytes} bytes of text");
        _textBytes += (int)bytes;
        TakeObject(24);
    }

    /// <summary>Counts the memory of an object, or of values added to a list, before it is allocated.</summary>
    public void TakeObject(long bytes)
    {
        if (bytes > MaxObjectBytes - _objectBytes)
            throw Exceeded($"objects of more than {MaxObjectBytes} bytes beside its tensors");
        _objectBytes += (int)bytes;
    }

    /// <summary>Returns the error for a file that exceeds a limit.</summary>
    public ModelInvalidException Exceeded(string what) => new(
        $"'{path}' was refused: it has {what}, far more than a model needs. It is damaged, or made to exhaust the machine.");
}
