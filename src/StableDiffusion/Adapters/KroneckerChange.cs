using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>LoKr: the Kronecker product of a small and a larger matrix, each stored whole or as a low-rank product (LyCORIS).</summary>
internal sealed class KroneckerChange : LayerChange
{
    private readonly Factor _first;
    private readonly Factor _second;

    private KroneckerChange(Factor first, Factor second)
        : base("LoKr", first.RowCount * second.RowCount, first.ColumnCount * second.ColumnCount, second.Rank ?? first.Rank)
    {
        (_first, _second) = (first, second);
    }

    /// <summary>Returns the change if all its tensors exist.</summary>
    public static KroneckerChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors) =>
        Factor.Find(tensors, LoraRole.Kron1, LoraRole.Kron1A, LoraRole.Kron1B, core: null) is { } first
        && Factor.Find(tensors, LoraRole.Kron2, LoraRole.Kron2A, LoraRole.Kron2B, LoraRole.Kron2Core) is { } second
            ? new KroneckerChange(first, second)
            : null;

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        float[] first = _first.Compute(file, cancellationToken);
        float[] second = _second.Compute(file, cancellationToken);
        (int rows, int columns) = ((int)_second.RowCount, (int)_second.ColumnCount);
        int inner = weight.InnerCount;
        float[] change = new float[checked(weight.OutWidth * inner)];
        for (int i = 0; i < first.Length; i++)
        {
            (int firstRow, int firstColumn) = Math.DivRem(i, (int)_first.ColumnCount);
            for (int row = 0; row < rows; row++)
            {
                Span<float> target = change.AsSpan((firstRow * rows + row) * inner + firstColumn * columns, columns);
                TensorPrimitives.Multiply(second.AsSpan(row * columns, columns), first[i], target);
            }
        }

        return change;
    }

    /// <summary>One of the two matrices, stored whole or as a product.</summary>
    private sealed class Factor
    {
        private readonly StoredTensor? _whole;
        private readonly LowRankProduct? _product;

        private Factor(StoredTensor whole) => (_whole, RowCount, ColumnCount) = (whole, Rows(whole), Columns(whole));

        private Factor(LowRankProduct product) => (_product, RowCount, ColumnCount) = (product, product.RowCount, product.ColumnCount);

        public long RowCount { get; }

        public long ColumnCount { get; }

        public long? Rank => _product?.Rank;

        public static Factor? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, LoraRole whole, LoraRole left, LoraRole right, LoraRole? core)
        {
            if (tensors.TryGetValue(whole, out StoredTensor? wholeTensor))
            {
                return tensors.GetValueOrDefault(left) is { } other
                    ? throw new AdapterInvalidException($"The tensors '{wholeTensor.Name}' and '{other.Name}' are two forms of one matrix.")
                    : new Factor(wholeTensor);
            }

            return LowRankProduct.Find(tensors, left, right, core) is { } product ? new Factor(product) : null;
        }

        public float[] Compute(ITensorFile file, CancellationToken cancellationToken) =>
            _whole is not null ? file.Read(_whole.Name).Values : _product!.Compute(file, cancellationToken);
    }
}
