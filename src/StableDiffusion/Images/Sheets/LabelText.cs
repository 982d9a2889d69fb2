namespace StableDiffusion.Images.Sheets;

/// <summary>
/// A label in lines that fit a width, as A1111 lays out the legend of a grid (<c>modules/images.py</c>, <c>draw_grid_annotations</c>):
/// wrapped between words, centered, with half a letter's height between lines. A word that is wider than a line is broken too.
/// </summary>
internal sealed class LabelText
{
    /// <summary>The greatest number of characters of a label.</summary>
    public const int MostCharacters = 300;

    // The ems of a letter's cell: capitals of 7 cells are 0.7 em high.
    private const int CellsPerEm = 10;
    private const int SmallestSpacing = 2;
    private const string More = "...";

    private readonly List<string> _lines = [];
    private readonly LabelSize _size;

    /// <summary>Wraps a text.</summary>
    /// <param name="text">The text. Of one with more than <see cref="MostCharacters"/> the middle is left out.</param>
    /// <param name="width">The width of its place in pixels.</param>
    /// <param name="height">The greatest height in pixels; what does not fit is left out, but for one line.</param>
    /// <param name="size">The size of its letters.</param>
    public LabelText(string text, int width, int height, LabelSize size)
    {
        _size = size;
        int columns = Math.Max(width / size.Cell, 1), most = Math.Max((height + size.Spacing) / size.Pitch, 1);
        foreach (string word in LabelFont.Prepare(PrintableText.Of(text, MostCharacters)).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!(_lines.Count > 0 && Fits($"{_lines[^1]} {word}", columns)))
                AddBroken(word, columns);
            else
                _lines[^1] += $" {word}";
        }

        if (_lines.Count <= most)
            return;
        _lines.RemoveRange(most, _lines.Count - most);
        string last = _lines[^1];
        while (last.Length > 0 && !Fits(last + More, columns))
            last = last[..^1];
        _lines[^1] = last.TrimEnd() + More;
    }

    /// <summary>The height of all lines in pixels; 0 without a text.</summary>
    public int Height => _lines.Count == 0 ? 0 : (_lines.Count * _size.Pitch) - _size.Spacing;

    /// <summary>The lines, for tests.</summary>
    internal IReadOnlyList<string> Lines => _lines;

    /// <summary>The size of letters on images of a size: A1111's, a 25th of width and height together, and one that can be read on small ones.</summary>
    /// <param name="width">The width of an image in pixels.</param>
    /// <param name="height">The height of an image in pixels.</param>
    public static LabelSize SizeFor(int width, int height)
    {
        int em = (int)(((long)width + height) / 25);
        int cell = Math.Max(em / CellsPerEm, 1);
        return new LabelSize(cell, Math.Max(em / 2, SmallestSpacing));
    }

    /// <summary>Draws the text in black around the middle of a place.</summary>
    /// <param name="pen">A pen for letters of that size.</param>
    /// <param name="pixels">The pixels of an image, 3 bytes each, by rows.</param>
    /// <param name="imageWidth">The width of that image.</param>
    /// <param name="left">The left edge of the place.</param>
    /// <param name="top">The upper edge of the place.</param>
    /// <param name="width">The width of the place.</param>
    /// <param name="height">The height of the place.</param>
    public void Draw(LabelPen pen, Span<byte> pixels, int imageWidth, int left, int top, int width, int height)
    {
        int y = top + ((height - Height) / 2);
        foreach (string line in _lines)
        {
            int x = left + (Math.Max(width - (LabelFont.Width(line) * _size.Cell), 0) / 2);
            foreach (char letter in line)
            {
                pen.Draw(pixels, imageWidth, x, y, letter);
                x += (LabelFont.Cells(letter)[0].Length + 1) * _size.Cell;
            }

            y += _size.Pitch;
        }
    }

    private void AddBroken(string word, int columns)
    {
        int start = 0;
        for (int end = 1; end <= word.Length; end++)
        {
            if (end - start > 1 && LabelFont.Width(word.AsSpan(start, end - start)) > columns)
            {
                _lines.Add(word[start..(end - 1)]);
                start = end - 1;
            }
        }

        _lines.Add(word[start..]);
    }

    private static bool Fits(string line, int columns) => LabelFont.Width(line) <= columns;
}
