using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace StableDiffusion.Metadata;

/// <summary>Collects the texts of a file within limits, so that no file can use excessive memory.</summary>
/// <param name="cancellationToken">Cancels the reading.</param>
internal sealed class TextEntryList(CancellationToken cancellationToken = default)
{
    /// <summary>The limit of the total size of all decompressed texts: 16 MiB.</summary>
    public const int MaxBytes = 16 << 20;

    /// <summary>The largest number of texts.</summary>
    public const int MaxEntries = 1000;

    private const int MaxWarnings = 20;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<TextEntry> _entries = [];
    private readonly List<string> _warnings = [];
    private int _bytesLeft = MaxBytes;
    private bool _isFull;

    // Texts that are too long or damaged are inflated too, however many the file has.
    private long _inflationLeft = 4L * MaxBytes;

    /// <summary>The texts so far.</summary>
    public IReadOnlyList<TextEntry> Entries => _entries;

    /// <summary>Warnings about what could not be read.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Adds a text.</summary>
    /// <param name="container">Its container.</param>
    /// <param name="keyword">Its name in the container.</param>
    /// <param name="bytes">Its bytes, UTF-8 or Latin-1.</param>
    public void Add(string container, string keyword, ReadOnlySpan<byte> bytes)
    {
        if (TryTake(container, keyword, bytes.Length))
            _entries.Add(new TextEntry(container, keyword, Decode(bytes)));
    }

    /// <summary>Adds a decoded text.</summary>
    /// <param name="container">Its container.</param>
    /// <param name="keyword">Its name in the container.</param>
    /// <param name="text">The text.</param>
    public void Add(string container, string keyword, string text)
    {
        if (TryTake(container, keyword, text.Length))
            _entries.Add(new TextEntry(container, keyword, text));
    }

    /// <summary>Adds a text that is compressed with zlib.</summary>
    /// <param name="container">Its container.</param>
    /// <param name="keyword">Its name in the container.</param>
    /// <param name="bytes">Its compressed bytes.</param>
    public void AddDeflated(string container, string keyword, ReadOnlySpan<byte> bytes)
    {
        if (_inflationLeft <= 0 || !TryTake(container, keyword, 0))
        {
            WarnOfLimit(container, keyword);
            return;
        }

        byte[] buffer = new byte[16384];
        using MemoryStream inflated = new();
        try
        {
            using MemoryStream source = new(bytes.ToArray());
            using ZLibStream stream = new(source, CompressionMode.Decompress);
            int count;
            while ((count = stream.Read(buffer)) > 0 && inflated.Length <= _bytesLeft)
                inflated.Write(buffer, 0, count);
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            Warn($"The text '{keyword}' ({container}) is damaged and was ignored.");
            return;
        }
        finally
        {
            _inflationLeft -= inflated.Length;
        }

        // The stream accepts truncated data; only the checksum detects it.
        ReadOnlySpan<byte> text = inflated.GetBuffer().AsSpan(0, (int)inflated.Length);
        if (text.Length <= _bytesLeft && (bytes.Length < sizeof(uint) || BinaryPrimitives.ReadUInt32BigEndian(bytes[^sizeof(uint)..]) != Adler32(text)))
            Warn($"The text '{keyword}' ({container}) is truncated or damaged.");
        Add(container, keyword, text);
    }

    /// <summary>Counts what is about to be read, and warns once if it is more than the limits.</summary>
    /// <param name="container">Its container.</param>
    /// <param name="keyword">Its name in the container.</param>
    /// <param name="length">Its length.</param>
    /// <returns>False if it is too much.</returns>
    public bool TryTake(string container, string keyword, int length)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_entries.Count < MaxEntries && length <= _bytesLeft)
        {
            _bytesLeft -= length;
            return true;
        }

        WarnOfLimit(container, keyword);
        return false;
    }

    /// <summary>Adds a warning, unless there are many already.</summary>
    /// <param name="warning">What could not be read.</param>
    public void Warn(string warning)
    {
        if (_warnings.Count < MaxWarnings)
            _warnings.Add(warning);
        else if (_warnings.Count == MaxWarnings)
            _warnings.Add("The file has more faults of this kind, which are not listed.");
    }

    /// <summary>Adds a warning that the file is truncated.</summary>
    public void WarnBreakOff() => Warn("The file is truncated, or a part of it has a wrong length; the rest was not read.");

    // The standards specify Latin-1 for many of these texts, but some tools write UTF-8. Latin-1 text in which
    // all non-ASCII characters happen to be valid UTF-8 is very unlikely.
    internal static string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }

    // Source: RFC 1950, section 8.2.
    private static uint Adler32(ReadOnlySpan<byte> bytes)
    {
        const uint Modulus = 65521;
        uint low = 1;
        uint high = 0;
        foreach (byte value in bytes)
        {
            low = (low + value) % Modulus;
            high = (high + low) % Modulus;
        }

        return (high << 16) | low;
    }

    private void WarnOfLimit(string container, string keyword)
    {
        if (!_isFull)
            Warn($"The file contains more text than the limit ({MaxEntries} texts of {MaxBytes >> 20} MiB together); '{keyword}' ({container}) and possibly others were ignored.");
        _isFull = true;
    }
}
