using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>LoHa: the element-wise (Hadamard) product of two low-rank products (Hyeon-Woo et al., arXiv 2108.06098; LyCORIS).</summary>
internal sealed class HadamardChange : LayerChange
{
    private readonly LowRankProduct _first;
    private readonly LowRankProduct _second;

    private HadamardChange(LowRankProduct first, LowRankProduct second)
        : base("LoHa", first.RowCount, first.ColumnCount, first.Rank)
    {
        if (first.RowCount != second.RowCount || first.ColumnCount != second.ColumnCount)
            throw Contradiction(first.Left, second.Left);
        (_first, _second) = (first, second);
    }

    /// <summary>Returns the change if all its tensors exist.</summary>
    public static HadamardChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors) =>
        LowRankProduct.Find(tensors, LoraRole.Hada1A, LoraRole.Hada1B, LoraRole.Hada1Core) is { } first
        && LowRankProduct.Find(tensors, LoraRole.Hada2A, LoraRole.Hada2B, LoraRole.Hada2Core) is { } second
            ? new HadamardChange(first, second)
            : null;

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        float[] change = _first.Compute(file, cancellationToken);
        TensorPrimitives.Multiply(change, _second.Compute(file, cancellationToken), change);
        return change;
    }
}
