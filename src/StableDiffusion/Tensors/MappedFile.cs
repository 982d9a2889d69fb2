using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;

namespace StableDiffusion.Tensors;

/// <summary>
/// A memory-mapped file: only what is read is loaded. Every access is checked against the file's length. Several threads may
/// read at the same time; disposing is not thread-safe.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _start;
    private bool _disposed;

    private MappedFile(string path, long length, MemoryMappedFile? file, MemoryMappedViewAccessor? view, byte* start)
    {
        Path = path;
        Length = length;
        _file = file;
        _view = view;
        _start = start;
    }

    public string Path { get; }

    /// <summary>The length of the file in bytes; may be zero.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file cannot be opened.</exception>
    public static MappedFile Open(string path)
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
            if (length == 0)
                return new MappedFile(fullPath, 0, null, null, null);

            file = MemoryMappedFile.CreateFromFile(
                stream, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref mapped);
            return new MappedFile(fullPath, length, file, view, mapped + view.PointerOffset);
        }
        catch (Exception error)
        {
            view?.Dispose();
            file?.Dispose();
            if (error is IOException or UnauthorizedAccessException)
                throw new ModelInvalidException($"'{fullPath}' cannot be read: {error.Message}", error);
            throw;
        }
    }

    /// <summary>A part of the file, without copying it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The file has no such part.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        Check(offset, length);
        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    /// <summary>The first bytes of the file: the requested number, or fewer if the file is shorter.</summary>
    public ReadOnlySpan<byte> Head(int length) => Slice(0, (int)Math.Min(length, Length));

    /// <summary>Reads consecutive values.</summary>
    /// <param name="type">The type that they are stored as.</param>
    /// <param name="offset">The position of the first value in bytes.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    public void ReadValues(StoredElementType type, long offset, Span<float> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);

        // A span has at most 2^31 bytes, and the values may need more.
        const int Chunk = 1 << 24;
        int size = StoredTensor.SizeOf(type);
        for (int done = 0; done < destination.Length; done += Chunk)
        {
            Span<float> part = destination.Slice(done, Math.Min(Chunk, destination.Length - done));
            ElementConversion.ToSingle(type, Slice(offset + (long)done * size, part.Length * size), part);
        }
    }

    /// <summary>Reads values at a constant distance from each other.</summary>
    /// <param name="type">The type that they are stored as.</param>
    /// <param name="offset">The position of the first value in bytes.</param>
    /// <param name="stride">The distance from one value to the next in bytes.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    public void ReadValues(StoredElementType type, long offset, long stride, Span<float> destination)
    {
        if (destination.IsEmpty)
            return;

        int size = StoredTensor.SizeOf(type);
        Check(offset, size);
        Check(checked(offset + stride * (destination.Length - 1)), size);

        Span<byte> gathered = stackalloc byte[4096];
        int room = gathered.Length / size;
        byte* source = _start + offset;
        for (int done = 0; done < destination.Length; done += room)
        {
            Span<float> part = destination.Slice(done, Math.Min(room, destination.Length - done));
            for (int i = 0; i < part.Length; i++, source += stride)
                Unsafe.CopyBlockUnaligned(ref gathered[i * size], ref *source, (uint)size);
            ElementConversion.ToSingle(type, gathered[..(part.Length * size)], part);
        }
    }

    public void Dispose()
    {
        if (_disposed)
            return;

        _disposed = true;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _file?.Dispose();
    }

    private void Check(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
    }
}
