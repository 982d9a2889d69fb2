using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>OFT of PEFT (Qiu et al., arXiv 2506.19847): the inputs of a weight are rotated in blocks.</summary>
/// <remarks>
/// As in PEFT 0.18 (tuners/oft/layer.py): a row of values holds the part above the diagonal of a skew-symmetric Q, row by row. The
/// rotation is R = (I - Q)(I + Q)⁻¹, or the series I + 2Q + 2Q² + … + Qⁿ of its inverse with n = <see cref="PeftRotation.Terms"/> - 1, and the
/// weight becomes W·Rᵀ. PEFT has no strengths; here each rotation is R·s + I·(1 - s), as for other rotations. Convolutions with
/// a kernel are refused, since PEFT computes them in another way before than after it merges them.
/// </remarks>
internal sealed class InputRotationChange : LayerChange
{
    // A rotation by 179.999 degrees. With larger values, the inverse would lose its digits.
    private const double LargestValue = 1e5;

    private readonly StoredTensor _values;
    private readonly PeftRotation _form;
    private readonly int _size;

    private InputRotationChange(StoredTensor values, PeftRotation form)
        : base("OFT of PEFT", outWidth: null, form.IsShared ? null : Rows(values) * SizeOf(values), rank: null)
    {
        (_values, _form, _size) = (values, form, SizeOf(values));
        if (form.IsShared && Rows(values) != 1)
            throw new AdapterInvalidException($"The tensor '{values.Name}' {values.ShapeText} must have one row, since all blocks of a layer have the same rotation (block_share).");
    }

    public override string ShapeText => _form.IsShared ? $"[*, a multiple of {_size}] without a kernel" : $"{base.ShapeText} without a kernel";

    /// <summary>Returns the change if its values exist.</summary>
    /// <param name="tensors">The tensors by role.</param>
    /// <param name="form">How the values become rotations.</param>
    /// <exception cref="AdapterInvalidException">The tensor does not have the shape of such values.</exception>
    public static InputRotationChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, Lazy<PeftRotation> form) =>
        tensors.TryGetValue(LoraRole.InputBlocks, out StoredTensor? values) ? new InputRotationChange(values, form.Value) : null;

    public override bool Fits(int outWidth, int inWidth, int innerCount) =>
        innerCount == inWidth && base.Fits(outWidth, inWidth, innerCount) && innerCount % _size == 0;

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        int inner = weight.InnerCount, rows = weight.OutWidth, count = _size * (_size - 1) / 2;
        float[] values = file.Read(_values.Name).Values;

        // NaN is not in the range, either.
        if (!(Math.Abs(TensorPrimitives.MaxMagnitude<float>(values)) <= LargestValue))
            throw new AdapterInvalidException($"The tensor '{_values.Name}' of the LoRA '{file.Path}' gives no rotations: a value is NaN, infinite or far too large. Get the file again, or use another LoRA.");

        float[] change = new float[weight.Values.Length], columns = new float[rows * _size], turned = [];
        for (int block = 0; block < inner / _size; block++)
        {
            if (block == 0 || !_form.IsShared)
                turned = TurnedDifference(values.AsSpan(_form.IsShared ? 0 : block * count, count), cancellationToken);
            for (int row = 0; row < rows; row++)
                weight.Values.AsSpan(row * inner + block * _size, _size).CopyTo(columns.AsSpan(row * _size));
            float[] product = Matrix.Multiply(columns, turned, rows, _size, _size, cancellationToken);
            for (int row = 0; row < rows; row++)
                product.AsSpan(row * _size, _size).CopyTo(change.AsSpan(row * inner + block * _size));
        }

        return change;
    }

    // Of count values above the diagonal: count = size · (size - 1) / 2.
    private static int SizeOf(StoredTensor values)
    {
        long count = Columns(values);
        long size = (1 + (long)Math.Sqrt(1 + 8.0 * count)) / 2;
        return values.Shape.Count == 2 && size * (size - 1) / 2 == count && size < int.MaxValue
            ? (int)size
            : throw new AdapterInvalidException($"The tensor '{values.Name}' of the shape {values.ShapeText} does not have the values above the diagonals of blocks.");
    }

    /// <summary>Computes (R - I)ᵀ of a block.</summary>
    private float[] TurnedDifference(ReadOnlySpan<float> values, CancellationToken cancellationToken)
    {
        double[] skew = new double[_size * _size];
        int index = 0;
        for (int row = 0; row < _size; row++)
        {
            for (int column = row + 1; column < _size; column++)
            {
                skew[row * _size + column] = values[index];
                skew[column * _size + row] = -values[index++];
            }
        }

        double[] difference = _form.Terms is int terms ? Series(skew, terms, cancellationToken) : Inverse(skew, cancellationToken);
        float[] turned = new float[difference.Length];
        for (int row = 0; row < _size; row++)
        {
            for (int column = 0; column < _size; column++)
                turned[column * _size + row] = (float)difference[row * _size + column];
        }

        return turned;
    }

    // R - I = 2(I + Q)⁻¹ - 2I.
    private double[] Inverse(double[] skew, CancellationToken cancellationToken)
    {
        for (int i = 0; i < _size; i++)
            skew[i * _size + i]++;
        Matrix.InvertAboutIdentity(skew, _size, cancellationToken);
        TensorPrimitives.Multiply(skew, 2, skew);
        for (int i = 0; i < _size; i++)
            skew[i * _size + i] -= 2;
        return skew;
    }

    // R - I = 2Q + 2Q² + … + 2Qⁿ⁻¹ + Qⁿ. With two terms it is 2Q, and with three as with four.
    private double[] Series(double[] skew, int terms, CancellationToken cancellationToken)
    {
        double[] sum = new double[skew.Length], power = skew;
        int last = terms > 2 ? Math.Max(terms - 1, 3) : terms - 1;
        for (int exponent = 1; exponent <= last; exponent++)
        {
            if (exponent > 1)
                power = Product(power, skew, cancellationToken);
            TensorPrimitives.MultiplyAdd(power, exponent == 1 || exponent < last ? 2.0 : 1.0, sum, sum);
        }

        return sum;
    }

    private double[] Product(double[] left, double[] right, CancellationToken cancellationToken)
    {
        double[] product = new double[left.Length];
        for (int row = 0; row < _size; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Span<double> target = product.AsSpan(row * _size, _size);
            for (int i = 0; i < _size; i++)
                TensorPrimitives.MultiplyAdd(right.AsSpan(i * _size, _size), left[row * _size + i], target, target);
        }

        return product;
    }
}
