namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// A view of a storage: an offset, and a length and a stride for each axis. It is checked to be within the claimed length of
/// its storage.
/// </summary>
internal sealed class TorchTensor
{
    private const int MaxRank = 64;

    // 1 GiB of floats; the largest weight of Stable Diffusion XL has 63 million.
    private const long MaxSpread = 1L << 28;

    // The axes without those of length 1, and with contiguous ones merged, so that runs are long.
    private readonly long[] _lengths;
    private readonly long[] _strides;

    private TorchTensor(TorchStorage storage, StoredElementType type, long offset, long[] shape, long count, long[] lengths, long[] strides)
    {
        Storage = storage;
        ElementType = type;
        Offset = offset;
        Shape = shape;
        Count = count;
        _lengths = lengths;
        _strides = strides;
    }

    public TorchStorage Storage { get; }

    public StoredElementType ElementType { get; }

    /// <summary>The index of the first value in the storage's block.</summary>
    public long Offset { get; }

    public long[] Shape { get; }

    public long Count { get; }

    /// <summary>The number of bytes from the first to the last value, all of which are read if its values are not in order.</summary>
    public Int128 SpreadBytes
    {
        get
        {
            Int128 spread = Count == 0 ? 0 : 1;
            for (int axis = 0; axis < _lengths.Length && Count > 0; axis++)
                spread += (Int128)(_lengths[axis] - 1) * _strides[axis];
            return spread * StoredTensor.SizeOf(ElementType);
        }
    }

    /// <summary>Creates a view.</summary>
    /// <returns>The view, or null and the fault.</returns>
    public static TorchTensor? Create(
        TorchStorage storage, StoredElementType type, long offset, long[] shape, long[] strides, out string? fault)
    {
        int size = StoredTensor.SizeOf(type);
        int storageSize = StoredTensor.SizeOf(storage.ElementType);
        long capacity = (long)((Int128)storage.PartCount * storageSize / size);
        fault = shape.Length != strides.Length ? $"it has {shape.Length} lengths and {strides.Length} strides"
            : shape.Length > MaxRank ? $"it has {shape.Length} axes"
            : Array.Exists(shape, length => length < 0) || Array.Exists(strides, stride => stride < 0) || offset < 0
                ? "it has a negative length, stride or offset"
            : null;
        if (fault is not null)
            return null;

        bool empty = Array.IndexOf(shape, 0) >= 0;
        Int128 count = empty ? 0 : 1;
        Int128 last = offset;
        for (int axis = 0; axis < shape.Length && !empty; axis++)
        {
            count *= shape[axis];
            last += (Int128)(shape[axis] - 1) * strides[axis];

            // A view has more values than its storage only with a stride of 0: a few bytes that claim to be a large tensor.
            if (count > capacity || last >= capacity)
                break;
        }

        if (count > capacity || (empty ? offset > capacity : last >= capacity))
        {
            fault = $"its shape [{string.Join(',', shape)}] with strides [{string.Join(',', strides)}] from {offset} on " +
                $"exceeds its storage '{storage.Key}' of {capacity} values";
            return null;
        }

        (long[] lengths, long[] merged) = Merge(empty ? [] : shape, strides);
        long partStart = (long)((Int128)storage.PartStart * storageSize / size);
        return new TorchTensor(storage, type, partStart + offset, shape, (long)count, lengths, merged);
    }

    /// <summary>Describes this tensor under a name.</summary>
    public StoredTensor Describe(string name) => new(name, ElementType, Shape, Count * StoredTensor.SizeOf(ElementType));

    /// <summary>Reads values from the file that its storage was found in.</summary>
    public void Read(RandomAccessFile file, Span<float> destination, long start)
    {
        if (destination.IsEmpty)
            return;

        int size = StoredTensor.SizeOf(ElementType);
        Span<long> index = stackalloc long[MaxRank];
        long rest = start;
        for (int axis = _lengths.Length - 1; axis >= 0; axis--)
            (rest, index[axis]) = Math.DivRem(rest, _lengths[axis]);

        int inner = _lengths.Length - 1;
        if (_strides[inner] != 1)
        {
            Gather(file, destination, index, start);
            return;
        }

        while (!destination.IsEmpty)
        {
            long at = Offset;
            for (int axis = 0; axis <= inner; axis++)
                at += index[axis] * _strides[axis];

            int run = (int)Math.Min(destination.Length, _lengths[inner] - index[inner]);
            file.ReadValues(ElementType, Storage.Start + (at * size), destination[..run]);
            destination = destination[run..];
            index[inner] += run;
            Carry(index);
        }
    }

    /// <summary>Reads values that are not beside each other: everything from the first to the last, and of that the values.</summary>
    private void Gather(RandomAccessFile file, Span<float> destination, Span<long> index, long start)
    {
        int inner = _lengths.Length - 1;
        long lastLine = (start + destination.Length - 1) / (Count / _lengths[0]);
        long first = Offset + (index[0] * _strides[0]);
        long spread = 1 + ((lastLine - index[0]) * _strides[0]);
        for (int axis = 1; axis <= inner; axis++)
            spread += (_lengths[axis] - 1) * _strides[axis];
        if (spread > MaxSpread)
            throw new ModelInvalidException($"A tensor in '{file.Path}' is spread over {spread} values of its storage, and the limit is {MaxSpread}. Save it again with contiguous tensors.");

        float[] values = GC.AllocateUninitializedArray<float>((int)spread);
        file.ReadValues(ElementType, Storage.Start + (first * StoredTensor.SizeOf(ElementType)), values);
        long firstLine = index[0];
        foreach (ref float value in destination)
        {
            long at = (index[0] - firstLine) * _strides[0];
            for (int axis = 1; axis <= inner; axis++)
                at += index[axis] * _strides[axis];
            value = values[at];
            index[inner]++;
            Carry(index);
        }
    }

    private void Carry(Span<long> index)
    {
        for (int axis = _lengths.Length - 1; axis > 0 && index[axis] == _lengths[axis]; axis--)
        {
            index[axis] = 0;
            index[axis - 1]++;
        }
    }

    private static (long[] Lengths, long[] Strides) Merge(long[] shape, long[] strides)
    {
        List<long> lengths = [];
        List<long> merged = [];
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] == 1)
                continue;
            if (lengths.Count > 0 && (Int128)strides[axis] * shape[axis] == merged[^1])
            {
                lengths[^1] *= shape[axis];
                merged[^1] = strides[axis];
            }
            else
            {
                lengths.Add(shape[axis]);
                merged.Add(strides[axis]);
            }
        }

        // A scalar is one axis of length 1.
        return lengths.Count > 0 ? ([.. lengths], [.. merged]) : ([1], [1]);
    }
}
