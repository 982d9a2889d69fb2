using System.Text;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Tga;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Tiff.Constants;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.PixelFormats;
using StableDiffusion.Fuzz.Mutations;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Settings;
using static StableDiffusion.Tests.Metadata.MetadataFiles;

namespace StableDiffusion.Fuzz.Targets;

/// <summary>The readers of image files: their pixels, and their texts.</summary>
internal static class ImageTargets
{
    private const string Infotext = "a cat\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768";

    /// <summary>All of them.</summary>
    public static IEnumerable<FuzzTarget> All()
    {
        yield return File("png", [ChunkMutations.Png], Pngs);
        yield return File("jpeg", [ChunkMutations.Jpeg], Jpegs);
        yield return File("webp", [ChunkMutations.Riff], WebPs);
        yield return File("gif", [], static () => [Gif(Infotext), Gif(Infotext, "behind"), Foreign(new GifEncoder())]);
        yield return File("bmp", [], static () => [Foreign(new BmpEncoder()), Foreign(new BmpEncoder { BitsPerPixel = BmpBitsPerPixel.Pixel8 })]);
        yield return File("tga", [], static () => [Foreign(new TgaEncoder()), Foreign(new TgaEncoder { Compression = TgaCompression.RunLength })]);
        yield return File("tiff", [AsBigTiff], static () => [Foreign(new TiffEncoder()), Foreign(new TiffEncoder { Compression = TiffCompression.Deflate }), Foreign(new TiffEncoder { Compression = TiffCompression.Jpeg }), Comment()[6..]]);
        yield return File("avif", [ChunkMutations.Boxes], static () => [Avif(Comment())]);
    }

    private static DelegateTarget File(string format, IReadOnlyList<Mutation> mutations, Func<IEnumerable<byte[]>> corpus) => new(format, mutations, corpus, data =>
    {
        string path = FuzzFiles.Write(data, "image." + format);
        DiffusionException? refused = null;
        try
        {
            ImageFile.Read(path);
        }
        catch (DiffusionException error)
        {
            // The texts of a damaged image are read all the same.
            refused = error;
        }

        ImageMetadata metadata = MetadataReader.Read(path);
        return [.. metadata.Warnings, refused?.Message ?? string.Empty];
    });

    // A directory of a BigTIFF file, whose numbers have 64 bits, with a hostile number of tags.
    private static byte[] AsBigTiff(byte[] data, Random random) =>
        [.. "II+\0\u0008\0\0\0"u8, .. BitConverter.GetBytes(16L), .. BitConverter.GetBytes(Hostile.Numbers[random.Next(Hostile.Numbers.Count)]), .. data.AsSpan(Math.Min(10, data.Length))];

    private static byte[] Comment() => Exif([.. "UNICODE\0"u8, .. Encoding.BigEndianUnicode.GetBytes(Infotext)], model: "prompt:{}");

    private static IEnumerable<byte[]> Pngs()
    {
        yield return Encode(ImageFormat.Png, new GenerationInfo { Prompt = "a cat", Seed = 42, Steps = 20 });
        yield return Png(TextChunk("parameters", Infotext), DeflatedText("k", Infotext), InternationalText("l", Infotext, isDeflated: true), Chunk("eXIf", Comment()[6..]));
        yield return Png(Chunk("iCCP", [.. "icc\0\0"u8, .. Deflate(new byte[200])]), TextChunk("prompt", """{"3":{"class_type":"KSampler","inputs":{"seed":1,"steps":20,"latent_image":["5",0],"positive":["6",0]}}}"""));
    }

    private static IEnumerable<byte[]> Jpegs()
    {
        yield return Encode(ImageFormat.Jpeg, new GenerationInfo { Prompt = "a cat", Seed = 42, Steps = 20 });
        yield return Jpeg((0xE1, Comment()), (0xFE, Encoding.ASCII.GetBytes(Infotext)), (0xE1, [.. "http://ns.adobe.com/xap/1.0/\0<a>text</a>"u8]));
    }

    private static IEnumerable<byte[]> WebPs()
    {
        yield return Encode(ImageFormat.WebP, new GenerationInfo { Prompt = "a cat", Seed = 42, Steps = 20 });
        yield return Foreign(new WebpEncoder { FileFormat = WebpFileFormatType.Lossless });
        yield return Foreign(new WebpEncoder { FileFormat = WebpFileFormatType.Lossy });
        yield return WebP(("EXIF", Comment()), ("XMP ", [.. "<a>text</a>"u8]));
    }

    private static byte[] Foreign(IImageEncoder encoder)
    {
        using Image<Rgba32> image = new(9, 7);
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
                image[x, y] = new Rgba32((byte)(x * 20), (byte)(y * 30), (byte)(x * y), (byte)(255 - x));
        }

        using MemoryStream stream = new();
        image.Save(stream, encoder);
        return stream.ToArray();
    }
}
