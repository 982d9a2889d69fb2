namespace StableDiffusion.Tensors;

/// <summary>The places beyond the ends of a line that goes on as in mirrors at both of them.</summary>
internal static class MirroredIndex
{
    /// <summary>The place within the line. The one at an end is not repeated; a place far beyond is mirrored at both ends in turn.</summary>
    /// <param name="index">The place, which may be beyond an end.</param>
    /// <param name="length">The length of the line.</param>
    public static int Of(int index, int length)
    {
        if (length == 1)
            return 0;
        int period = 2 * (length - 1);
        int place = ((index % period) + period) % period;
        return place < length ? place : period - place;
    }
}
