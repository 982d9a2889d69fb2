namespace StableDiffusion.Tensors;

/// <summary>The matrix operations that adapters and graphs need. All matrices are stored row by row.</summary>
internal static class Matrix
{
    /// <summary>Transposes a matrix.</summary>
    /// <param name="source">The matrix.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="destination">Receives the transposed values, as many as the source has.</param>
    public static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination)
    {
        // In square tiles, so that both matrices stay in the cache.
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

    /// <summary>Adds the transpose of a matrix to another one.</summary>
    /// <param name="source">The matrix.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="sum">The matrix [columns, rows] that it is added to.</param>
    public static void AddTransposed(ReadOnlySpan<float> source, int rows, int columns, Span<float> sum)
    {
        const int Tile = 32;
        for (int firstRow = 0; firstRow < rows; firstRow += Tile)
        {
            int endRow = Math.Min(firstRow + Tile, rows);
            for (int firstColumn = 0; firstColumn < columns; firstColumn += Tile)
            {
                int endColumn = Math.Min(firstColumn + Tile, columns);
                for (int column = firstColumn; column < endColumn; column++)
                {
                    Span<float> target = sum.Slice(column * rows, rows);
                    for (int row = firstRow; row < endRow; row++)
                        target[row] += source[row * columns + column];
                }
            }
        }
    }

    /// <summary>Multiplies two matrices on all cores.</summary>
    /// <param name="left">A matrix [rows, inner].</param>
    /// <param name="right">A matrix [inner, columns].</param>
    /// <param name="rows">The number of rows of the product.</param>
    /// <param name="inner">The number of columns of the left matrix and rows of the right one.</param>
    /// <param name="columns">The number of columns of the product.</param>
    /// <param name="cancellationToken">Cancels between two rows of the product.</param>
    /// <returns>The product [rows, columns].</returns>
    public static float[] Multiply(float[] left, float[] right, int rows, int inner, int columns, CancellationToken cancellationToken)
    {
        float[] product = new float[checked(rows * columns)];
        Parallel.For(0, rows, new ParallelOptions { CancellationToken = cancellationToken }, row =>
        {
            Span<float> target = product.AsSpan(row * columns, columns);
            for (int i = 0; i < inner; i++)
                TensorPrimitives.MultiplyAdd(right.AsSpan(i * columns, columns), left[row * inner + i], target, target);
        });
        return product;
    }

    /// <summary>Inverts a square matrix I - Q with Qᵀ = -Q in place. Such a matrix needs no pivots: each would be at least 1.</summary>
    /// <param name="matrix">The matrix [size, size], which becomes its inverse.</param>
    /// <param name="size">The number of rows.</param>
    /// <param name="cancellationToken">Cancels between two rows.</param>
    public static void InvertAboutIdentity(double[] matrix, int size, CancellationToken cancellationToken)
    {
        const int FewRows = 128;
        ParallelOptions options = new() { CancellationToken = cancellationToken };
        for (int pivot = 0; pivot < size; pivot++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double divisor = matrix[pivot * size + pivot];
            matrix[pivot * size + pivot] = 1;
            TensorPrimitives.Divide(matrix.AsSpan(pivot * size, size), divisor, matrix.AsSpan(pivot * size, size));
            int current = pivot;
            if (size < FewRows)
            {
                for (int row = 0; row < size; row++)
                    Reduce(row);
            }
            else
            {
                Parallel.For(0, size, options, Reduce);
            }

            void Reduce(int row)
            {
                if (row == current)
                    return;

                Span<double> values = matrix.AsSpan(row * size, size);
                double factor = values[current];
                values[current] = 0;
                TensorPrimitives.MultiplyAdd(matrix.AsSpan(current * size, size), -factor, values, values);
            }
        }
    }
}
