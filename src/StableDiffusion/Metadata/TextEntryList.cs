using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace StableDiffusion.Metadata;

/// <summary>Collects the texts of a file within bounds, so that no file makes more memory of itself than a picture's texts need.</summary>
internal sealed class TextEntryList
{
    /// <summary>How many bytes all texts may have together, once they are inflated: 16 MiB.</summary>
    public const int MaxBytes = 16 << 20;

    /// <summary>How many texts are kept.</summary>
    public const int MaxEntries = 1000;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<TextEntry> _entries = [];
    private readonly List<string> _warnings = [];
    private int _bytesLeft = MaxBytes;
    private bool _isFull;

    /// <summary>The texts so far.</summary>
    public IReadOnlyList<TextEntry> Entries => _entries;

    /// <summary>What could not be read.</summary>
    public ICollection<string> Warnings => _warnings;

    /// <summary>Adds a text.</summary>
    /// <param name="container">Where it lay.</param>
    /// <param name="keyword">Its name there.</param>
    /// <param name="bytes">Its bytes, UTF-8 or Latin-1.</param>
    public void Add(string container, string keyword, ReadOnlySpan<byte> bytes)
    {
        if (TryTake(container, keyword, bytes.Length))
            _entries.Add(new TextEntry(container, keyword, Decode(bytes)));
    }

    /// <summary>Adds a text that is decoded already.</summary>
    /// <param name="container">Where it lay.</param>
    /// <param name="keyword">Its name there.</param>
    /// <param name="text">The text.</param>
    public void Add(string container, string keyword, string text)
    {
        if (TryTake(container, keyword, text.Length))
            _entries.Add(new TextEntry(container, keyword, text));
    }

    /// <summary>Adds a text that was deflated by zlib.</summary>
    /// <param name="container">Where it lay.</param>
    /// <param name="keyword">Its name there.</param>
    /// <param name="bytes">Its bytes, deflated.</param>
    public unsafe void AddDeflated(string container, string keyword, ReadOnlySpan<byte> bytes)
    {
        if (!TryTake(container, keyword, 0))
            return;

        byte[] buffer = new byte[16384];
        using MemoryStream inflated = new();
        try
        {
            fixed (byte* start = bytes)
            {
                using UnmanagedMemoryStream source = new(start, bytes.Length);
                using ZLibStream stream = new(source, CompressionMode.Decompress);
                int count;
                while ((count = stream.Read(buffer)) > 0 && inflated.Length <= _bytesLeft)
                    inflated.Write(buffer, 0, count);
            }
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            Warnings.Add($"The text '{keyword}' ({container}) is damaged and was left out.");
            return;
        }

        // The stream takes the end of its bytes for the end of the text; only the checksum tells.
        ReadOnlySpan<byte> text = inflated.GetBuffer().AsSpan(0, (int)inflated.Length);
        if (text.Length <= _bytesLeft && (bytes.Length < sizeof(uint) || BinaryPrimitives.ReadUInt32BigEndian(bytes[^sizeof(uint)..]) != Adler32(text)))
            Warnings.Add($"The text '{keyword}' ({container}) breaks off, or is not as it was written.");
        Add(container, keyword, text);
    }

    /// <summary>Says that the file ends too early.</summary>
    public void WarnBreakOff() => Warnings.Add("The file breaks off, or a part of it has a wrong length; what comes after that was not read.");

    // The standards say Latin-1 for many of these texts, yet some tools write UTF-8 into them. Latin-1 text in which
    // every letter beyond ASCII happens to make valid UTF-8 is next to unheard of.
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

    private bool TryTake(string container, string keyword, int length)
    {
        if (_entries.Count < MaxEntries && length <= _bytesLeft)
        {
            _bytesLeft -= length;
            return true;
        }

        if (!_isFull)
            Warnings.Add($"The file holds more text than is read ({MaxEntries} texts of {MaxBytes >> 20} MiB together); '{keyword}' ({container}) and maybe others were left out.");
        _isFull = true;
        return false;
    }
}
