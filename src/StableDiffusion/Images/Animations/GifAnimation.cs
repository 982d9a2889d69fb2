using System.Buffers.Binary;
using System.Text;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;
using SixLabors.ImageSharp.Processing.Processors.Quantization;

namespace StableDiffusion.Images.Animations;

/// <summary>
/// Animated GIF: each frame is the only one of a file of the image library, with the colors of that file as its own. Source: GIF89a
/// specification, sections 18 to 26; Netscape's extension for loops.
/// </summary>
internal sealed class GifAnimation : AnimationEncoder
{
    private const int MillisecondsPerUnit = 10;
    private const int HeaderSize = 13;
    private const int FrameHeaderSize = 9;
    private const int MostColors = 256;
    private const int LongestBlock = 255;
    private const byte Extension = 0x21;
    private const byte ImageSeparator = 0x2C;
    private const byte ColorTableFlag = 0x80;
    private const byte ColorTableMask = 0x07;

    /// <inheritdoc/>
    public override int LongestSide => ushort.MaxValue;

    /// <inheritdoc/>
    public override byte[] EncodeFrame(DiffusionImage frame, int delay, CancellationToken cancellationToken)
    {
        byte[] file = BackgroundCall.Run(() => Encode(frame, cancellationToken), cancellationToken);

        // The global colors of its file become those of the frame.
        byte flags = file[10];
        int colors = 3 << ((flags & ColorTableMask) + 1), start = HeaderSize + colors;
        while (file[start] == Extension)
            start = SkipBlocks(file, start + 2);
        using MemoryStream bytes = new();
        bytes.Write([Extension, 0xF9, 4, 0]);
        WriteNumber(bytes, (delay + (MillisecondsPerUnit / 2)) / MillisecondsPerUnit);
        bytes.Write([0, 0, ImageSeparator]);
        bytes.Write(file, start + 1, FrameHeaderSize - 1);
        bytes.WriteByte((byte)(ColorTableFlag | (flags & ColorTableMask)));
        bytes.Write(file, HeaderSize, colors);
        int pixels = start + 1 + FrameHeaderSize;
        bytes.Write(file, pixels, SkipBlocks(file, pixels + 1) - pixels);
        return bytes.ToArray();
    }

    /// <inheritdoc/>
    public override byte[] EncodeStart(int width, int height, int count, int plays, string record)
    {
        using MemoryStream bytes = new();
        bytes.Write("GIF89a"u8);
        WriteNumber(bytes, width);
        WriteNumber(bytes, height);

        // Eight bits a color, and no colors of all frames.
        bytes.Write([0x70, 0, 0]);
        if (plays != 1)
        {
            bytes.Write([Extension, 0xFF, 11]);
            bytes.Write("NETSCAPE2.0"u8);
            bytes.Write([3, 1]);

            // How many times it is repeated after the first time.
            WriteNumber(bytes, plays == 0 ? 0 : plays - 1);
            bytes.WriteByte(0);
        }

        if (record.Length > 0)
        {
            bytes.Write([Extension, 0xFE]);
            foreach (byte[] block in Encoding.UTF8.GetBytes(GifBlocks.RecordMark + record).Chunk(LongestBlock))
            {
                bytes.WriteByte((byte)block.Length);
                bytes.Write(block);
            }

            bytes.WriteByte(0);
        }

        return bytes.ToArray();
    }

    /// <inheritdoc/>
    public override byte[] EncodeEnd() => [0x3B];

    private static byte[] Encode(DiffusionImage frame, CancellationToken cancellationToken)
    {
        using Image<Rgb24> pixels = Image.WrapMemory<Rgb24>(ImageLibrary.Configuration, frame.Pixels.AsMemory(), frame.Width, frame.Height);
        IQuantizer quantizer = OwnColors(frame.Pixels) is Color[] own
            ? new PaletteQuantizer(own, new QuantizerOptions { MaxColors = MostColors, Dither = null })
            : new WuQuantizer(new QuantizerOptions { MaxColors = MostColors, Dither = KnownDitherings.FloydSteinberg });
        using MemoryStream file = new();
        pixels.SaveAsync(file, new GifEncoder { ColorTableMode = GifColorTableMode.Global, Quantizer = quantizer }, cancellationToken).GetAwaiter().GetResult();
        return file.ToArray();
    }

    private static Color[]? OwnColors(ReadOnlySpan<byte> pixels)
    {
        HashSet<(byte Red, byte Green, byte Blue)> colors = [];
        for (int i = 0; i < pixels.Length && colors.Count <= MostColors; i += DiffusionImage.Channels)
            colors.Add((pixels[i], pixels[i + 1], pixels[i + 2]));
        return colors.Count > MostColors ? null : [.. colors.Select(static color => Color.FromRgb(color.Red, color.Green, color.Blue))];
    }

    // After a byte for the size of its codes, or the two that name an extension.
    private static int SkipBlocks(ReadOnlySpan<byte> file, int position)
    {
        while (file[position] != 0)
            position += 1 + file[position];
        return position + 1;
    }

    private static void WriteNumber(MemoryStream bytes, int number)
    {
        Span<byte> two = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(two, (ushort)number);
        bytes.Write(two);
    }
}
