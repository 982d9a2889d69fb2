using SixLabors.ImageSharp;

namespace StableDiffusion.Images;

/// <summary>
/// Counts the groups of prefix codes of a lossless WebP image, for each of which the image library allocates tables before it
/// decodes the first pixel. Source: WebP lossless bitstream specification (RFC 9649, section 3).
/// </summary>
internal ref struct WebPLossless
{
    /// <summary>The largest number of groups. libwebp, the encoder of nearly all files, describes at most 2600 blocks.</summary>
    public const int MaxGroups = 2600;

    private const int HeaderBits = 8 + 14 + 14 + 1 + 3;
    private const int CodesOfGroup = 5;
    private const int LengthCodes = 19;
    private const int Literals = 256;
    private const int LengthSymbols = 24;
    private const int DistanceSymbols = 40;
    private const int MaxCacheBits = 11;
    private const uint CacheMultiplier = 0x1E35A7BD;
    private const int SubtractGreenTransform = 2;
    private const int ColorIndexTransform = 3;

    // The order in which the lengths of the codes of lengths are written.
    private static readonly byte[] s_lengthOrder = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    // Short distances name a near pixel: the upper four bits are the rows above, the lower ones eight less the columns to the left.
    private static readonly byte[] s_near =
    [
        0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1A, 0x26, 0x2A, 0x38, 0x05, 0x37, 0x39, 0x15, 0x1B, 0x36, 0x3A,
        0x25, 0x2B, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1C, 0x35, 0x3B, 0x46, 0x4A, 0x24, 0x2C, 0x58, 0x45, 0x4B, 0x34, 0x3C, 0x03,
        0x57, 0x59, 0x13, 0x1D, 0x56, 0x5A, 0x23, 0x2D, 0x44, 0x4C, 0x55, 0x5B, 0x33, 0x3D, 0x68, 0x02, 0x67, 0x69, 0x12, 0x1E,
        0x66, 0x6A, 0x22, 0x2E, 0x54, 0x5C, 0x43, 0x4D, 0x65, 0x6B, 0x32, 0x3E, 0x78, 0x01, 0x77, 0x79, 0x53, 0x5D, 0x11, 0x1F,
        0x64, 0x6C, 0x42, 0x4E, 0x76, 0x7A, 0x21, 0x2F, 0x75, 0x7B, 0x31, 0x3F, 0x63, 0x6D, 0x52, 0x5E, 0x00, 0x74, 0x7C, 0x41,
        0x4F, 0x10, 0x20, 0x62, 0x6E, 0x30, 0x73, 0x7D, 0x51, 0x5F, 0x40, 0x72, 0x7E, 0x61, 0x6F, 0x50, 0x71, 0x7F, 0x60, 0x70,
    ];

    private readonly ReadOnlySpan<byte> _data;
    private readonly CancellationToken _cancellationToken;
    private long _position;

    private WebPLossless(ReadOnlySpan<byte> data, int position, CancellationToken cancellationToken)
    {
        _data = data;
        _position = position;
        _cancellationToken = cancellationToken;
    }

    /// <summary>Checks a lossless image, or the lossless transparency of a lossy one.</summary>
    /// <param name="webp">A file with one image.</param>
    /// <param name="size">The size of the image.</param>
    /// <param name="cancellationToken">Cancels the check.</param>
    /// <exception cref="InvalidDataException">It is truncated or damaged, or has more groups than blocks or than the limit.</exception>
    public static void Check(ReadOnlySpan<byte> webp, Size size, CancellationToken cancellationToken)
    {
        const int LosslessAlpha = 1;
        const int CompressionMask = 3;
        if (WebPChunks.TryFind(webp, "VP8L"u8, out ReadOnlySpan<byte> data))
            new WebPLossless(data, HeaderBits, cancellationToken).Check(size.Width, size.Height);
        else if (WebPChunks.TryFind(webp, "ALPH"u8, out data) && data.Length > 0 && (data[0] & CompressionMask) == LosslessAlpha)
            new WebPLossless(data[1..], 0, cancellationToken).Check(size.Width, size.Height);
    }

    private void Check(int width, int height)
    {
        int found = 0;
        while (Read(1) == 1)
        {
            int transform = Read(2);
            if ((found & (1 << transform)) != 0)
                throw Damage();

            found |= 1 << transform;
            if (transform == ColorIndexTransform)
            {
                int colors = Read(8) + 1;
                ReadImage(colors, 1);
                width = Blocks(width, colors > 16 ? 0 : colors > 4 ? 1 : colors > 2 ? 2 : 3);
            }
            else if (transform != SubtractGreenTransform)
            {
                int bits = Read(3) + 2;
                ReadImage(Blocks(width, bits), Blocks(height, bits));
            }
        }

        ReadCacheBits();
        if (Read(1) == 0)
            return;

        int blockBits = Read(3) + 2;
        uint[] blocks = ReadImage(Blocks(width, blockBits), Blocks(height, blockBits));
        int groups = 0;
        foreach (uint block in blocks)
            groups = Math.Max(groups, (int)((block >> 8) & ushort.MaxValue) + 1);
        if (groups > Math.Min(blocks.Length, MaxGroups))
            throw new InvalidDataException($"it has {groups} groups of prefix codes for {blocks.Length} blocks, of which at most {MaxGroups} are supported.");
    }

    /// <summary>Reads an image that describes another one, and has a single group of codes.</summary>
    private uint[] ReadImage(int width, int height)
    {
        int cacheBits = ReadCacheBits();
        PrefixCode[] codes = new PrefixCode[CodesOfGroup];
        for (int i = 0; i < codes.Length; i++)
            codes[i] = ReadCode(i switch { 0 => Literals + LengthSymbols + (cacheBits > 0 ? 1 << cacheBits : 0), CodesOfGroup - 1 => DistanceSymbols, _ => Literals });

        uint[] pixels = new uint[width * height];
        uint[] cache = new uint[cacheBits > 0 ? 1 << cacheBits : 0];
        int count = 0;
        while (count < pixels.Length)
        {
            _cancellationToken.ThrowIfCancellationRequested();
            int first = count;
            int symbol = Read(codes[0]);
            if (symbol < Literals)
            {
                int red = Read(codes[1]);
                int blue = Read(codes[2]);
                pixels[count++] = ((uint)Read(codes[3]) << 24) | ((uint)red << 16) | ((uint)symbol << 8) | (uint)blue;
            }
            else if (symbol < Literals + LengthSymbols)
            {
                int length = ReadLength(symbol - Literals);
                int distance = Distance(ReadLength(Read(codes[4])), width);
                if (distance > count || length > pixels.Length - count)
                    throw Damage();
                for (int end = count + length; count < end; count++)
                    pixels[count] = pixels[count - distance];
            }
            else
            {
                pixels[count++] = cache[symbol - Literals - LengthSymbols];
            }

            for (; cacheBits > 0 && first < count; first++)
                cache[(pixels[first] * CacheMultiplier) >> (32 - cacheBits)] = pixels[first];
        }

        return pixels;
    }

    private int ReadCacheBits()
    {
        if (Read(1) == 0)
            return 0;

        int bits = Read(4);
        return bits is >= 1 and <= MaxCacheBits ? bits : throw Damage();
    }

    private PrefixCode ReadCode(int symbols)
    {
        byte[] lengths = new byte[symbols];
        if (Read(1) == 1)
        {
            int count = Read(1) + 1;
            int symbol = Read(Read(1) == 0 ? 1 : 8);
            for (int i = 0; i < count; i++)
            {
                symbol = i == 0 ? symbol : Read(8);
                if (symbol >= symbols)
                    throw Damage();
                lengths[symbol] = 1;
            }

            return new PrefixCode(lengths);
        }

        byte[] lengthLengths = new byte[LengthCodes];
        int written = Read(4) + 4;
        if (written > LengthCodes)
            throw Damage();
        for (int i = 0; i < written; i++)
            lengthLengths[s_lengthOrder[i]] = (byte)Read(3);
        ReadLengths(new PrefixCode(lengthLengths), lengths);
        return new PrefixCode(lengths);
    }

    private void ReadLengths(PrefixCode code, byte[] lengths)
    {
        int left = Read(1) == 0 ? lengths.Length : 2 + Read(2 + (2 * Read(3)));
        byte previous = 8;
        for (int symbol = 0; symbol < lengths.Length && left > 0; left--)
        {
            int length = Read(code);
            if (length < 16)
            {
                lengths[symbol++] = (byte)length;
                previous = length == 0 ? previous : (byte)length;
                continue;
            }

            int repeat = length switch { 16 => 3 + Read(2), 17 => 3 + Read(3), _ => 11 + Read(7) };
            if (repeat > lengths.Length - symbol)
                throw Damage();
            lengths.AsSpan(symbol, repeat).Fill(length == 16 ? previous : (byte)0);
            symbol += repeat;
        }
    }

    // Lengths and distances are written as a symbol for the upper bits, followed by the lower bits.
    private int ReadLength(int symbol)
    {
        if (symbol < 4)
            return symbol + 1;

        int bits = (symbol - 2) >> 1;
        return ((2 + (symbol & 1)) << bits) + Read(bits) + 1;
    }

    private int Read(PrefixCode code)
    {
        if (code.Symbols.Length == 1)
            return code.Symbols[0];

        int value = 0;
        int first = 0;
        int index = 0;
        for (int length = 1; length <= PrefixCode.MaxLength; length++)
        {
            value |= Read(1);
            int count = code.Counts[length];
            if (value - first < count)
                return code.Symbols[index + value - first];

            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }

        throw Damage();
    }

    private int Read(int bits)
    {
        if (_position + bits > _data.Length * 8L)
            throw Damage();

        int value = 0;
        for (int i = 0; i < bits; i++, _position++)
            value |= ((_data[(int)(_position >> 3)] >> (int)(_position & 7)) & 1) << i;
        return value;
    }

    private static int Distance(int code, int width) =>
        code > s_near.Length ? code - s_near.Length : Math.Max(1, 8 - (s_near[code - 1] & 0xF) + ((s_near[code - 1] >> 4) * width));

    private static int Blocks(int length, int bits) => (length + (1 << bits) - 1) >> bits;

    private static InvalidDataException Damage() => new("it is truncated or damaged.");

    /// <summary>A canonical prefix code: the number of codes of each length, and their symbols in order.</summary>
    private readonly struct PrefixCode
    {
        public const int MaxLength = 15;

        public PrefixCode(ReadOnlySpan<byte> lengths)
        {
            foreach (byte length in lengths)
                Counts[length]++;
            Counts[0] = 0;

            // Each length has twice the free codes that the shorter ones left; a code of one symbol leaves some.
            int[] starts = new int[MaxLength + 2];
            int free = 1;
            for (int length = 1; length <= MaxLength; length++)
            {
                starts[length + 1] = starts[length] + Counts[length];
                free = (free << 1) - Counts[length];
                if (free < 0)
                    throw Damage();
            }

            Symbols = new int[starts[^1]];
            if (Symbols.Length == 0 || (Symbols.Length > 1 && free > 0))
                throw Damage();
            for (int symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] > 0)
                    Symbols[starts[lengths[symbol]]++] = symbol;
            }
        }

        public int[] Counts { get; } = new int[MaxLength + 1];

        public int[] Symbols { get; }
    }
}
