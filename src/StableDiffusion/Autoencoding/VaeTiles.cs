using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Autoencoding;

/// <summary>
/// Encodes and decodes in overlapping tiles, one after the other: what the autoencoder needs most memory for grows with the
/// area. Where two tiles overlap, one fades linearly into the other. Each tile is normalized by itself, so the result differs
/// from that of the whole. As diffusers' AutoencoderKL does, whose tiles overlap by a quarter, and are as long as one allows.
/// </summary>
/// <param name="Rows">The tiles from top to bottom.</param>
/// <param name="Columns">The tiles from left to right.</param>
/// <param name="Factor">The number of pixels per latent value along each side.</param>
internal sealed record VaeTiles(TileAxis Rows, TileAxis Columns, int Factor)
{
    // How far the last tiles go on at the other side of the image, in latent values, to fade into the first ones; 0 if they end with it.
    private int _rowsAround;
    private int _columnsAround;

    /// <summary>The largest overlap, in pixels.</summary>
    public const int LargestOverlap = 64;

    /// <summary>The largest overlap as a part of the side of a tile.</summary>
    public const int OverlapParts = 4;

    /// <summary>The shortest a tile may be, in latent values.</summary>
    public const int ShortestSide = 4;

    /// <summary>Divides an image.</summary>
    /// <param name="height">The height in latent values.</param>
    /// <param name="width">The width in latent values.</param>
    /// <param name="longest">The longest side of a tile in latent values, <see cref="ShortestSide"/> or more.</param>
    /// <param name="factor">The number of pixels per latent value along each side.</param>
    /// <param name="tiling">The edges that meet: the last tiles then fade into the first ones.</param>
    /// <returns>The tiles; null if the image fits into one.</returns>
    public static VaeTiles? Divide(int height, int width, int longest, int factor, Tiling tiling = Tiling.None)
    {
        if (height <= longest && width <= longest)
            return null;

        int overlap = Math.Max(1, Math.Min(LargestOverlap / factor, longest / OverlapParts));
        int rowsAround = tiling is Tiling.Y or Tiling.Both ? Math.Min(overlap, height) : 0, columnsAround = tiling is Tiling.X or Tiling.Both ? Math.Min(overlap, width) : 0;
        return new VaeTiles(TileAxis.Divide(height + rowsAround, longest, overlap), TileAxis.Divide(width + columnsAround, longest, overlap), factor)
        {
            _rowsAround = rowsAround,
            _columnsAround = columnsAround,
        };
    }

    /// <summary>Decodes a latent.</summary>
    /// <param name="latent">The latent, [1, channels, height, width].</param>
    /// <param name="decode">Decodes a tile of it.</param>
    /// <returns>The image, [1, channels, height * factor, width * factor].</returns>
    public Tensor Decode(Tensor latent, Func<Tensor, Tensor> decode) => Run(latent, inUnit: 1, outUnit: Factor, decode);

    /// <summary>Encodes an image.</summary>
    /// <param name="pixels">The image, [1, channels, height, width].</param>
    /// <param name="encode">Encodes a tile of it.</param>
    /// <returns>The latent, or the parameters of its distribution, [1, channels, height / factor, width / factor].</returns>
    public Tensor Encode(Tensor pixels, Func<Tensor, Tensor> encode) => Run(pixels, inUnit: Factor, outUnit: 1, encode);

    private Tensor Run(Tensor input, int inUnit, int outUnit, Func<Tensor, Tensor> run)
    {
        if (_rowsAround + _columnsAround == 0)
            return RunTiles(input, inUnit, outUnit, run);

        Tensor around = RunTiles(GoAround(input, _rowsAround * inUnit, _columnsAround * inUnit), inUnit, outUnit, run);
        BlendRows(around, around, _rowsAround * outUnit);
        BlendColumns(around, around, _columnsAround * outUnit);
        return Cut(around, 0, 0, input.Shape[2] / inUnit * outUnit, input.Shape[3] / inUnit * outUnit);
    }

    private Tensor RunTiles(Tensor input, int inUnit, int outUnit, Func<Tensor, Tensor> run)
    {
        Tensor? result = null;
        Tensor[] above = [];
        for (int y = 0; y < Rows.Count; y++)
        {
            Tensor[] row = new Tensor[Columns.Count];
            for (int x = 0; x < row.Length; x++)
            {
                Tensor tile = run(Cut(input, y * Rows.Step * inUnit, x * Columns.Step * inUnit, Rows.Side * inUnit, Columns.Side * inUnit));
                if (y > 0)
                    BlendRows(above[x], tile, Rows.Overlap * outUnit);
                if (x > 0)
                    BlendColumns(row[x - 1], tile, Columns.Overlap * outUnit);
                result ??= new Tensor(1, tile.Shape[1], input.Shape[2] / inUnit * outUnit, input.Shape[3] / inUnit * outUnit);
                Paste(tile, result, y * Rows.Step * outUnit, x * Columns.Step * outUnit);
                row[x] = tile;
            }

            above = row;
        }

        return result!;
    }

    /// <summary>Repeats the first rows and columns after the last ones.</summary>
    private static Tensor GoAround(Tensor source, int rows, int columns)
    {
        (int height, int width) = (source.Shape[2], source.Shape[3]);
        Tensor result = new(1, source.Shape[1], height + rows, width + columns);
        for (int i = 0; i < source.Shape[1] * (height + rows); i++)
        {
            ReadOnlySpan<float> from = Line(source, i / (height + rows), i % (height + rows) % height);
            Span<float> to = Line(result, i / (height + rows), i % (height + rows));
            from.CopyTo(to);
            from[..columns].CopyTo(to[width..]);
        }

        return result;
    }

    private static Tensor Cut(Tensor source, int top, int left, int height, int width)
    {
        height = Math.Min(height, source.Shape[2] - top);
        width = Math.Min(width, source.Shape[3] - left);
        Tensor tile = new(1, source.Shape[1], height, width);
        for (int i = 0; i < source.Shape[1] * height; i++)
            Line(source, i / height, top + (i % height)).Slice(left, width).CopyTo(Line(tile, i / height, i % height));
        return tile;
    }

    // The next tiles, which are blended with this one, replace what they overlap.
    private static void Paste(Tensor tile, Tensor result, int top, int left)
    {
        int height = tile.Shape[2];
        for (int i = 0; i < tile.Shape[1] * height; i++)
            Line(tile, i / height, i % height).CopyTo(Line(result, i / height, top + (i % height))[left..]);
    }

    private static void BlendRows(Tensor above, Tensor tile, int overlap)
    {
        int extent = Math.Min(Math.Min(above.Shape[2], tile.Shape[2]), overlap);
        for (int channel = 0; channel < tile.Shape[1]; channel++)
        {
            for (int y = 0; y < extent; y++)
            {
                Span<float> line = Line(tile, channel, y);
                TensorPrimitives.Lerp(Line(above, channel, above.Shape[2] - extent + y), line, y / (float)extent, line);
            }
        }
    }

    private static void BlendColumns(Tensor left, Tensor tile, int overlap)
    {
        int extent = Math.Min(Math.Min(left.Shape[3], tile.Shape[3]), overlap);
        for (int i = 0; i < tile.Shape[1] * tile.Shape[2]; i++)
        {
            ReadOnlySpan<float> before = Line(left, i / tile.Shape[2], i % tile.Shape[2])[^extent..];
            Span<float> line = Line(tile, i / tile.Shape[2], i % tile.Shape[2]);
            for (int x = 0; x < extent; x++)
                line[x] = float.Lerp(before[x], line[x], x / (float)extent);
        }
    }

    private static Span<float> Line(Tensor tensor, int channel, int y) => tensor.Span.Slice(((channel * tensor.Shape[2]) + y) * tensor.Shape[3], tensor.Shape[3]);
}
