using System.Numerics;
using System.Runtime.CompilerServices;

namespace StableDiffusion.Tensors;

/// <summary>The matrix operations that adapters and graphs need. All matrices are stored row by row.</summary>
internal static class Matrix
{
    // A row of the product is made of so many others at once, whose sums stay in registers.
    private const int RowsAtOnce = 4;

    /// <summary>Transposes a matrix.</summary>
    /// <param name="source">The matrix.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="destination">Receives the transposed values, as many as the source has.</param>
    public static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination) => Transpose(source, rows, columns, destination, isAdded: false);

    /// <summary>Adds the transpose of a matrix to another one.</summary>
    /// <param name="source">The matrix.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="columns">The number of columns.</param>
    /// <param name="sum">The matrix [columns, rows] that it is added to.</param>
    public static void AddTransposed(ReadOnlySpan<float> source, int rows, int columns, Span<float> sum) => Transpose(source, rows, columns, sum, isAdded: true);

    /// <summary>Multiplies two matrices on all cores.</summary>
    /// <param name="left">A matrix [rows, inner].</param>
    /// <param name="right">A matrix [inner, columns].</param>
    /// <param name="rows">The number of rows of the product.</param>
    /// <param name="inner">The number of columns of the left matrix and rows of the right one.</param>
    /// <param name="columns">The number of columns of the product.</param>
    /// <param name="cancellationToken">Cancels between a few rows of the product.</param>
    /// <returns>The product [rows, columns]. Each value is summed up in the order of the inner axis, whatever the processor is.</returns>
    public static float[] Multiply(float[] left, float[] right, int rows, int inner, int columns, CancellationToken cancellationToken)
    {
        float[] product = GC.AllocateUninitializedArray<float>(checked(rows * columns));
        Parallel.For(0, (rows + RowsAtOnce - 1) / RowsAtOnce, new ParallelOptions { CancellationToken = cancellationToken }, group =>
        {
            int first = group * RowsAtOnce, count = Math.Min(RowsAtOnce, rows - first);
            ReadOnlySpan<float> factors = left.AsSpan(first * inner, count * inner);
            Span<float> target = product.AsSpan(first * columns, count * columns);
            int done = count == RowsAtOnce ? MultiplyRows(factors, right, target, inner, columns) : 0;
            for (int row = 0; row < count; row++)
                MultiplyRow(factors.Slice(row * inner, inner), right, target.Slice(row * columns, columns), done);
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

    private static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination, bool isAdded)
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
                        target[row] = isAdded ? target[row] + source[row * columns + column] : source[row * columns + column];
                }
            }
        }
    }

    /// <summary>Computes four rows of a product.</summary>
    /// <returns>The number of their columns that are done.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int MultiplyRows(ReadOnlySpan<float> factors, ReadOnlySpan<float> right, Span<float> target, int inner, int columns)
    {
        int width = 2 * Vector<float>.Count, start = 0;
        for (; start <= columns - width; start += width)
        {
            Vector<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            for (int i = 0; i < inner; i++)
            {
                ReadOnlySpan<float> values = right.Slice(i * columns + start, width);
                Vector<float> v0 = new(values), v1 = new(values[Vector<float>.Count..]);
                (a0, a1) = (a0 + v0 * factors[i], a1 + v1 * factors[i]);
                (b0, b1) = (b0 + v0 * factors[inner + i], b1 + v1 * factors[inner + i]);
                (c0, c1) = (c0 + v0 * factors[2 * inner + i], c1 + v1 * factors[2 * inner + i]);
                (d0, d1) = (d0 + v0 * factors[3 * inner + i], d1 + v1 * factors[3 * inner + i]);
            }

            Store(target[start..], a0, a1);
            Store(target[(columns + start)..], b0, b1);
            Store(target[(2 * columns + start)..], c0, c1);
            Store(target[(3 * columns + start)..], d0, d1);
        }

        return start;

        static void Store(Span<float> place, Vector<float> first, Vector<float> second)
        {
            first.CopyTo(place);
            second.CopyTo(place[Vector<float>.Count..]);
        }
    }

    /// <summary>Computes a row of a product from a column on.</summary>
    private static void MultiplyRow(ReadOnlySpan<float> factors, ReadOnlySpan<float> right, Span<float> target, int start)
    {
        if (start == target.Length)
            return;

        target[start..].Clear();
        for (int i = 0; i < factors.Length; i++)
            TensorPrimitives.MultiplyAdd(right[(i * target.Length + start)..((i + 1) * target.Length)], factors[i], target[start..], target[start..]);
    }
}
