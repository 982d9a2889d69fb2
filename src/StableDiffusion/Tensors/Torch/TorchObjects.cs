namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// Creates the objects that <c>torch.save</c> writes as function calls and persistent ids, from their arguments: see
/// <c>torch/_utils.py</c> and <c>torch/serialization.py</c> of https://github.com/pytorch/pytorch. No function is called.
/// </summary>
/// <param name="reader">The pickle, for the position in messages.</param>
/// <param name="budget">The limits on resources.</param>
/// <param name="fileLength">The length of the whole file in bytes.</param>
internal sealed class TorchObjects(PickleReader reader, PickleBudget budget, long fileLength)
{
    private readonly List<TorchStorage> _storages = [];

    /// <summary>Every storage that was named, once for each time it was named.</summary>
    public IReadOnlyList<TorchStorage> Storages => _storages;

    /// <summary>The result of a call.</summary>
    /// <returns>The value, or null if tensor files do not call the function; no call returns None.</returns>
    public object? Call(PickleGlobal function, object?[] arguments)
    {
        switch (function.Kind)
        {
            case PickleGlobalKind.OrderedDictionary:
                if (arguments.Length != 0)
                    throw reader.Invalid("an OrderedDict is made of arguments");
                budget.TakeObject(160);
                return new PickleDictionary(function.Kind);
            case PickleGlobalKind.Tensor:
                // storage, offset, lengths, strides; from version 2 on requires_grad, hooks and perhaps metadata follow.
                if (arguments.Length is not (4 or 6 or 7))
                    throw reader.Invalid($"{function.Name} has {arguments.Length} arguments");
                return MakeTensor(arguments, null, arguments.Length == 7 ? arguments[6] : null);
            case PickleGlobalKind.TypedTensor:
                if (arguments.Length is not (7 or 8) || arguments[6] is not PickleGlobal { Kind: PickleGlobalKind.ElementType } type)
                    throw reader.Invalid($"{function.Name} has arguments of the wrong types");
                return MakeTensor(arguments, type, arguments.Length == 8 ? arguments[7] : null);
            case PickleGlobalKind.Parameter:
                return arguments is [TorchTensor tensor, _, _] ? tensor : throw reader.Invalid("the argument of a parameter is not a tensor");
            case PickleGlobalKind.Size:
                return arguments is [object?[] lengths] ? lengths : throw reader.Invalid("the argument of a torch.Size is not a tuple");
            case PickleGlobalKind.OpaqueCall:
                return PickleOpaque.Instance;
            default:
                return null;
        }
    }

    /// <summary>The storage that a persistent id names.</summary>
    public TorchStorage MakeStorage(object? id)
    {
        if (id is not object?[] parts
            || parts is not ["storage", PickleGlobal { Kind: PickleGlobalKind.Storage } type, string key, _, long count, ..])
        {
            throw reader.Invalid("a persistent id names no storage");
        }

        if (type.ElementType is not StoredElementType elementType)
            throw Unreadable(type);
        if (key.Length > PickleBudget.MaxKeyLength)
            throw budget.Exceeded($"a storage with a key of {key.Length} characters");
        if (count < 0 || (Int128)count * StoredTensor.SizeOf(elementType) > fileLength)
            throw reader.Invalid($"the storage '{key}' claims {count} values of {elementType}, and the file has {fileLength} bytes");

        // In the older format a storage may be a part of another: then the part's name, start and length follow.
        long start = 0;
        long length = count;
        if (parts is [_, _, _, _, _, object?[] part])
        {
            if (part is not [string, long partStart, long partLength] || partStart < 0 || partLength < 0 || partStart > count - partLength)
                throw reader.Invalid($"a part of the storage '{key}' exceeds its {count} values");
            (start, length) = (partStart, partLength);
        }
        else if (parts is not ([_, _, _, _, _] or [_, _, _, _, _, null]))
        {
            throw reader.Invalid("a persistent id names no storage");
        }

        budget.TakeObject(112);
        TorchStorage storage = new(key, elementType, count) { PartStart = start, PartCount = length };
        _storages.Add(storage);
        return storage;
    }

    private TorchTensor MakeTensor(object?[] arguments, PickleGlobal? type, object? metadata)
    {
        if (arguments[0] is not TorchStorage storage || arguments[1] is not long offset)
            throw reader.Invalid("a tensor has no storage");
        if (type is not null && type.ElementType is null)
            throw Unreadable(type);
        if (metadata is PickleDictionary marks && IsAnySet(marks))
            throw reader.Invalid("a tensor is marked as negated or conjugated, and its values would have to be computed");

        long[] shape = Numbers(arguments[2]);
        long[] strides = Numbers(arguments[3]);
        budget.TakeObject(160 + 32 * shape.Length);
        return TorchTensor.Create(storage, type?.ElementType ?? storage.ElementType, offset, shape, strides, out string? fault)
            ?? throw reader.Invalid($"a tensor contradicts itself: {fault}");
    }

    private bool IsAnySet(PickleDictionary marks)
    {
        foreach ((_, object? value) in marks.Entries)
        {
            budget.TakeOperation();
            if (value is true)
                return true;
        }

        return false;
    }

    private long[] Numbers(object? tuple)
    {
        if (tuple is not object?[] values)
            throw reader.Invalid("a tensor's shape or strides are not a tuple");

        long[] numbers = new long[values.Length];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = values[i] is long number ? number : throw reader.Invalid("a tensor's shape or strides contain values that are not 64-bit integers");
        return numbers;
    }

    private ModelInvalidException Unreadable(PickleGlobal type) => new(
        $"'{reader.Path}' holds values of the type {type.Name}, which is not supported. Convert the file to float32, float16 or bfloat16.");
}
