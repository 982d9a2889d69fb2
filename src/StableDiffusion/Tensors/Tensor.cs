using System.Globalization;

namespace StableDiffusion.Tensors;

/// <summary>A row-major array of 32-bit floats with a shape. The memory is a managed array, never a native handle.</summary>
public sealed class Tensor
{
    private readonly int[] _shape;

    /// <summary>Creates a tensor of zeros.</summary>
    /// <param name="shape">The length of each axis, outermost first; zero or more each.</param>
    public Tensor(params ReadOnlySpan<int> shape)
        : this(new float[Count(shape)], shape)
    {
    }

    /// <summary>Creates a tensor over an array, without copying it.</summary>
    /// <param name="values">The values in row-major order.</param>
    /// <param name="shape">The length of each axis, outermost first.</param>
    /// <exception cref="ArgumentException">The shape does not have as many values as the array.</exception>
    public Tensor(float[] values, params ReadOnlySpan<int> shape)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (Count(shape) != values.Length)
            throw new ArgumentException($"A shape of [{Describe(shape)}] does not hold {values.Length} values.", nameof(shape));

        Values = values;
        _shape = shape.ToArray();
    }

    /// <summary>The values in row-major order. This is the tensor's own array, not a copy.</summary>
    public float[] Values { get; }

    /// <summary>The length of each axis, outermost first.</summary>
    public IReadOnlyList<int> Shape => _shape;

    /// <summary>The number of axes.</summary>
    public int Rank => _shape.Length;

    /// <summary>The number of values.</summary>
    public int Length => Values.Length;

    /// <summary>The values as a span.</summary>
    public Span<float> Span => Values;

    /// <summary>Returns a tensor of another shape that shares the array.</summary>
    /// <param name="shape">A shape with the same number of values.</param>
    /// <returns>A tensor over the same array.</returns>
    public Tensor Reshape(params ReadOnlySpan<int> shape) => new(Values, shape);

    /// <summary>Returns a copy that shares no memory with this tensor.</summary>
    /// <returns>The copy.</returns>
    public Tensor Clone() => new((float[])Values.Clone(), _shape);

    /// <summary>Whether the tensor has a given shape.</summary>
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

    /// <summary>
    /// The largest value of a latent or an embedding that is used. Those of models are within 100 or so, and within 30,000 with the
    /// most noise of any scheduler. The sums of squares in a network become infinite from about 1e17, and it would be blamed for that.
    /// </summary>
    internal const float LargestValue = 1e9f;

    /// <summary>Finds a value that cannot be used in a latent or an embedding.</summary>
    /// <returns>What the value is, to follow "a value that is"; null if there is none.</returns>
    internal string? FindUnusable()
    {
        if (!IsFinite())
            return "NaN or infinite";
        float largest = Values.Length == 0 ? 0 : MathF.Abs(TensorPrimitives.MaxMagnitude<float>(Values));
        return largest > LargestValue ? string.Create(CultureInfo.InvariantCulture, $"{largest:G2} in size, far beyond any that a model makes") : null;
    }

    /// <summary>Whether every value is a finite number.</summary>
    /// <returns>False if any is NaN or infinite.</returns>
    public bool IsFinite() => TensorPrimitives.IsFiniteAll<float>(Values);

    /// <summary>The shape as text, such as <c>float[1,4,8,8]</c>.</summary>
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
