namespace StableDiffusion.Onnx.Checks;

/// <summary>What is known of a value that a graph makes of its constants alone.</summary>
/// <param name="Shape">The length of each axis. Lengths are floating-point numbers, which do not overflow.</param>
/// <param name="Values">Its numbers, if they are few and known; otherwise null.</param>
/// <param name="IsFloat">Whether they are floating-point numbers.</param>
internal sealed record GraphConstant(double[] Shape, double[]? Values, bool IsFloat)
{
    /// <summary>The most numbers that are kept: the sizes of a tensor are its number of axes, twice for padding.</summary>
    public const int MostValues = 64;

    /// <summary>The number of elements.</summary>
    public double Count => Product(Shape);

    /// <summary>Makes a value, whose numbers are computed if they are few.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="isFloat">Whether it has floating-point numbers.</param>
    /// <param name="at">Computes the number at an index; NaN if it is not known. Null if none is known.</param>
    public static GraphConstant Make(double[] shape, bool isFloat, Func<int[], double>? at)
    {
        if (at is null || !(Product(shape) <= MostValues) || Array.Exists(shape, static length => length < 0))
            return new GraphConstant(shape, null, isFloat);

        double[] values = new double[(int)Product(shape)];
        int[] index = new int[shape.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = at(index);
            for (int axis = shape.Length - 1; axis >= 0 && ++index[axis] == (int)shape[axis]; axis--)
                index[axis] = 0;
        }

        return new GraphConstant(shape, Array.TrueForAll(values, double.IsFinite) ? values : null, isFloat);
    }

    /// <summary>The number at an index of a shape that this one is broadcast to; NaN if there is none. The numbers must be known.</summary>
    /// <param name="index">The index, with at least as many axes.</param>
    public double At(ReadOnlySpan<int> index)
    {
        int place = 0;
        for (int axis = 0; axis < Shape.Length; axis++)
        {
            int length = (int)Shape[axis];
            int position = length == 1 ? 0 : index[index.Length - Shape.Length + axis];
            if (position < 0 || position >= length)
                return double.NaN;
            place = (place * length) + position;
        }

        return Values![place];
    }

    /// <summary>The product of lengths.</summary>
    public static double Product(ReadOnlySpan<double> lengths)
    {
        double product = 1;
        foreach (double length in lengths)
            product *= length;
        return product;
    }
}
