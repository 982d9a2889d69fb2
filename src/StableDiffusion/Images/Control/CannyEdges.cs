namespace StableDiffusion.Images.Control;

/// <summary>
/// Edge detection that is equal to OpenCV's <c>Canny</c> on 8-bit images: the 3x3 Sobel operator with a replicated border,
/// the L1 norm of the gradient as strength, non-maximum suppression, and two hysteresis thresholds. The image is first
/// converted to gray by BT.601. Source: Canny, IEEE PAMI 8 (1986) 679.
/// </summary>
internal static class CannyEdges
{
    /// <summary>The default lower threshold: a pixel above it is part of an edge if the edge has a pixel above the upper threshold.</summary>
    public const int DefaultLowThreshold = 100;

    /// <summary>The default upper threshold: a pixel above it is always part of an edge.</summary>
    public const int DefaultHighThreshold = 200;

    // The tangent of 22.5 degrees in units of 2^-15, which separates horizontal, diagonal and vertical edges.
    private const int Shift = 15;
    private const int Tangent = 13573;

    private const byte Candidate = 1;
    private const byte Edge = 255;

    /// <summary>Finds the edges.</summary>
    /// <param name="image">The image.</param>
    /// <param name="lowThreshold">The lower threshold of the gradient strength.</param>
    /// <param name="highThreshold">The upper threshold of the gradient strength.</param>
    /// <returns>An image of the same size: white on black.</returns>
    public static DiffusionImage Find(DiffusionImage image, int lowThreshold = DefaultLowThreshold, int highThreshold = DefaultHighThreshold)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (lowThreshold > highThreshold)
            (lowThreshold, highThreshold) = (highThreshold, lowThreshold);

        int width = image.Width;
        int height = image.Height;
        byte[] grey = MaskImage.FromImage(image).Pixels;
        int[] dx = new int[grey.Length];
        int[] dy = new int[grey.Length];
        Derive(grey, width, height, dx, dy);

        byte[] map = new byte[grey.Length];
        Stack<int> strong = new();
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int at = (y * width) + x;
                int strength = Strength(x, y);
                if (strength <= lowThreshold || !IsCrest(x, y, strength))
                    continue;
                map[at] = strength > highThreshold ? Edge : Candidate;
                if (map[at] == Edge)
                    strong.Push(at);
            }
        }

        Follow(map, width, height, strong);
        byte[] pixels = new byte[image.Pixels.Length];
        for (int i = 0; i < map.Length; i++)
            pixels.AsSpan(i * DiffusionImage.Channels, DiffusionImage.Channels).Fill(map[i] == Edge ? Edge : (byte)0);
        return new DiffusionImage(width, height, pixels);

        // The strength beyond the border is zero, so that an edge can be at the border.
        int Strength(int x, int y) => x < 0 || y < 0 || x >= width || y >= height
            ? 0
            : Math.Abs(dx[(y * width) + x]) + Math.Abs(dy[(y * width) + x]);

        bool IsCrest(int x, int y, int strength)
        {
            int ax = Math.Abs(dx[(y * width) + x]);
            long ay = (long)Math.Abs(dy[(y * width) + x]) << Shift;
            long flat = (long)ax * Tangent;
            if (ay < flat)
                return strength > Strength(x - 1, y) && strength >= Strength(x + 1, y);
            if (ay > flat + ((long)ax << (Shift + 1)))
                return strength > Strength(x, y - 1) && strength >= Strength(x, y + 1);
            int side = (dx[(y * width) + x] ^ dy[(y * width) + x]) < 0 ? -1 : 1;
            return strength > Strength(x - side, y - 1) && strength > Strength(x + side, y + 1);
        }
    }

    private static void Derive(byte[] grey, int width, int height, int[] dx, int[] dy)
    {
        for (int y = 0; y < height; y++)
        {
            int above = Math.Max(y - 1, 0) * width;
            int here = y * width;
            int below = Math.Min(y + 1, height - 1) * width;
            for (int x = 0; x < width; x++)
            {
                int left = Math.Max(x - 1, 0);
                int right = Math.Min(x + 1, width - 1);
                dx[here + x] = grey[above + right] + (2 * grey[here + right]) + grey[below + right]
                    - grey[above + left] - (2 * grey[here + left]) - grey[below + left];
                dy[here + x] = grey[below + left] + (2 * grey[below + x]) + grey[below + right]
                    - grey[above + left] - (2 * grey[above + x]) - grey[above + right];
            }
        }
    }

    private static void Follow(byte[] map, int width, int height, Stack<int> strong)
    {
        while (strong.TryPop(out int at))
        {
            (int y, int x) = Math.DivRem(at, width);
            for (int ny = Math.Max(y - 1, 0); ny <= Math.Min(y + 1, height - 1); ny++)
            {
                for (int nx = Math.Max(x - 1, 0); nx <= Math.Min(x + 1, width - 1); nx++)
                {
                    int neighbour = (ny * width) + nx;
                    if (map[neighbour] != Candidate)
                        continue;
                    map[neighbour] = Edge;
                    strong.Push(neighbour);
                }
            }
        }
    }
}
