using StableDiffusion.Tensors;

namespace StableDiffusion.Models.Adapters;

/// <summary>LoKr: Kronecker's product of a small and a larger matrix, each whole or a low-rank product (LyCORIS).</summary>
internal sealed class KroneckerChange : LayerChange
{
    private readonly Factor _first;
    private readonly Factor _second;

    private KroneckerChange(Factor first, Factor second)
        : base("LoKr", first.RowCount * second.RowCount, first.ColumnCount * second.ColumnCount, second.Rank ?? first.Rank)
    {
        (_first, _second) = (first, second);
    }

    /// <summary>The change, if its tensors are there.</summary>
    public static KroneckerChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors) =>
        Factor.Find(tensors, LoraRole.Kron1, LoraRole.Kron1A, LoraRole.Kron1B, core: null) is { } first
        && Factor.Find(tensors, LoraRole.Kron2, LoraRole.Kron2A, LoraRole.Kron2B, LoraRole.Kron2Core) is { } second
            ? new KroneckerChange(first, second)
            : null;

    public override float[] Compute(ITensorFile file)
    {
        float[] first = _first.Compute(file);
        float[] second = _second.Compute(file);
        (int rows, int columns) = ((int)_second.RowCount, (int)_second.ColumnCount);
        int inner = (int)InnerCount;
        float[] change = new float[checked((int)OutWidth * inner)];
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

    /// <summary>One of the two matrices; with a core, the left factor lies with its axes exchanged.</summary>
    private sealed class Factor
    {
        private readonly StoredTensor? _whole;
        private readonly StoredTensor? _left;
        private readonly StoredTensor? _right;
        private readonly StoredTensor? _core;

        private Factor(StoredTensor whole)
        {
            _whole = whole;
            (RowCount, ColumnCount) = (Rows(whole), Columns(whole));
        }

        private Factor(StoredTensor left, StoredTensor right, StoredTensor? core)
        {
            (_left, _right, _core) = (left, right, core);
            Rank = Rows(right);
            if (core is null)
                RequireProduct(left, right);
            RowCount = core is null ? Rows(left) : Columns(left);
            ColumnCount = Columns(right) * (core is null ? 1 : CoreShape(left, core, right).Kernel);
        }

        public long RowCount { get; }

        public long ColumnCount { get; }

        public long? Rank { get; }

        public static Factor? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, LoraRole whole, LoraRole left, LoraRole right, LoraRole? core)
        {
            if (tensors.TryGetValue(whole, out StoredTensor? wholeTensor))
                return new Factor(wholeTensor);
            return tensors.TryGetValue(left, out StoredTensor? leftTensor) && tensors.TryGetValue(right, out StoredTensor? rightTensor)
                ? new Factor(leftTensor, rightTensor, core is { } role ? tensors.GetValueOrDefault(role) : null)
                : null;
        }

        public float[] Compute(ITensorFile file) => _whole is not null ? file.Read(_whole.Name).Values
            : _core is not null ? Tucker(file, _left!, _core, _right!)
            : Multiply(file, _left!, _right!);
    }
}
