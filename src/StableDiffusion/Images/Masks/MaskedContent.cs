using StableDiffusion.Settings;

namespace StableDiffusion.Images.Masks;

/// <summary>Fills the masked part of an image with the colors around it: A1111's masked content "fill" (<c>modules/masking.py</c>).</summary>
internal static class MaskedContent
{
    // Each blur, from the widest, and how many times it is laid over what is there. The last one is the image itself.
    private static readonly (int Sigma, int Times)[] s_layers = [(256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)];

    /// <summary>Fills the masked part.</summary>
    /// <param name="image">The image; it is not changed.</param>
    /// <param name="mask">The mask, of the same size: white is filled.</param>
    /// <returns>The filled image, which records the stage. Where the mask is black, its pixels are the image's own.</returns>
    /// <exception cref="ImageInvalidException">The mask has another size.</exception>
    public static DiffusionImage Fill(DiffusionImage image, MaskImage mask)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(mask);
        mask.CheckSize(image.Width, image.Height);
        byte[] pixels = Fill(image.Pixels, mask.Pixels, image.Width, image.Height);
        GenerationStage stage = new()
        {
            Operation = StageOperation.FillMask,
            Inputs = new OrderedDictionary<string, IReadOnlyList<StageList>>(StringComparer.Ordinal) { [PasteBack.MaskInput] = [mask.Origin()] },
            Output = StageList.Hash<byte>(pixels),
        };
        return new DiffusionImage(image.Width, image.Height, pixels, image.Info with { Stages = image.Origin().Append(stage) });
    }

    private static byte[] Fill(byte[] pixels, byte[] mask, int width, int height)
    {
        AlphaPixel[] filled = new AlphaPixel[mask.Length];
        foreach ((int sigma, int times) in s_layers)
        {
            byte[][] layer = Premultiply(pixels, mask);
            foreach (byte[] channel in layer)
                BoxBlur.Blur(channel, width, height, sigma);
            for (int i = 0; i < filled.Length; i++)
            {
                AlphaPixel over = new AlphaPixel(layer[0][i], layer[1][i], layer[2][i], layer[3][i]).Straight();
                for (int time = 0; time < times; time++)
                    filled[i] = filled[i].Under(over);
            }
        }

        byte[] result = new byte[pixels.Length];
        for (int i = 0; i < filled.Length; i++)
            (result[3 * i], result[(3 * i) + 1], result[(3 * i) + 2]) = (filled[i].R, filled[i].G, filled[i].B);
        return result;
    }

    /// <summary>The channels of the kept part, the last one its opacity.</summary>
    private static byte[][] Premultiply(byte[] pixels, byte[] mask)
    {
        byte[][] channels = [new byte[mask.Length], new byte[mask.Length], new byte[mask.Length], new byte[mask.Length]];
        for (int i = 0; i < mask.Length; i++)
        {
            AlphaPixel pixel = AlphaPixel.Premultiplied(pixels.AsSpan(i * DiffusionImage.Channels, DiffusionImage.Channels), (byte)(byte.MaxValue - mask[i]));
            (channels[0][i], channels[1][i], channels[2][i], channels[3][i]) = (pixel.R, pixel.G, pixel.B, pixel.A);
        }

        return channels;
    }
}
