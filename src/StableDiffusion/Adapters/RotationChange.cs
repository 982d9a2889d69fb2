using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// OFT (Qiu et al., arXiv 2306.07280): the outputs of a weight are rotated in blocks. BOFT (Liu et al., arXiv 2311.06243) rotates
/// them in several stages, between which they change places like the wings of a butterfly.
/// </summary>
/// <remarks>
/// As in LyCORIS (modules/diag_oft.py, modules/boft.py), whose OFT is that of Kohya's scripts (networks/oft.py). A block X is
/// stored for the rotation R = (I + Q)(I - Q)⁻¹ with Q = X - Xᵀ; older files of LyCORIS have R itself (<c>oft_diag</c>). The norm
/// of all Q is at most alpha · outputs; an alpha of 0, or none, is no limit. OFT applies Rᵀ, and each stage of BOFT R. At a
/// strength s, each rotation is R·s + I·(1 - s). Scales of the rows act in full at any strength.
/// </remarks>
internal sealed class RotationChange : LayerChange
{
    private const double SmallNorm = 1e-8;

    // A rotation by 179.999 degrees. With larger values, the inverse would lose its digits.
    private const double LargestValue = 1e5;

    private readonly StoredTensor _blocks;
    private readonly StoredTensor? _scales;
    private readonly StoredTensor? _alpha;
    private readonly bool _isWhole;
    private readonly bool _isButterfly;
    private readonly int _stages;
    private readonly int _size;

    private RotationChange(StoredTensor blocks, bool isWhole, StoredTensor? scales, StoredTensor? alpha)
        : base(blocks.Shape.Count == 4 ? "BOFT" : "OFT", OutWidthOf(blocks), innerCount: null, rank: null)
    {
        (_blocks, _isWhole, _scales, _alpha) = (blocks, isWhole, scales, alpha);
        _isButterfly = blocks.Shape.Count == 4;
        _stages = _isButterfly ? (int)blocks.Shape[0] : 1;
        _size = (int)blocks.Shape[^1];
        if (_isButterfly && (isWhole || _size % 2 != 0 || !HasWings()))
            throw new AdapterInvalidException($"The tensor '{blocks.Name}' {blocks.ShapeText} does not divide {OutWidth} outputs into the blocks of a butterfly.");
        if (scales is not null && (scales.Count != OutWidth || Rows(scales) != OutWidth))
            throw Contradiction(blocks, scales);
    }

    public override bool IsProportional => false;

    /// <summary>Returns the change if its blocks exist.</summary>
    /// <exception cref="AdapterInvalidException">The tensors do not have the shapes of blocks, or do not fit together.</exception>
    public static RotationChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors)
    {
        StoredTensor? scales = tensors.GetValueOrDefault(LoraRole.RowScales);
        if (tensors.TryGetValue(LoraRole.Blocks, out StoredTensor? blocks))
            return new RotationChange(blocks, isWhole: false, scales, tensors.GetValueOrDefault(LoraRole.Alpha));
        return tensors.TryGetValue(LoraRole.Rotations, out StoredTensor? rotations) ? new RotationChange(rotations, isWhole: true, scales, alpha: null) : null;
    }

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        int inner = weight.InnerCount;
        float[] blocks = file.Read(_blocks.Name).Values;
        double factor = Limit(file, blocks);
        float[] change = new float[weight.Values.Length];
        float[] rotated = [.. weight.Values];
        int perStage = weight.OutWidth / _size;
        double[] matrix = new double[_size * _size];
        for (int stage = 0; stage < _stages; stage++)
        {
            for (int block = 0; block < perStage; block++)
            {
                ReadOnlySpan<float> values = blocks.AsSpan((stage * perStage + block) * _size * _size, _size * _size);
                if (_isWhole)
                    SubtractIdentity(values, matrix);
                else
                    Rotate(file, values, factor, matrix, cancellationToken);
                Apply(matrix, weight.Strength, stage, block, rotated, change, inner, cancellationToken);
            }

            // A stage rotates what the stages before it have made of the weight.
            TensorPrimitives.Add(weight.Values, change, rotated);
        }

        if (_scales is not null)
        {
            float[] scales = file.Read(_scales.Name).Values;
            for (int row = 0; row < scales.Length; row++)
            {
                Span<float> values = rotated.AsSpan(row * inner, inner);
                TensorPrimitives.Multiply(values, scales[row], values);
            }

            TensorPrimitives.Subtract(rotated, weight.Values, change);
        }

        return change;
    }

    private static long OutWidthOf(StoredTensor blocks) => blocks.Shape.Count is 3 or 4 && blocks.Count > 0 && blocks.Shape[^1] == blocks.Shape[^2]
        ? blocks.Shape[^3] * blocks.Shape[^1]
        : throw new AdapterInvalidException($"The tensor '{blocks.Name}' of the shape {blocks.ShapeText} is not a list of square blocks.");

    /// <summary>Whether the outputs can be divided for the last stage, which has the longest wings, and so for all stages.</summary>
    private bool HasWings()
    {
        long length = _size;
        for (int stage = 1; stage < _stages && length <= OutWidth; stage++)
            length *= 2;
        return length <= OutWidth && OutWidth % length == 0;
    }

    /// <summary>The factor that shortens all Q to the norm that alpha allows.</summary>
    private double Limit(ITensorFile file, float[] blocks)
    {
        float alpha = _alpha is { Count: 1 } ? file.Read(_alpha.Name).Values[0] : 0;
        if (!float.IsFinite(alpha))
            throw Unusable(file, _alpha!);
        if (alpha <= 0)
            return 1;

        double squares = 0;
        for (int start = 0; start < blocks.Length; start += _size * _size)
        {
            for (int row = 0; row < _size; row++)
            {
                for (int column = 0; column < row; column++)
                    squares += 2 * Square((double)blocks[start + row * _size + column] - blocks[start + column * _size + row]);
            }
        }

        double norm = Math.Sqrt(squares) + SmallNorm;
        double most = (double)alpha * OutWidth!.Value;
        return norm > most ? most / norm : 1;

        static double Square(double value) => value * value;
    }

    private void SubtractIdentity(ReadOnlySpan<float> values, Span<double> matrix)
    {
        TensorPrimitives.ConvertTruncating(values, matrix);
        for (int i = 0; i < _size; i++)
            matrix[i * _size + i]--;
    }

    /// <summary>Computes R - I of a block, which is 2(I - Q)⁻¹ - 2I.</summary>
    private void Rotate(ITensorFile file, ReadOnlySpan<float> block, double factor, double[] matrix, CancellationToken cancellationToken)
    {
        for (int row = 0; row < _size; row++)
        {
            for (int column = 0; column < _size; column++)
                matrix[row * _size + column] = (row == column ? 1 : 0) - factor * ((double)block[row * _size + column] - block[column * _size + row]);
        }

        // NaN is not in the range, either.
        if (!(Math.Abs(TensorPrimitives.MaxMagnitude<double>(matrix)) <= LargestValue))
            throw Unusable(file, _blocks);
        Matrix.InvertAboutIdentity(matrix, _size, cancellationToken);
        TensorPrimitives.Multiply(matrix, 2, matrix);
        for (int i = 0; i < _size; i++)
            matrix[i * _size + i] -= 2;
    }

    /// <summary>Adds what a block's rotation changes.</summary>
    private void Apply(double[] matrix, double strength, int stage, int block, float[] rotated, float[] change, int inner, CancellationToken cancellationToken)
    {
        float[] difference = new float[matrix.Length];
        float[] rows = new float[_size * inner];
        for (int row = 0; row < _size; row++)
        {
            for (int column = 0; column < _size; column++)
                difference[_isButterfly ? row * _size + column : column * _size + row] = (float)(strength * matrix[row * _size + column]);
            rotated.AsSpan(RowOf(row) * inner, inner).CopyTo(rows.AsSpan(row * inner));
        }

        float[] product = Matrix.Multiply(difference, rows, _size, _size, inner, cancellationToken);
        for (int row = 0; row < _size; row++)
        {
            Span<float> target = change.AsSpan(RowOf(row) * inner, inner);
            TensorPrimitives.Add(target, product.AsSpan(row * inner, inner), target);
        }

        // The wings of a stage are two runs of outputs. A block takes outputs of both in turn.
        int RowOf(int row)
        {
            int place = block * _size + row;
            if (!_isButterfly)
                return place;

            int wing = _size / 2 << stage;
            (int pair, int inPair) = Math.DivRem(place, 2 * wing);
            return pair * 2 * wing + inPair % 2 * wing + inPair / 2;
        }
    }

    private static AdapterInvalidException Unusable(ITensorFile file, StoredTensor tensor) => new(
        $"The tensor '{tensor.Name}' of the LoRA '{file.Path}' gives no rotations: a value is NaN, infinite or far too large. Get the file again, or use another LoRA.");
}
