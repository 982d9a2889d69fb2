using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// The overlapping windows of a latent that is larger than those of the model's training: the U-Net predicts for one after the
/// other, and where they overlap, their predictions are averaged.
/// </summary>
/// <remarks>
/// Windows of equal weight: MultiDiffusion (Bar-Tal et al., arXiv 2302.08113). Windows that weigh less towards their edges: Mixture
/// of Diffusers (Jiménez, arXiv 2302.02412), with the weights of diffusers' <c>mixture_tiling.py</c>. Both as Forge runs them, whose
/// windows are spread evenly and all of one size.
/// </remarks>
internal sealed class LatentWindows
{
    /// <summary>The most windows of a latent.</summary>
    public const int MostWindows = 4096;

    private const double Variance = 0.01;

    private readonly DiffusionTiling _tiling;
    private readonly int _side;
    private readonly int _overlap;
    private readonly int _factor;
    private readonly int _fullWidth;
    private readonly int[] _tops;
    private readonly int[] _lefts;

    // The part that a window has in the average, for each of its rows and columns: their product is that of a cell.
    private readonly double[][] _rowShares;
    private readonly double[][] _columnShares;
    private readonly float[] _shares;

    private LatentWindows(int height, int width, int side, int overlap, int factor, DiffusionTiling tiling)
    {
        (_tiling, _side, _overlap, _factor, _fullWidth) = (tiling, side, overlap, factor, width);
        (Height, _tops) = EvenTiles.Divide(height, side, overlap);
        (Width, _lefts) = EvenTiles.Divide(width, side, overlap);
        bool isGaussian = tiling == DiffusionTiling.Mixture;

        // The middle of the rows lies half a cell lower than that of the columns, in all programs.
        _rowShares = Shares(height, _tops, Weights(Height, Height / 2.0));
        _columnShares = Shares(width, _lefts, Weights(Width, (Width - 1) / 2.0));
        _shares = new float[Width];

        double[] Weights(int length, double middle) =>
            [.. Enumerable.Range(0, length).Select(i => isGaussian ? Math.Exp(-(i - middle) * (i - middle) / (length * (double)length * 2 * Variance)) : 1)];
    }

    /// <summary>The height of each window in cells.</summary>
    public int Height { get; }

    /// <summary>The width of each window in cells.</summary>
    public int Width { get; }

    /// <summary>The number of windows.</summary>
    public int Count => _tops.Length * _lefts.Length;

    /// <summary>Divides a latent.</summary>
    /// <param name="height">Its height in cells.</param>
    /// <param name="width">Its width in cells.</param>
    /// <param name="side">The longest side of a window in cells, 1 or more.</param>
    /// <param name="overlap">How many cells two neighbours have in common at least, 0 to one less than the side.</param>
    /// <param name="factor">The number of pixels for each cell along a side.</param>
    /// <param name="tiling">How the predictions are averaged.</param>
    /// <returns>The windows; null if one is enough, which changes nothing.</returns>
    public static LatentWindows? Divide(int height, int width, int side, int overlap, int factor, DiffusionTiling tiling) =>
        tiling == DiffusionTiling.None || (height <= side && width <= side) ? null : new LatentWindows(height, width, side, overlap, factor, tiling);

    /// <summary>Divides a latent as settings say.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="height">Its height in cells.</param>
    /// <param name="width">Its width in cells.</param>
    /// <param name="factor">The number of pixels for each cell along a side.</param>
    /// <param name="modelSide">The longest side in pixels of an image that the model makes by default, which a window has by default.</param>
    /// <returns>The windows; null if it is not divided.</returns>
    /// <exception cref="InvalidSettingException">The windows overlap by more than their side, are too many, or cannot be used with another setting.</exception>
    public static LatentWindows? Of(GenerationSettings settings, int height, int width, int factor, int modelSide)
    {
        DiffusionTiling tiling = TilingOf(settings);
        if (tiling == DiffusionTiling.None)
            return null;
        if (settings.ToTiling() != Tiling.None)
            throw new InvalidSettingException(nameof(settings.DiffusionTiling), "DiffusionTiling cannot be used with Tiling: the edges of the windows would meet, not those of the image. Omit one of them.");

        int side = Math.Max(1, SideOf(settings, modelSide) / factor);
        int overlap = settings.DiffusionTileOverlap is int given ? given / factor : side / 2;
        if (overlap >= side)
            throw new InvalidSettingException(nameof(settings.DiffusionTileOverlap), $"DiffusionTileOverlap is {settings.DiffusionTileOverlap}, but must be less than the side of a window, {side * factor} pixels, by {factor} or more.");
        if ((long)EvenTiles.CountOf(height, side, overlap) * EvenTiles.CountOf(width, side, overlap) is > MostWindows and long count)
            throw new InvalidSettingException(nameof(settings.DiffusionTileSize), $"An image of {width * factor}x{height * factor} pixels has {count} windows of {side * factor} pixels that overlap by {overlap * factor}, more than {MostWindows}. Choose a larger DiffusionTileSize, or a smaller DiffusionTileOverlap.");
        return Divide(height, width, side, overlap, factor, tiling);
    }

    /// <summary>The longest side in pixels of what goes through the U-Net at once.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="modelSide">As for <see cref="Of"/>.</param>
    /// <returns>The side; <see cref="int.MaxValue"/> without windows.</returns>
    public static int SideOf(GenerationSettings settings, int modelSide) =>
        TilingOf(settings) == DiffusionTiling.None ? int.MaxValue : settings.DiffusionTileSize ?? modelSide;

    /// <summary>Records in the settings of an image how its latent was divided.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="windows">The windows; null if it was not divided.</param>
    public static GenerationInfo Record(GenerationInfo info, LatentWindows? windows) => info with
    {
        DiffusionTiling = windows?._tiling.ToString(),
        DiffusionTileSize = windows?._side * windows?._factor,
        DiffusionTileOverlap = windows?._overlap * windows?._factor,
    };

    /// <summary>Cuts a window out.</summary>
    /// <param name="from">A latent, or an image of the same proportions, [1, channels, height, width].</param>
    /// <param name="window">The number of the window, from 0.</param>
    /// <returns>Its part, [1, channels, height, width].</returns>
    public Tensor Cut(Tensor from, int window)
    {
        int scale = from.Shape[3] / _fullWidth;
        Tensor part = new(1, from.Shape[1], Height * scale, Width * scale);
        Cut(from, window, part.Span);
        return part;
    }

    /// <summary>Cuts a window out.</summary>
    /// <param name="from">As for <see cref="Cut(Tensor, int)"/>.</param>
    /// <param name="window">The number of the window, from 0.</param>
    /// <param name="part">Receives its part.</param>
    public void Cut(Tensor from, int window, Span<float> part)
    {
        int scale = from.Shape[3] / _fullWidth, height = Height * scale, width = Width * scale;
        (int top, int left) = (_tops[window / _lefts.Length] * scale, _lefts[window % _lefts.Length] * scale);
        for (int line = 0; line < from.Shape[1] * height; line++)
        {
            int source = ((line / height * from.Shape[2]) + top + (line % height)) * from.Shape[3];
            from.Span.Slice(source + left, width).CopyTo(part.Slice(line * width, width));
        }
    }

    /// <summary>Adds the prediction for a window to the average of all.</summary>
    /// <param name="part">The prediction, of as many channels as the latent.</param>
    /// <param name="window">The number of the window, from 0.</param>
    /// <param name="sum">The sum, [1, channels, height, width], which is the average after the last window.</param>
    public void Add(ReadOnlySpan<float> part, int window, Tensor sum)
    {
        (int row, int column) = (window / _lefts.Length, window % _lefts.Length);
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
                _shares[x] = (float)(_rowShares[row][y] * _columnShares[column][x]);
            for (int channel = 0; channel < sum.Shape[1]; channel++)
            {
                Span<float> line = sum.Span.Slice((((channel * sum.Shape[2]) + _tops[row] + y) * _fullWidth) + _lefts[column], Width);
                TensorPrimitives.MultiplyAdd(part.Slice(((channel * Height) + y) * Width, Width), _shares, line, line);
            }
        }
    }

    private static DiffusionTiling TilingOf(GenerationSettings settings) => EnumSetting.Parse(nameof(settings.DiffusionTiling), settings.DiffusionTiling, default(DiffusionTiling));

    private static double[][] Shares(int length, int[] starts, double[] weights)
    {
        double[] sums = new double[length];
        foreach (int start in starts)
        {
            for (int i = 0; i < weights.Length; i++)
                sums[start + i] += weights[i];
        }

        return [.. starts.Select(start => weights.Select((weight, i) => weight / sums[start + i]).ToArray())];
    }
}
