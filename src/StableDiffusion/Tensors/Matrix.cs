namespace StableDiffusion.Tensors;

/// <summary>What adapters and graphs need of the algebra of matrices; all of them lie row by row.</summary>
internal static class Matrix
{
    /// <summary>Exchanges the axes of a matrix.</summary>
    /// <param name="source">The matrix.</param>
    /// <param name="rows">How many rows it has.</param>
    /// <param name="columns">How many columns it has.</param>
    /// <param name="destination">Receives as many values.</param>
    public static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination)
    {
        // In square tiles, so that both sides stay in the cache.
        const int Tile = 32;
        for (int firstRow = 0; firstRow < rows; firstRow += Tile)
        {
            int endRow = Math.Min(firstRow + Tile, rows);
            for (int firstColumn = 0; firstColumn < columns; firstColumn += Tile)
            {
                int endColumn = Math.Min(firstColumn + Tile, columns);
                for (int column = firstColumn; column < endColumn; column++)
                {
                    Span<float> target = destination.Slice(column * rows, rows);
                    for (int row = firstRow; row < endRow; row++)
                        target[row] = source[row * columns + column];
                }
            }
        }
    }

    /// <summary>The product of two matrices, on all cores.</summary>
    /// <param name="left">A matrix [rows, inner].</param>
    /// <param name="right">A matrix [inner, columns].</param>
    /// <param name="rows">How many rows the product has.</param>
    /// <param name="inner">How many values are summed for each of its values.</param>
    /// <param name="columns">How many columns it has.</param>
    /// <returns>The product.</returns>
    public static float[] Multiply(float[] left, float[] right, int rows, int inner, int columns)
    {
        float[] product = new float[checked(rows * columns)];
        Parallel.For(0, rows, row =>
        {
            Span<float> target = product.AsSpan(row * columns, columns);
            for (int i = 0; i < inner; i++)
                TensorPrimitives.MultiplyAdd(right.AsSpan(i * columns, columns), left[row * inner + i], target, target);
        });
        return product;
    }
}
