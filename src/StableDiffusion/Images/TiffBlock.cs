using System.Buffers.Binary;

namespace StableDiffusion.Images;

/// <summary>The directories of tags in a TIFF file or an EXIF block. Source: TIFF 6.0, section 2.</summary>
internal readonly ref struct TiffBlock
{
    private const int HeaderSize = 8;
    private const int EntrySize = 12;
    private const int ValueOffset = 8;

    private readonly ReadOnlySpan<byte> _data;

    private TiffBlock(ReadOnlySpan<byte> data) => _data = data;

    /// <summary>Whether the byte order is big-endian.</summary>
    public bool IsBigEndian => _data[0] == 'M';

    /// <summary>The offset of the first directory.</summary>
    public uint FirstDirectory => ReadUInt32(_data[4..]);

    /// <summary>Opens a block.</summary>
    /// <param name="data">Its bytes.</param>
    /// <param name="block">The block.</param>
    /// <returns>False if the data is not such a block.</returns>
    public static bool TryOpen(ReadOnlySpan<byte> data, out TiffBlock block)
    {
        block = new TiffBlock(data);
        return data.Length >= HeaderSize && (data.StartsWith("II"u8) || data.StartsWith("MM"u8));
    }

    /// <summary>Finds a tag.</summary>
    /// <param name="directory">The offset of the directory.</param>
    /// <param name="tag">The tag's number.</param>
    /// <returns>The bytes of its value; empty if there is no such tag, or if it is damaged.</returns>
    public ReadOnlySpan<byte> Find(uint directory, ushort tag) => Find(directory, tag, out _);

    /// <summary>Finds a tag with integers of 16 or 32 bits.</summary>
    /// <param name="directory">The offset of the directory.</param>
    /// <param name="tag">The tag's number.</param>
    /// <returns>The values; empty if there is no such tag, or if it is damaged.</returns>
    public uint[] FindNumbers(uint directory, ushort tag)
    {
        ReadOnlySpan<byte> value = Find(directory, tag, out int size);
        uint[] numbers = new uint[size is sizeof(ushort) or sizeof(uint) ? value.Length / size : 0];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = size == sizeof(ushort) ? ReadUInt16(value[(i * size)..]) : ReadUInt32(value[(i * size)..]);
        return numbers;
    }

    /// <summary>Finds where a directory refers to the next one.</summary>
    /// <param name="directory">The offset of the directory.</param>
    /// <param name="count">The number of tags that the directory says to have; 0 if it is not within the data.</param>
    /// <param name="next">The offset of the reference.</param>
    /// <returns>False if the directory, or a part of it, is not within the data.</returns>
    public bool TryFindNext(uint directory, out int count, out int next)
    {
        (count, next) = (0, 0);
        if (directory > _data.Length - sizeof(ushort))
            return false;

        count = ReadUInt16(_data[(int)directory..]);
        next = (int)directory + sizeof(ushort) + (count * EntrySize);
        return next <= _data.Length - sizeof(uint);
    }

    /// <summary>Reduces a directory of a copy of the data: to the first entry of each of some tags, and to the last directory.</summary>
    /// <param name="copy">The copy, in which the directory is overwritten.</param>
    /// <param name="directory">The offset of the directory, all of which is within the data.</param>
    /// <param name="isKept">Gets the tag and the type of each entry, and says whether it is kept.</param>
    public void Reduce(Span<byte> copy, uint directory, Func<ushort, ushort, bool> isKept)
    {
        HashSet<ushort> seen = [];
        TryFindNext(directory, out int count, out int next);
        Span<byte> kept = copy[((int)directory + sizeof(ushort))..(next + sizeof(uint))];
        kept.Clear();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = _data.Slice((int)directory + sizeof(ushort) + (i * EntrySize), EntrySize);
            ushort tag = ReadUInt16(entry);
            if (isKept(tag, ReadUInt16(entry[sizeof(ushort)..])) && seen.Add(tag))
                entry.CopyTo(kept[((seen.Count - 1) * EntrySize)..]);
        }

        Write(copy.Slice((int)directory, sizeof(ushort)), (uint)seen.Count);
    }

    /// <summary>Writes a number of 16 or 32 bits in the block's byte order.</summary>
    /// <param name="place">Two or four bytes.</param>
    /// <param name="number">The number.</param>
    public void Write(Span<byte> place, uint number)
    {
        for (int i = 0; i < place.Length; i++)
            place[IsBigEndian ? place.Length - 1 - i : i] = (byte)(number >> (8 * i));
    }

    private static int SizeOf(ushort type) => type switch { 1 or 2 or 6 or 7 => 1, 3 or 8 => 2, 4 or 9 or 11 or 13 => 4, 5 or 10 or 12 => 8, _ => 0 };

    private ReadOnlySpan<byte> Find(uint directory, ushort tag, out int unit)
    {
        unit = 0;
        if (directory > _data.Length - sizeof(ushort))
            return [];

        ReadOnlySpan<byte> entries = _data[(int)directory..];
        int count = ReadUInt16(entries);
        entries = entries[sizeof(ushort)..];
        for (; count > 0 && entries.Length >= EntrySize; count--, entries = entries[EntrySize..])
        {
            if (ReadUInt16(entries) != tag)
                continue;

            unit = SizeOf(ReadUInt16(entries[2..]));
            long size = (long)ReadUInt32(entries[4..]) * unit;
            if (size <= sizeof(uint))
                return entries.Slice(ValueOffset, (int)size);

            uint offset = ReadUInt32(entries[ValueOffset..]);
            return offset + size <= _data.Length ? _data.Slice((int)offset, (int)size) : [];
        }

        return [];
    }

    private ushort ReadUInt16(ReadOnlySpan<byte> bytes) => IsBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private uint ReadUInt32(ReadOnlySpan<byte> bytes) => IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
