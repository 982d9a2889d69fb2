namespace StableDiffusion.Images.Masks;

/// <summary>Pillow's GaussianBlur: three box blurs with fractional radii in each direction (Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", 2011).</summary>
internal static class BoxBlur
{
    private const int Passes = 3;

    // Sums are counted in 2^-24 of a gray level.
    private const int FractionBits = 24;

    /// <summary>Blurs one channel of an image in place. The pixels at the edges are repeated outwards.</summary>
    /// <param name="values">The channel, row by row.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="sigma">The standard deviation in pixels; 0 for none.</param>
    public static void Blur(byte[] values, int width, int height, float sigma)
    {
        float radius = RadiusOf(sigma);
        if (radius <= 0)
            return;

        byte[] line = new byte[Math.Max(width, height)];
        for (int pass = 0; pass < Passes; pass++)
        {
            for (int y = 0; y < height; y++)
                BlurLine(values, y * width, 1, line.AsSpan(0, width), radius);
        }

        for (int pass = 0; pass < Passes; pass++)
        {
            for (int x = 0; x < width; x++)
                BlurLine(values, x, width, line.AsSpan(0, height), radius);
        }
    }

    private static float RadiusOf(float sigma)
    {
        float variance = sigma * sigma / Passes;
        float length = (float)Math.Sqrt((12.0 * variance) + 1);
        float whole = (float)Math.Floor((length - 1.0) / 2);
        float part = ((2 * whole) + 1) * ((whole * (whole + 1)) - (3 * variance));
        return whole + (part / (6 * (variance - ((whole + 1) * (whole + 1)))));
    }

    private static void BlurLine(byte[] values, int start, int stride, Span<byte> line, float radius)
    {
        for (int i = 0; i < line.Length; i++)
            line[i] = values[start + (i * stride)];

        int whole = (int)radius, last = line.Length - 1;
        uint inner = (uint)((1 << FractionBits) / ((radius * 2) + 1));
        uint outer = ((1u << FractionBits) - ((uint)((whole * 2) + 1) * inner)) / 2;
        uint sum = 0;
        for (int i = -whole; i <= whole; i++)
            sum += line[Math.Clamp(i, 0, last)];
        for (int i = 0; i <= last; i++)
        {
            uint left = line[Math.Max(i - whole - 1, 0)], right = line[Math.Min(i + whole + 1, last)];
            values[start + (i * stride)] = (byte)(((sum * inner) + ((left + right) * outer) + (1u << (FractionBits - 1))) >> FractionBits);
            sum += right;
            sum -= line[Math.Max(i - whole, 0)];
        }
    }
}
