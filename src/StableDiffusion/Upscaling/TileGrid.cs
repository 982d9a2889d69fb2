using StableDiffusion.Images;
using StableDiffusion.Tensors;

namespace StableDiffusion.Upscaling;

/// <summary>
/// The tiles of an image, spread evenly, and their joining: over the overlap, a tile fades into the one before it, in bytes, row
/// by row. Source: A1111 1.10, <c>split_grid</c> and <c>combine_grid</c>.
/// </summary>
/// <param name="Width">The width of the image in pixels.</param>
/// <param name="Height">The height of the image in pixels.</param>
/// <param name="TileWidth">The width of each tile.</param>
/// <param name="TileHeight">The height of each tile.</param>
/// <param name="Overlap">The width of the seams; tiles may have more in common.</param>
/// <param name="X">The left sides of the tiles.</param>
/// <param name="Y">The tops of the tiles.</param>
internal sealed record TileGrid(int Width, int Height, int TileWidth, int TileHeight, int Overlap, IReadOnlyList<int> X, IReadOnlyList<int> Y)
{
    /// <summary>The number of tiles.</summary>
    public long Count => (long)X.Count * Y.Count;

    /// <summary>Divides an image.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="tileWidth">The width of a tile, more than the overlap; an image that is not as wide has one tile across.</param>
    /// <param name="tileHeight">The height of a tile, more than the overlap.</param>
    /// <param name="overlap">The width of the seams, 0 or more.</param>
    public static TileGrid Divide(int width, int height, int tileWidth, int tileHeight, int overlap)
    {
        (int Side, int[] Starts) columns = EvenTiles.Divide(width, tileWidth, overlap), rows = EvenTiles.Divide(height, tileHeight, overlap);
        return new TileGrid(width, height, columns.Side, rows.Side, overlap, columns.Starts, rows.Starts);
    }

    /// <summary>Makes an image from its tiles.</summary>
    /// <param name="pixels">The pixels of the image, red, green and blue of each.</param>
    /// <param name="scale">The factor by which a tile becomes larger.</param>
    /// <param name="run">Makes a tile, <see cref="TileWidth"/> times the scale wide, from its pixels.</param>
    /// <returns>The pixels of the new image.</returns>
    public byte[] Run(byte[] pixels, int scale, Func<byte[], byte[]> run)
    {
        int width = Width * scale, tileWidth = TileWidth * scale, tileHeight = TileHeight * scale, overlap = Overlap * scale;
        byte[] result = new byte[checked(width * Height * scale * DiffusionImage.Channels)];
        byte[] row = new byte[width * tileHeight * DiffusionImage.Channels];
        foreach (int y in Y)
        {
            foreach (int x in X)
                Paste(run(Cut(pixels, x, y)), tileWidth, tileHeight, row, width, x * scale, 0, x == 0 ? 0 : overlap, 0);
            Paste(row, width, tileHeight, result, width, 0, y * scale, 0, y == 0 ? 0 : overlap);
        }

        return result;
    }

    /// <summary>Cuts a tile out of an image of the size of the grid.</summary>
    /// <param name="pixels">The pixels of the image.</param>
    /// <param name="tile">The number of the tile, from 0, row by row.</param>
    /// <returns>The pixels of the tile.</returns>
    public byte[] Cut(byte[] pixels, int tile) => Cut(pixels, X[tile % X.Count], Y[tile / X.Count]);

    private byte[] Cut(byte[] pixels, int left, int top)
    {
        byte[] tile = new byte[TileWidth * TileHeight * DiffusionImage.Channels];
        int length = TileWidth * DiffusionImage.Channels;
        for (int y = 0; y < TileHeight; y++)
            pixels.AsSpan((((top + y) * Width) + left) * DiffusionImage.Channels, length).CopyTo(tile.AsSpan(y * length));
        return tile;
    }

    /// <summary>Copies pixels, whose first columns or rows fade in.</summary>
    private static void Paste(byte[] from, int width, int height, byte[] to, int toWidth, int left, int top, int fadeColumns, int fadeRows)
    {
        int length = width * DiffusionImage.Channels;
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> source = from.AsSpan(y * length, length);
            Span<byte> target = to.AsSpan((((top + y) * toWidth) + left) * DiffusionImage.Channels, length);
            for (int x = 0; x < fadeColumns; x++)
                Blend(source.Slice(x * DiffusionImage.Channels, DiffusionImage.Channels), target[(x * DiffusionImage.Channels)..], Share(x, fadeColumns));
            int rest = fadeColumns * DiffusionImage.Channels;
            if (y < fadeRows)
                Blend(source[rest..], target[rest..], Share(y, fadeRows));
            else
                source[rest..].CopyTo(target[rest..]);
        }
    }

    private static int Share(int position, int overlap) => (int)(position * 255f / overlap);

    // Rounded as Pillow does it.
    private static void Blend(ReadOnlySpan<byte> source, Span<byte> target, int share)
    {
        for (int i = 0; i < source.Length; i++)
        {
            int sum = (source[i] * share) + (target[i] * (byte.MaxValue - share)) + 128;
            target[i] = (byte)(((sum >> 8) + sum) >> 8);
        }
    }
}
