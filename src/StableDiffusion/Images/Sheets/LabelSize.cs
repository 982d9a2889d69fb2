namespace StableDiffusion.Images.Sheets;

/// <summary>The size of a label's letters.</summary>
/// <param name="Cell">The side of a cell of their grid in pixels.</param>
/// <param name="Spacing">The pixels between two lines.</param>
internal readonly record struct LabelSize(int Cell, int Spacing)
{
    /// <summary>The pixels from one line to the next.</summary>
    public int Pitch => (LabelFont.Rows * Cell) + Spacing;
}
