namespace StableDiffusion.Images.Sheets;

/// <summary>
/// The labels of a sheet and the white places that they need: three quarters of an image's width to the left of the rows, and
/// above the columns and below the images as much as their longest text needs (A1111's <c>draw_grid_annotations</c>).
/// </summary>
internal sealed class SheetLabels
{
    private readonly LabelText[] _rows;
    private readonly LabelText[] _columns;
    private readonly LabelText[] _captions;
    private readonly LabelPen _pen;
    private readonly int _width;
    private readonly int _height;

    /// <summary>Wraps the texts.</summary>
    /// <param name="layout">The texts.</param>
    /// <param name="width">The width of an image in pixels.</param>
    /// <param name="height">The height of an image in pixels.</param>
    public SheetLabels(SheetLayout layout, int width, int height)
    {
        (_width, _height) = (width, height);
        LabelSize size = LabelText.SizeFor(width, height);
        _pen = new LabelPen(size.Cell);
        int left = (int)((long)width * 3 / 4);
        _rows = Wrap(layout.RowLabels, left);
        _columns = Wrap(layout.ColumnLabels, width);
        _captions = Wrap(layout.Captions, width);
        Left = _rows.Any(static text => text.Height > 0) ? left : 0;
        Top = Place(_columns);
        Below = Place(_captions);

        LabelText[] Wrap(IReadOnlyList<string>? texts, int place) => [.. (texts ?? []).Select(text => new LabelText(text, place - (2 * size.Cell), height, size))];

        int Place(LabelText[] texts) => texts.Select(static text => text.Height).DefaultIfEmpty(0).Max() is > 0 and int highest ? highest + (2 * size.Spacing) : 0;
    }

    /// <summary>The pixels to the left of the images.</summary>
    public int Left { get; }

    /// <summary>The pixels above the images.</summary>
    public int Top { get; }

    /// <summary>The pixels below each row of images.</summary>
    public int Below { get; }

    /// <summary>Draws the text below an image.</summary>
    /// <param name="pixels">The pixels of the sheet.</param>
    /// <param name="sheetWidth">The width of the sheet.</param>
    /// <param name="index">The image.</param>
    /// <param name="left">Its left edge.</param>
    /// <param name="top">Its lower edge.</param>
    public void DrawCaption(Span<byte> pixels, int sheetWidth, int index, int left, int top)
    {
        if (_captions.Length > 0)
            _captions[index].Draw(_pen, pixels, sheetWidth, left, top, _width, Below);
    }

    /// <summary>Draws the texts of rows and columns.</summary>
    /// <param name="pixels">The pixels of the sheet.</param>
    /// <param name="sheetWidth">The width of the sheet.</param>
    /// <param name="across">The pixels from one column to the next.</param>
    /// <param name="down">The pixels from one row to the next.</param>
    public void DrawEdges(Span<byte> pixels, int sheetWidth, int across, int down)
    {
        for (int column = 0; column < _columns.Length; column++)
            _columns[column].Draw(_pen, pixels, sheetWidth, Left + (column * across), 0, _width, Top);
        for (int row = 0; row < _rows.Length; row++)
            _rows[row].Draw(_pen, pixels, sheetWidth, 0, Top + (row * down), Left, _height);
    }
}
