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
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>An image of the same size: white on black.</returns>
    public static DiffusionImage Find(DiffusionImage image, int lowThreshold = DefaultLowThreshold, int highThreshold = DefaultHighThreshold, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (lowThreshold > highThreshold)
            (lowThreshold, highThreshold) = (highThreshold, lowThreshold);

        byte[] map = FindCrests(MaskImage.FromImage(image), lowThreshold, highThreshold, cancellationToken);
        Follow(map, image.Width, image.Height, cancellationToken);
        byte[] pixels = new byte[image.Pixels.Length];
        for (int i = 0; i < map.Length; i++)
            pixels.AsSpan(i * DiffusionImage.Channels, DiffusionImage.Channels).Fill(map[i] == Edge ? Edge : (byte)0);
        return new DiffusionImage(image.Width, image.Height, pixels);
    }

    /// <summary>Marks the pixels that are stronger than their neighbors across the edge. The gradients of three rows are kept, so that a large image needs little memory.</summary>
    private static byte[] FindCrests(MaskImage grey, int lowThreshold, int highThreshold, CancellationToken cancellationToken)
    {
        byte[] map = new byte[grey.Pixels.Length];
        GradientRow above = new(grey.Width), here = new(grey.Width), below = new(grey.Width);
        here.Derive(grey, 0);
        for (int y = 0; y < grey.Height; y++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            below.Derive(grey, y + 1);
            for (int x = 0; x < grey.Width; x++)
            {
                int strength = here.Strength(x);
                if (strength > lowThreshold && IsCrest(x, strength))
                    map[(y * grey.Width) + x] = strength > highThreshold ? Edge : Candidate;
            }

            (above, here, below) = (here, below, above);
        }

        return map;

        bool IsCrest(int x, int strength)
        {
            (int dx, int dy) = here.At(x);
            int ax = Math.Abs(dx);
            long ay = (long)Math.Abs(dy) << Shift;
            long flat = (long)ax * Tangent;
            if (ay < flat)
                return strength > here.Strength(x - 1) && strength >= here.Strength(x + 1);
            if (ay > flat + ((long)ax << (Shift + 1)))
                return strength > above.Strength(x) && strength >= below.Strength(x);
            int side = (dx ^ dy) < 0 ? -1 : 1;
            return strength > above.Strength(x - side) && strength > below.Strength(x + side);
        }
    }

    private static void Follow(byte[] map, int width, int height, CancellationToken cancellationToken)
    {
        Stack<int> found = new();
        for (int start = 0; start < map.Length; start++)
        {
            if (start % width == 0)
                cancellationToken.ThrowIfCancellationRequested();
            if (map[start] == Edge)
                found.Push(start);
            while (found.TryPop(out int at))
            {
                (int y, int x) = Math.DivRem(at, width);
                for (int ny = Math.Max(y - 1, 0); ny <= Math.Min(y + 1, height - 1); ny++)
                {
                    for (int nx = Math.Max(x - 1, 0); nx <= Math.Min(x + 1, width - 1); nx++)
                    {
                        int neighbor = (ny * width) + nx;
                        if (map[neighbor] != Candidate)
                            continue;
                        map[neighbor] = Edge;
                        found.Push(neighbor);
                    }
                }
            }
        }
    }

    /// <summary>The gradients of a row of an image.</summary>
    private sealed class GradientRow(int width)
    {
        private readonly (short X, short Y)[] _gradients = new (short, short)[width];

        // With a zero at both ends: the strength beyond the border is zero, so that an edge can be at the border.
        private readonly short[] _strengths = new short[width + 2];

        public (short X, short Y) At(int x) => _gradients[x];

        public int Strength(int x) => _strengths[x + 1];

        /// <summary>Computes the gradients of a row; beyond the border, they are zero.</summary>
        public void Derive(MaskImage image, int y)
        {
            if (y >= image.Height)
            {
                Array.Clear(_strengths);
                return;
            }

            ReadOnlySpan<byte> above = Row(image, Math.Max(y - 1, 0)), here = Row(image, y), below = Row(image, Math.Min(y + 1, image.Height - 1));
            for (int x = 0; x < width; x++)
            {
                int left = Math.Max(x - 1, 0);
                int right = Math.Min(x + 1, width - 1);
                int dx = above[right] + (2 * here[right]) + below[right] - above[left] - (2 * here[left]) - below[left];
                int dy = below[left] + (2 * below[x]) + below[right] - above[left] - (2 * above[x]) - above[right];
                _gradients[x] = ((short)dx, (short)dy);
                _strengths[x + 1] = (short)(Math.Abs(dx) + Math.Abs(dy));
            }
        }

        private static ReadOnlySpan<byte> Row(MaskImage image, int y) => image.Pixels.AsSpan(y * image.Width, image.Width);
    }
}
