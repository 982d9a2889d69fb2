namespace StableDiffusion.Images.Masks;

/// <summary>Grows and shrinks the white part of masks by a square, as OpenCV's <c>dilate</c> and <c>erode</c> do with their default anchor and border.</summary>
internal static class MaskMorphology
{
    /// <summary>Grows or shrinks the white part.</summary>
    /// <param name="pixels">The mask, each pixel 0 or 255, row by row; it is not changed.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="size">The side of the square in pixels; below 0 the white part is shrunk, at 0 nothing is changed.</param>
    /// <returns>A new mask.</returns>
    public static byte[] Dilate(byte[] pixels, int width, int height, int size)
    {
        // What shrinks the white part grows the black one, and neither comes in from outside of the image.
        byte spread = size < 0 ? byte.MinValue : byte.MaxValue;
        byte[] result = (byte[])pixels.Clone();
        int side = (int)Math.Min(Math.Abs((long)size), 2L * Math.Max(width, height) + 1);
        if (side < 2)
            return result;
        SpreadLines(result, height, width, 1, width, side, spread);
        SpreadLines(result, width, 1, width, height, side, spread);
        return result;
    }

    private static void SpreadLines(byte[] pixels, int lines, int lineStride, int stride, int length, int side, byte spread)
    {
        // A pixel takes the color if one of those from its own place less half of the side has it.
        int before = side / 2, after = side - 1 - before;
        byte[] line = new byte[length];
        for (int i = 0; i < lines; i++)
        {
            for (int j = 0; j < length; j++)
                line[j] = pixels[(i * lineStride) + (j * stride)];
            int seen = int.MinValue / 2, ahead = 0;
            for (int j = 0; j < length; j++)
            {
                for (; ahead < length && ahead <= j + after; ahead++)
                {
                    if (line[ahead] == spread)
                        seen = ahead;
                }

                if (seen >= j - before)
                    pixels[(i * lineStride) + (j * stride)] = spread;
            }
        }
    }
}
