using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Tensors;

public sealed class MatrixTests
{
    /// <summary>In groups of rows and columns, and what is left of them.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 5, 7)]
    [InlineData(4, 3, 16)]
    [InlineData(8, 2, 64)]
    [InlineData(10, 7, 67)]
    [InlineData(4, 0, 20)]
    [InlineData(0, 3, 4)]
    [InlineData(5, 3, 0)]
    public void Each_value_of_a_product_is_summed_up_in_the_same_order(int rows, int inner, int columns)
    {
        float[] left = Random(rows * inner, 1), right = Random(inner * columns, 2), expected = new float[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                for (int i = 0; i < inner; i++)
                    expected[row * columns + column] += left[row * inner + i] * right[i * columns + column];
            }
        }

        Assert.Equal(expected, Matrix.Multiply(left, right, rows, inner, columns, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_product_can_be_cancelled() =>
        Assert.ThrowsAny<OperationCanceledException>(() => Matrix.Multiply(new float[4], new float[4], 2, 2, 2, new CancellationToken(canceled: true)));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(32, 33)]
    [InlineData(70, 3)]
    public void A_transpose_is_written_or_added(int rows, int columns)
    {
        float[] source = Random(rows * columns, 3), turned = new float[source.Length], start = Random(source.Length, 4), sum = [.. start];
        Matrix.Transpose(source, rows, columns, turned);
        Matrix.AddTransposed(source, rows, columns, sum);
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                float value = source[row * columns + column];
                Assert.Equal((value, start[column * rows + row] + value), (turned[column * rows + row], sum[column * rows + row]));
            }
        }
    }

    private static float[] Random(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
