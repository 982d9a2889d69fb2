namespace StableDiffusion.Comparison;

/// <summary>A rectangle of an image, in pixels.</summary>
/// <param name="Left">The number of columns to the left of it.</param>
/// <param name="Top">The number of rows above it.</param>
/// <param name="Width">Its width.</param>
/// <param name="Height">Its height.</param>
public sealed record ImageRegion(int Left, int Top, int Width, int Height)
{
    /// <summary>A short description.</summary>
    /// <returns>The size and the position, such as <c>12x8 at 4,20</c>.</returns>
    public override string ToString() => $"{Width}x{Height} at {Left},{Top}";
}
