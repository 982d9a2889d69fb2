using System.Buffers.Binary;

namespace StableDiffusion.Images.Metadata;

/// <summary>
/// Finds the EXIF block of an AVIF file, whose pixels are not read. Source: ISO/IEC 14496-12, sections 8.11.3 (places of
/// items), 8.11.6 (their types) and A.2 (EXIF in ISO/IEC 23008-12).
/// </summary>
internal static class AvifTexts
{
    private const int FullBoxSize = 4;

    /// <summary>Collects the texts.</summary>
    /// <param name="avif">The file's bytes.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="texts">Receives the texts, and what could not be read.</param>
    /// <exception cref="ImageInvalidException">The file is damaged.</exception>
    public static void Read(ReadOnlySpan<byte> avif, string name, TextEntryList texts)
    {
        try
        {
            ReadOnlySpan<byte> meta = Find(avif, "meta"u8);
            if (FindItem(Find(meta[FullBoxSize..], "iinf"u8)) is not uint item)
                return;

            ReadOnlySpan<byte> block = Locate(avif, Find(meta[FullBoxSize..], "iloc"u8), item);

            // Before the block stands how many bytes are to be passed over.
            ExifTexts.Read(block[(sizeof(uint) + (int)BinaryPrimitives.ReadUInt32BigEndian(block))..], texts);
        }
        catch (Exception error) when (error is ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            throw new ImageInvalidException($"{name} cannot be read as AVIF; it is damaged, or of a variant that is not known.", error);
        }
    }

    private static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> boxes, ReadOnlySpan<byte> type)
    {
        while (true)
        {
            ReadOnlySpan<byte> box = TakeBox(ref boxes, out ReadOnlySpan<byte> found);
            if (found.SequenceEqual(type))
                return box;
        }
    }

    // A size and a type; size 1 stands for a long size behind the type, size 0 for all that is left.
    private static ReadOnlySpan<byte> TakeBox(scoped ref ReadOnlySpan<byte> boxes, out ReadOnlySpan<byte> type)
    {
        ulong size = BinaryPrimitives.ReadUInt32BigEndian(boxes);
        type = boxes.Slice(4, 4);
        int header = size == 1 ? 16 : 8;
        if (size == 1)
            size = BinaryPrimitives.ReadUInt64BigEndian(boxes[8..]);
        int end = size == 0 ? boxes.Length : checked((int)size);
        ReadOnlySpan<byte> box = boxes[header..end];
        boxes = boxes[end..];
        return box;
    }

    private static uint? FindItem(ReadOnlySpan<byte> infos)
    {
        byte version = infos[0];
        infos = infos[FullBoxSize..];
        Number(ref infos, version == 0 ? 2 : 4);
        while (!infos.IsEmpty)
        {
            ReadOnlySpan<byte> entry = TakeBox(ref infos, out _);
            int idSize = entry[0] < 3 ? 2 : 4;
            entry = entry[FullBoxSize..];
            uint id = (uint)Number(ref entry, idSize);
            Number(ref entry, 2);
            if (entry.StartsWith("Exif"u8))
                return id;
        }

        return null;
    }

    private static ReadOnlySpan<byte> Locate(ReadOnlySpan<byte> avif, ReadOnlySpan<byte> places, uint wanted)
    {
        byte version = places[0];
        (int offsetSize, int lengthSize, int baseSize) = (places[4] >> 4, places[4] & 15, places[5] >> 4);
        int indexSize = version == 0 ? 0 : places[5] & 15;
        int idSize = version < 2 ? 2 : 4;
        places = places[(FullBoxSize + 2)..];
        for (ulong left = Number(ref places, idSize); left > 0; left--)
        {
            uint id = (uint)Number(ref places, idSize);
            ulong method = version == 0 ? 0 : Number(ref places, 2);
            Number(ref places, 2);
            ulong start = Number(ref places, baseSize);
            ulong extents = Number(ref places, 2);
            if (id == wanted && (extents != 1 || method != 0))
                throw new ArgumentException("The EXIF block lies in several parts.");

            for (; extents > 0; extents--)
            {
                Number(ref places, indexSize);
                ulong offset = Number(ref places, offsetSize);
                ulong length = Number(ref places, lengthSize);
                if (id == wanted)
                    return avif.Slice(checked((int)(start + offset)), checked((int)length));
            }
        }

        throw new ArgumentException("The EXIF block lies nowhere.");
    }

    private static ulong Number(scoped ref ReadOnlySpan<byte> data, int size)
    {
        ulong value = 0;
        foreach (byte part in data[..size])
            value = (value << 8) | part;
        data = data[size..];
        return value;
    }
}
