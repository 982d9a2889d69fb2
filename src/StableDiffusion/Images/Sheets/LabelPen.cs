namespace StableDiffusion.Images.Sheets;

/// <summary>Draws letters in black, large ones with a round pen along their cells in place of squares.</summary>
/// <param name="size">The side of a cell in pixels. Letters with cells of one pixel are drawn as they are.</param>
internal sealed class LabelPen(int size)
{
    // A little more than half a cell, so that letters look as dark as printed ones.
    private const double PenRadius = 0.55;

    private readonly Dictionary<char, double[,]> _drawn = [];

    // The pen goes a little beyond the cells.
    private int Edge => size > 1 ? 1 : 0;

    /// <summary>Draws a letter.</summary>
    /// <param name="pixels">The pixels of an image, 3 bytes each, by rows. What lies outside is left out.</param>
    /// <param name="imageWidth">The width of that image.</param>
    /// <param name="left">The left edge of the letter.</param>
    /// <param name="top">The upper edge of the letter.</param>
    /// <param name="letter">The letter, of a text that is prepared.</param>
    public void Draw(Span<byte> pixels, int imageWidth, int left, int top, char letter)
    {
        if (!_drawn.TryGetValue(letter, out double[,]? ink))
            _drawn.Add(letter, ink = InkOf(LabelFont.Cells(letter)));
        int imageHeight = pixels.Length / DiffusionImage.Channels / imageWidth;
        for (int row = 0; row < ink.GetLength(0); row++)
        {
            for (int column = 0; column < ink.GetLength(1); column++)
            {
                int x = left + column - Edge, y = top + row - Edge;
                if (x < 0 || x >= imageWidth || y < 0 || y >= imageHeight)
                    continue;
                foreach (ref byte value in pixels.Slice(((y * imageWidth) + x) * DiffusionImage.Channels, DiffusionImage.Channels))
                    value = (byte)Math.Round(value * (1 - ink[row, column]), MidpointRounding.AwayFromZero);
            }
        }
    }

    /// <summary>How much of each pixel of a letter is black, 0 to 1, by rows.</summary>
    private double[,] InkOf(bool[][] cells)
    {
        double[,] ink = new double[(cells.Length * size) + (2 * Edge), (cells[0].Length * size) + (2 * Edge)];
        List<(int FromX, int FromY, int ToX, int ToY)> strokes = Strokes(cells);
        for (int y = 0; y < ink.GetLength(0); y++)
        {
            for (int x = 0; x < ink.GetLength(1); x++)
                ink[y, x] = size > 1 ? Covered(strokes, (x - Edge + 0.5) / size, (y - Edge + 0.5) / size) : cells[y][x] ? 1 : 0;
        }

        return ink;
    }

    /// <summary>Lines between the middles of neighboring cells, and a point for each. Cells at a corner are joined unless a third one joins them.</summary>
    private static List<(int FromX, int FromY, int ToX, int ToY)> Strokes(bool[][] cells)
    {
        List<(int, int, int, int)> strokes = [];
        for (int y = 0; y < cells.Length; y++)
        {
            for (int x = 0; x < cells[0].Length; x++)
            {
                if (!cells[y][x])
                    continue;
                bool right = Has(x + 1, y), below = Has(x, y + 1), left = Has(x - 1, y);
                strokes.Add((x, y, right ? x + 1 : x, y));
                if (below)
                    strokes.Add((x, y, x, y + 1));
                if (Has(x + 1, y + 1) && !right && !below)
                    strokes.Add((x, y, x + 1, y + 1));
                if (Has(x - 1, y + 1) && !left && !below)
                    strokes.Add((x, y, x - 1, y + 1));
            }
        }

        return strokes;

        bool Has(int x, int y) => y < cells.Length && x >= 0 && x < cells[0].Length && cells[y][x];
    }

    /// <summary>How much of a pixel the pen covers, 0 to 1, from the distance of its middle to the nearest stroke.</summary>
    private double Covered(List<(int FromX, int FromY, int ToX, int ToY)> strokes, double x, double y)
    {
        double nearest = double.PositiveInfinity;
        foreach ((int fromX, int fromY, int toX, int toY) in strokes)
        {
            double alongX = toX - fromX, alongY = toY - fromY, awayX = x - fromX - 0.5, awayY = y - fromY - 0.5;
            double length = (alongX * alongX) + (alongY * alongY);
            double part = length == 0 ? 0 : Math.Clamp(((awayX * alongX) + (awayY * alongY)) / length, 0, 1);
            double offX = awayX - (part * alongX), offY = awayY - (part * alongY);
            nearest = Math.Min(nearest, (offX * offX) + (offY * offY));
        }

        return Math.Clamp(((PenRadius - Math.Sqrt(nearest)) * size) + 0.5, 0, 1);
    }
}
