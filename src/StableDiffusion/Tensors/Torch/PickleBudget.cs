namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// What a file may cost before it is taken for one made to exhaust the machine. The limits are some ten times what
/// the largest checkpoints need: those have a few thousand tensors and about forty operations for each.
/// </summary>
/// <param name="path">The file's path, for messages.</param>
internal sealed class PickleBudget(string path)
{
    /// <summary>How many tensors a file may hold.</summary>
    public const int MaxTensors = 100_000;

    /// <summary>How deep dictionaries may lie in one another.</summary>
    public const int MaxDepth = 32;

    /// <summary>How long the name of a tensor may be.</summary>
    public const int MaxNameLength = 1024;

    private const int MaxOperations = 8_000_000;
    private const int MaxTextBytes = 16 << 20;
    private const int MaxObjectBytes = 64 << 20;

    private int _operations;
    private int _textBytes;
    private int _objectBytes;

    /// <summary>Takes a step's worth of time.</summary>
    public void TakeOperation()
    {
        if (++_operations > MaxOperations)
            throw Exceeded($"more than {MaxOperations} operations");
    }

    /// <summary>Takes room for a text, before it is made.</summary>
    public void TakeText(long bytes)
    {
        if (bytes > MaxTextBytes - _textBytes)
            throw Exceeded($"more than {MaxTextBytes} bytes of text");
        _textBytes += (int)bytes;
        TakeObject(24);
    }

    /// <summary>Takes memory for an object, or for a list's next values, before they are made.</summary>
    public void TakeObject(long bytes)
    {
        if (bytes > MaxObjectBytes - _objectBytes)
            throw Exceeded($"objects of more than {MaxObjectBytes} bytes beside its tensors");
        _objectBytes += (int)bytes;
    }

    /// <summary>The error for a file that is larger in some way than any model is.</summary>
    public ModelInvalidException Exceeded(string what) => new(
        $"'{path}' was refused: it holds {what}, far beyond what a model has. It is damaged, or made to exhaust the machine.");
}
