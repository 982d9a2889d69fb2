using System.Buffers.Binary;

namespace StableDiffusion.Tensors.Torch;

/// <summary>Reads the bytes of a pickle one after another, and never beyond its end.</summary>
/// <param name="file">The file.</param>
/// <param name="start">The byte of the file at which the pickle starts.</param>
/// <param name="end">The byte of the file at which it ends at the latest.</param>
internal sealed class PickleReader(MappedFile file, long start, long end)
{
    private const int MaxLineLength = 512;

    /// <summary>The file's path.</summary>
    public string Path => file.Path;

    /// <summary>The byte of the file that is read next.</summary>
    public long Position { get; private set; } = start;

    public byte ReadByte() => Read(1)[0];

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Read(2));

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(Read(4));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Read(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Read(8));

    public double ReadDouble() => BinaryPrimitives.ReadDoubleBigEndian(Read(8));

    /// <summary>The next bytes, as they lie in the mapped file.</summary>
    public ReadOnlySpan<byte> Read(int count)
    {
        long position = Position;
        Skip((ulong)count);
        return file.Slice(position, count);
    }

    /// <summary>Passes over bytes.</summary>
    /// <exception cref="ModelInvalidException">There are not so many left.</exception>
    public void Skip(ulong count)
    {
        if (count > (ulong)(end - Position))
            throw Invalid($"{count} bytes should follow, and {end - Position} are left");
        Position += (long)count;
    }

    /// <summary>Bytes that have been passed over.</summary>
    public ReadOnlySpan<byte> Reread(long position, int count) => file.Slice(position, count);

    /// <summary>The bytes up to the next line feed, which is passed over.</summary>
    public ReadOnlySpan<byte> ReadLine()
    {
        ReadOnlySpan<byte> ahead = file.Slice(Position, (int)Math.Min(MaxLineLength, end - Position));
        int length = ahead.IndexOf((byte)'\n');
        if (length < 0)
            throw Invalid("a name does not end");
        Position += length + 1;
        return ahead[..length];
    }

    /// <summary>The error for a pickle that cannot be what Python wrote.</summary>
    public ModelInvalidException Invalid(string fault) => new(
        $"'{Path}' is not a whole PyTorch file: {fault} (at byte {Position}). Download or copy it again.");
}
