namespace StableDiffusion.Autoencoding;

/// <summary>The tiles along one axis, in latent values. Tile i begins at i * step; the last one may be shorter.</summary>
/// <param name="Side">The length of a tile.</param>
/// <param name="Step">The distance from the beginning of a tile to that of the next; the rest of a tile overlaps the next.</param>
/// <param name="Count">The number of tiles.</param>
internal readonly record struct TileAxis(int Side, int Step, int Count)
{
    /// <summary>How many latent values two neighbours have in common.</summary>
    public int Overlap => Side - Step;

    /// <summary>Divides a length into the fewest tiles, which are about equally long.</summary>
    /// <param name="length">The length.</param>
    /// <param name="longest">The longest a tile may be, longer than the overlap.</param>
    /// <param name="overlap">How much two neighbours are to have in common.</param>
    public static TileAxis Divide(int length, int longest, int overlap)
    {
        if (length <= longest)
            return new TileAxis(length, length, 1);

        int count = Ceiling(length - overlap, longest - overlap);
        int step = Ceiling(length - overlap, count);
        return new TileAxis(step + overlap, step, Ceiling(length - overlap, step));
    }

    private static int Ceiling(int dividend, int divisor) => (dividend + divisor - 1) / divisor;
}
