using System.Buffers.Binary;

namespace StableDiffusion.Tensors.Torch;

/// <summary>Reads the bytes of a pickle in order, and never beyond its end.</summary>
/// <param name="file">The file.</param>
/// <param name="start">The position in the file at which the pickle starts.</param>
/// <param name="end">The position in the file at which it ends at the latest.</param>
internal sealed class PickleReader(RandomAccessFile file, long start, long end)
{
    private const int MaxLineLength = 512;
    private const int WindowLength = 1 << 16;

    // The part of the file that was read last. It is never overwritten, since earlier results refer to it.
    private byte[] _window = [];
    private long _windowStart;

    public string Path => file.Path;

    /// <summary>The position in the file of the next byte.</summary>
    public long Position { get; private set; } = start;

    public byte ReadByte() => Read(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Read(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(Read(4));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Read(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Read(8));

    public double ReadDouble() => BinaryPrimitives.ReadDoubleBigEndian(Read(8));

    /// <summary>Reads the next bytes.</summary>
    public ReadOnlySpan<byte> Read(int count)
    {
        long position = Position;
        Skip((ulong)count);
        return Reread(position, count);
    }

    /// <summary>Skips bytes.</summary>
    /// <exception cref="ModelInvalidException">There are fewer bytes left.</exception>
    public void Skip(ulong count)
    {
        if (count > (ulong)(end - Position))
            throw Invalid($"{count} bytes should follow, but only {end - Position} are left");
        Position += (long)count;
    }

    /// <summary>Reads bytes at an earlier position.</summary>
    public ReadOnlySpan<byte> Reread(long position, int count)
    {
        if (count > WindowLength)
            return file.Read(position, count);

        if (position < _windowStart || position + count > _windowStart + _window.Length)
        {
            _window = file.Read(position, (int)Math.Min(WindowLength, file.Length - position));
            _windowStart = position;
        }

        return _window.AsSpan((int)(position - _windowStart), count);
    }

    /// <summary>Reads the bytes up to the next line feed, and skips the line feed.</summary>
    public ReadOnlySpan<byte> ReadLine()
    {
        ReadOnlySpan<byte> ahead = Reread(Position, (int)Math.Min(MaxLineLength, end - Position));
        int length = ahead.IndexOf((byte)'\n');
        if (length < 0)
            throw Invalid("a name does not end");
        Position += length + 1;
        return ahead[..length];
    }

    /// <summary>Returns the error for a pickle that Python cannot have written.</summary>
    public ModelInvalidException Invalid(string fault) => new(
        $"'{Path}' is not a complete PyTorch file: {fault} (at byte {Position}). Download or copy it again.");
}
