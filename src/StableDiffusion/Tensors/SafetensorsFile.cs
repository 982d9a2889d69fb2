using System.IO.MemoryMappedFiles;

namespace StableDiffusion.Tensors;

/// <summary>
/// A safetensors file (https://github.com/huggingface/safetensors), open for reading. The file is mapped into
/// memory: only what is read is loaded. The header is checked as a whole before anything else is done with it.
/// Reading is safe from several threads at once, disposing is not.
/// </summary>
public sealed unsafe class SafetensorsFile : ITensorFile
{
    private readonly SafetensorsHeader _header;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private SafetensorsFile(string path, SafetensorsHeader header, MemoryMappedFile file, MemoryMappedViewAccessor view, byte* start)
    {
        Path = path;
        _header = header;
        _file = file;
        _view = view;
        _start = start;
    }

    /// <summary>The file's full path.</summary>
    public string Path { get; }

    /// <summary>What the file says of each of its tensors, by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _header.Tensors;

    /// <summary>The texts that the file's maker left in it, such as <c>format</c>; often empty.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <param name="path">The path of the file.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file is damaged or not a safetensors file, or cannot be opened.</exception>
    public static SafetensorsFile Open(string path)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        if (!File.Exists(fullPath))
            throw new ModelNotFoundException($"There is no file '{fullPath}'.");

        MemoryMappedFile? file = null;
        MemoryMappedViewAccessor? view = null;
        byte* mapped = null;
        try
        {
            using FileStream stream = new(fullPath, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            long length = stream.Length;

            // An empty file cannot be mapped; the header's own check words the error.
            if (length == 0)
                SafetensorsHeader.Read(fullPath, [], 0);

            file = MemoryMappedFile.CreateFromFile(
                stream, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref mapped);
            byte* start = mapped + view.PointerOffset;
            SafetensorsHeader header = SafetensorsHeader.Read(fullPath, new ReadOnlySpan<byte>(start, (int)Math.Min(length, int.MaxValue)), length);
            return new SafetensorsFile(fullPath, header, file, view, start);
        }
        catch (Exception error)
        {
            if (mapped is not null)
                view!.SafeMemoryMappedViewHandle.ReleasePointer();
            view?.Dispose();
            file?.Dispose();
            if (error is IOException or UnauthorizedAccessException)
                throw new ModelInvalidException($"'{fullPath}' cannot be read: {error.Message}", error);
            throw;
        }
    }

    /// <summary>Reads a tensor as 32-bit floats.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <returns>The values under the shape that the file gives.</returns>
    /// <exception cref="ModelInvalidException">The file holds no such tensor, or one of more than 2^31 values.</exception>
    public Tensor Read(string name)
    {
        StoredTensor tensor = Find(name);
        if (tensor.Count > Array.MaxLength)
            throw new ModelInvalidException($"Tensor '{name}' in '{Path}' holds {tensor.Count} values, too many to read at once.");

        int[] shape = new int[tensor.Shape.Count];
        for (int axis = 0; axis < shape.Length; axis++)
        {
            // Only a tensor without values can have an axis that is longer than its values are many.
            if (tensor.Shape[axis] > int.MaxValue)
                throw new ModelInvalidException($"Tensor '{name}' in '{Path}' has the shape {tensor.ShapeText}, which is too long.");
            shape[axis] = (int)tensor.Shape[axis];
        }

        float[] values = GC.AllocateUninitializedArray<float>((int)tensor.Count);
        Read(name, values);
        return new Tensor(values, shape);
    }

    /// <summary>Reads a tensor, or a part of it, as 32-bit floats into memory that is there already.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="destination">Receives as many values as it is long.</param>
    /// <param name="start">The first value to read, counted row by row.</param>
    /// <exception cref="ModelInvalidException">The file holds no such tensor.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor does not hold so many values from there on.</exception>
    public void Read(string name, Span<float> destination, long start = 0)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        StoredTensor tensor = Find(name);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, tensor.Count - destination.Length);

        // A span is at most 2^31 bytes long, and a tensor may be longer.
        const int Chunk = 1 << 24;
        int size = StoredTensor.SizeOf(tensor.ElementType);
        byte* source = _start + _header.DataStart + tensor.Offset + start * size;
        for (int done = 0; done < destination.Length; done += Chunk)
        {
            Span<float> part = destination.Slice(done, Math.Min(Chunk, destination.Length - done));
            ElementConversion.ToSingle(tensor.ElementType, new ReadOnlySpan<byte>(source + (long)done * size, part.Length * size), part);
        }
    }

    /// <summary>Lets go of the file.</summary>
    public void Dispose()
    {
        if (_start is null)
            return;

        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private StoredTensor Find(string name) => Tensors.TryGetValue(name, out StoredTensor? tensor)
        ? tensor
        : throw new ModelInvalidException($"'{Path}' holds no tensor '{name}'.");
}
