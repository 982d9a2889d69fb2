namespace StableDiffusion.Tensors;

/// <summary>A row-major block of 32-bit floats with a shape. It owns a plain managed array, never a native handle.</summary>
public sealed class Tensor
{
    private readonly int[] _shape;

    /// <summary>Makes a tensor of zeros.</summary>
    /// <param name="shape">The length of each axis, all zero or more, outermost first.</param>
    public Tensor(params ReadOnlySpan<int> shape)
        : this(new float[Count(shape)], shape)
    {
    }

    /// <summary>Makes a tensor over an array, without copying it.</summary>
    /// <param name="values">The values, row by row; as many as the shape holds.</param>
    /// <param name="shape">The length of each axis, outermost first.</param>
    /// <exception cref="ArgumentException">The shape holds another number of values.</exception>
    public Tensor(float[] values, params ReadOnlySpan<int> shape)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (Count(shape) != values.Length)
            throw new ArgumentException($"A shape of [{Describe(shape)}] does not hold {values.Length} values.", nameof(shape));

        Values = values;
        _shape = shape.ToArray();
    }

    /// <summary>The values, row by row. The array is the tensor's own, not a copy.</summary>
    public float[] Values { get; }

    /// <summary>The length of each axis, outermost first.</summary>
    public IReadOnlyList<int> Shape => _shape;

    /// <summary>How many axes there are.</summary>
    public int Rank => _shape.Length;

    /// <summary>How many values there are.</summary>
    public int Length => Values.Length;

    /// <summary>The values as a span.</summary>
    public Span<float> Span => Values;

    /// <summary>The same values under another shape; the array is shared.</summary>
    /// <param name="shape">A shape that holds as many values.</param>
    /// <returns>A tensor over the same array.</returns>
    public Tensor Reshape(params ReadOnlySpan<int> shape) => new(Values, shape);

    /// <summary>A copy that shares nothing with this tensor.</summary>
    /// <returns>The copy.</returns>
    public Tensor Clone() => new((float[])Values.Clone(), _shape);

    /// <summary>Whether the shape is just this one.</summary>
    /// <param name="shape">The shape to compare with; -1 matches any length.</param>
    /// <returns>True if the rank is the same and every axis matches.</returns>
    public bool HasShape(params ReadOnlySpan<int> shape)
    {
        if (shape.Length != _shape.Length)
            return false;

        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] != -1 && shape[axis] != _shape[axis])
                return false;
        }

        return true;
    }

    /// <summary>Whether every value is a finite number.</summary>
    /// <returns>False if any is NaN or infinite.</returns>
    public bool IsFinite() => TensorPrimitives.IsFiniteAll<float>(Values);

    /// <summary>The shape in words, such as <c>float[1,4,8,8]</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"float[{Describe(_shape)}]";

    internal static string Describe(ReadOnlySpan<int> shape) => string.Join(',', shape.ToArray());

    private static int Count(ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int length in shape)
            count = checked(count * length);
        return count;
    }
}
