namespace StableDiffusion.Tensors;

/// <summary>Tiles of one length along an axis, spread evenly; the last one ends with the axis.</summary>
/// <remarks>Source: A1111 1.10, <c>split_grid</c>. Forge's tiled diffusion spreads its windows by the same rule.</remarks>
internal static class EvenTiles
{
    /// <summary>Divides a length.</summary>
    /// <param name="length">The length of the axis.</param>
    /// <param name="tile">The length of a tile, more than the overlap; an axis that is not as long has one tile.</param>
    /// <param name="overlap">What two neighbours have in common at least, 0 or more.</param>
    /// <returns>The length of each tile, and where they start.</returns>
    public static (int Side, int[] Starts) Divide(int length, int tile, int overlap)
    {
        int side = Math.Min(tile, length), count = CountOf(length, tile, overlap);
        double step = count > 1 ? (length - side) / (double)(count - 1) : 0;
        return (side, [.. Enumerable.Range(0, count - 1).Select(i => (int)(i * step)), length - side]);
    }

    /// <summary>The number of tiles.</summary>
    /// <inheritdoc cref="Divide"/>
    public static int CountOf(int length, int tile, int overlap)
    {
        tile = Math.Min(tile, length);
        return Math.Max(1, (int)Math.Ceiling((length - overlap) / (double)Math.Max(1, tile - overlap)));
    }
}
