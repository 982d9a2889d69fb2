using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StableDiffusion.Storage;

namespace StableDiffusion.Tensors;

/// <summary>
/// A file that is read in any order. It is not mapped into memory, since the process would end if another program shortened
/// the file. Every access is checked against the file's length. Several threads may read at the same time; disposing is not
/// thread-safe.
/// </summary>
internal sealed class RandomAccessFile : IDisposable
{
    private const int ChunkLength = 1 << 20;

    // One of the two; the bytes are those of a file in memory.
    private readonly SafeFileHandle? _handle;
    private readonly ReadOnlyMemory<byte> _bytes;

    private RandomAccessFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        Length = RandomAccess.GetLength(handle);
    }

    private RandomAccessFile(string name, ReadOnlyMemory<byte> bytes)
    {
        Path = name;
        _bytes = bytes;
        Length = bytes.Length;
    }

    /// <summary>The full path of the file; a name for messages if it is in memory.</summary>
    public string Path { get; }

    /// <summary>The length of the file in bytes when it was opened; may be zero.</summary>
    public long Length { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="ModelNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelInvalidException">The file cannot be opened.</exception>
    public static RandomAccessFile Open(string path)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        if (!File.Exists(fullPath))
            throw new ModelNotFoundException($"There is no file '{fullPath}'.");

        try
        {
            return new RandomAccessFile(fullPath, RegularFile.OpenHandle(fullPath));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(fullPath, error);
        }
    }

    /// <summary>Takes bytes as a file.</summary>
    /// <param name="name">Its name in messages.</param>
    /// <param name="bytes">Its contents, which must not change.</param>
    public static RandomAccessFile Of(string name, ReadOnlyMemory<byte> bytes) => new(name, bytes);

    /// <summary>Reads a part of the file.</summary>
    /// <param name="offset">The position of its first byte.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The file had no such part when it was opened.</exception>
    /// <exception cref="ModelInvalidException">The file cannot be read, or has become shorter.</exception>
    /// <exception cref="ObjectDisposedException">The file is closed.</exception>
    public byte[] Read(long offset, int length)
    {
        Check(offset, length);
        byte[] bytes = GC.AllocateUninitializedArray<byte>(length);
        Read(offset, bytes);
        return bytes;
    }

    /// <summary>Reads a part of the file into existing memory.</summary>
    /// <inheritdoc cref="Read(long, int)"/>
    public void Read(long offset, Span<byte> destination)
    {
        Check(offset, destination.Length);
        if (_handle is null)
        {
            _bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
            return;
        }

        while (!destination.IsEmpty)
        {
            int count;
            try
            {
                count = RandomAccess.Read(_handle, destination, offset);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(Path, error);
            }

            if (count == 0)
                throw new ModelInvalidException($"'{Path}' became shorter while it was read. Make sure that no other program writes to it, and try again.");

            offset += count;
            destination = destination[count..];
        }
    }

    /// <summary>The first bytes of the file: the requested number, or fewer if the file is shorter.</summary>
    /// <inheritdoc cref="Read(long, int)"/>
    public byte[] Head(int length) => Read(0, (int)Math.Min(length, Length));

    /// <summary>Reads consecutive values.</summary>
    /// <param name="type">The type that they are stored as.</param>
    /// <param name="offset">The position of the first value in bytes.</param>
    /// <param name="destination">Receives the values; its length is the number of values to read.</param>
    /// <inheritdoc cref="Read(long, int)"/>
    public void ReadValues(StoredElementType type, long offset, Span<float> destination)
    {
        int size = StoredTensor.SizeOf(type);
        byte[]? buffer = type == StoredElementType.F32 ? null : ArrayPool<byte>.Shared.Rent(ChunkLength);
        try
        {
            // The bytes of a chunk of the destination must fit into an integer, too.
            int most = ChunkLength / size;
            for (int done = 0; done < destination.Length; done += most)
            {
                Span<float> part = destination.Slice(done, Math.Min(most, destination.Length - done));
                long position = offset + ((long)done * size);
                if (buffer is null)
                {
                    Read(position, MemoryMarshal.AsBytes(part));
                    continue;
                }

                Span<byte> bytes = buffer.AsSpan(0, part.Length * size);
                Read(position, bytes);
                ElementConversion.ToSingle(type, bytes, part);
            }
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose() => _handle?.Dispose();

    private void Check(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_handle?.IsClosed == true, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
    }

    private static ModelInvalidException Unreadable(string path, Exception error) => new($"'{path}' cannot be read: {Sentence.Of(error)}", error);
}
