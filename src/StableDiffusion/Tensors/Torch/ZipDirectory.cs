using System.Buffers.Binary;
using System.Text;

namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// Finds the files in a zip archive, to read them in place. .NET's own reader returns streams, and trusts
/// the archive more than is safe for that. Follows PKWARE's APPNOTE 6.3.10 with 64-bit sizes. <c>torch.save</c> does not
/// compress or encrypt, so an archive with compressed or encrypted files is refused, and so is one whose files overlap or
/// have names that lead out of their folder.
/// </summary>
internal sealed class ZipDirectory
{
    private const uint LocalSignature = 0x04034b50;
    private const uint CentralSignature = 0x02014b50;
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint Locator64Signature = 0x07064b50;
    private const int LocalLength = 30;
    private const int CentralLength = 46;
    private const int EndLength = 22;
    private const int End64Length = 56;
    private const int Locator64Length = 20;
    private const int MaxDirectoryLength = 64 << 20;

    private readonly RandomAccessFile _file;
    private readonly PickleBudget _budget;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    private ZipDirectory(RandomAccessFile file, PickleBudget budget)
    {
        _file = file;
        _budget = budget;
    }

    /// <summary>The files by name, without folders.</summary>
    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    /// <summary>Reads and checks the directory at the end of an archive.</summary>
    /// <exception cref="ModelInvalidException">The archive is damaged, or has unsupported contents.</exception>
    public static ZipDirectory Read(RandomAccessFile file, PickleBudget budget)
    {
        ZipDirectory directory = new(file, budget);
        directory.Read();
        return directory;
    }

    private void Read()
    {
        (long start, long length, long count) = FindDirectory();
        if (length > MaxDirectoryLength)
            throw _budget.Exceeded($"a directory of {length} bytes");

        List<(long Start, long End)> places = [];
        ReadOnlySpan<byte> rest = _file.Read(start, (int)length);
        for (long i = 0; i < count; i++)
        {
            _budget.TakeOperation();
            rest = rest[ReadEntry(rest, start, places)..];
        }

        if (!rest.IsEmpty)
            throw Invalid("its directory has more entries than it counts");

        places.Sort();
        for (int i = 1; i < places.Count; i++)
        {
            if (places[i].Start < places[i - 1].End)
                throw Invalid("files in it overlap");
        }
    }

    /// <summary>Finds the directory by the record at the end of the archive, which only a comment may follow.</summary>
    private (long Start, long Length, long Count) FindDirectory()
    {
        int tailLength = (int)Math.Min(_file.Length, EndLength + ushort.MaxValue);
        long tailStart = _file.Length - tailLength;
        ReadOnlySpan<byte> tail = _file.Read(tailStart, tailLength);
        int at = tailLength - EndLength;
        while (at >= 0 && !(ReadUInt32(tail, at) == EndSignature && at + EndLength + ReadUInt16(tail, at + 20) == tailLength))
            at--;
        if (at < 0)
            throw Invalid("its directory, which comes last, is missing");

        long end = tailStart + at;
        long count = ReadUInt16(tail, at + 10);
        long length = ReadUInt32(tail, at + 12);
        long start = ReadUInt32(tail, at + 16);
        if (count == ushort.MaxValue || length == uint.MaxValue || start == uint.MaxValue)
        {
            if (end < Locator64Length || ReadUInt32(_file.Read(end - Locator64Length, 4), 0) != Locator64Signature)
                throw Invalid("its 64-bit directory is missing");
            long end64 = ReadInt64(_file.Read(end - Locator64Length + 8, 8), 0);
            if (end64 < 0 || end64 > end - Locator64Length - End64Length)
                throw Invalid("its 64-bit directory is missing");

            ReadOnlySpan<byte> record = _file.Read(end64, End64Length);
            if (ReadUInt32(record, 0) != End64Signature)
                throw Invalid("its 64-bit directory is missing");
            count = ReadInt64(record, 32);
            length = ReadInt64(record, 40);
            start = ReadInt64(record, 48);
            end = end64;
        }

        if (start < 0 || length < 0 || start > end - length || count < 0 || count > length / CentralLength)
            throw Invalid($"its directory of {count} files claims {length} bytes from {start} on, but has to end by {end}");
        return (start, length, count);
    }

    /// <summary>Reads an entry of the directory, and the header before the contents of its file.</summary>
    /// <returns>The length of the entry in bytes.</returns>
    private int ReadEntry(ReadOnlySpan<byte> directory, long directoryStart, List<(long Start, long End)> places)
    {
        if (directory.Length < CentralLength || ReadUInt32(directory, 0) != CentralSignature)
            throw Invalid("its directory contains an invalid entry");

        int nameLength = ReadUInt16(directory, 28);
        int extraLength = ReadUInt16(directory, 30);
        int entryLength = CentralLength + nameLength + extraLength + ReadUInt16(directory, 32);
        if (directory.Length < entryLength)
            throw Invalid("an entry exceeds its directory");

        ReadOnlySpan<byte> nameBytes = directory.Slice(CentralLength, nameLength);
        string name = ReadName(nameBytes);
        int flags = ReadUInt16(directory, 8);
        int method = ReadUInt16(directory, 10);
        long packed = ReadUInt32(directory, 20);
        long length = ReadUInt32(directory, 24);
        long local = ReadUInt32(directory, 42);
        ReadExtra(directory.Slice(CentralLength + nameLength, extraLength), name, ref length, ref packed, ref local);

        if ((flags & 1) != 0)
            throw Invalid($"'{name}' in it is encrypted");
        if (method != 0 || packed != length)
            throw Unpacked($"'{name}' in it is compressed, as PyTorch never does");
        if (local < 0 || local > directoryStart - LocalLength)
            throw Invalid($"'{name}' in it claims to be at byte {local}");

        ReadOnlySpan<byte> header = _file.Read(local, LocalLength);
        int localNameLength = ReadUInt16(header, 26);
        long start = local + LocalLength + localNameLength + ReadUInt16(header, 28);
        if (ReadUInt32(header, 0) != LocalSignature || ReadUInt16(header, 8) != method || (ReadUInt16(header, 6) & 1) != 0
            || localNameLength != nameLength || start > directoryStart
            || !_file.Read(local + LocalLength, localNameLength).AsSpan().SequenceEqual(nameBytes))
        {
            throw Invalid($"'{name}' is not where its directory says");
        }

        if (length < 0 || length > directoryStart - start)
            throw Invalid($"'{name}' in it claims {length} bytes, but there are {directoryStart - start}");

        places.Add((local, start + length));
        if (!name.EndsWith('/') && !_entries.TryAdd(name, new ZipEntry(name, start, length)))
            throw Invalid($"it has '{name}' twice");
        return entryLength;
    }

    private string ReadName(ReadOnlySpan<byte> bytes)
    {
        _budget.TakeText(bytes.Length);
        _budget.TakeObject(128);
        string name = Encoding.UTF8.GetString(bytes);
        if (name.Length == 0 || name[0] == '/' || name.AsSpan().ContainsAny("\\:\0") || Array.IndexOf(name.Split('/'), "..") >= 0)
            throw Invalid("a file in it has a name that leads out of its folder");
        return name;
    }

    /// <summary>Reads the sizes and positions that did not fit into 32 bits.</summary>
    private void ReadExtra(ReadOnlySpan<byte> extra, string name, ref long length, ref long packed, ref long local)
    {
        const int Field64 = 1;
        while (extra.Length >= 4)
        {
            int id = ReadUInt16(extra, 0);
            int size = ReadUInt16(extra, 2);
            if (size > extra.Length - 4)
                break;

            ReadOnlySpan<byte> field = extra.Slice(4, size);
            if (id == Field64)
            {
                Take(ref field, ref length);
                Take(ref field, ref packed);
                Take(ref field, ref local);
                return;
            }

            extra = extra[(4 + size)..];
        }

        if (length == uint.MaxValue || packed == uint.MaxValue || local == uint.MaxValue)
            throw Invalid($"'{name}' in it has no 64-bit size");

        void Take(ref ReadOnlySpan<byte> field, ref long number)
        {
            if (number != uint.MaxValue)
                return;
            if (field.Length < 8)
                throw Invalid($"'{name}' in it has no 64-bit size");
            number = ReadInt64(field, 0);
            field = field[8..];
        }
    }

    private static ushort ReadUInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint ReadUInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long ReadInt64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private ModelInvalidException Invalid(string fault) => new(
        $"'{_file.Path}' is not a complete PyTorch zip archive: {fault}. Download or copy it again.");

    private ModelInvalidException Unpacked(string fault) => new(
        $"'{_file.Path}' is a zip archive, but not one that PyTorch wrote: {fault}. If it is an archive of model files, unpack it first.");
}
