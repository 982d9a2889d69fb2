using StableDiffusion.Tensors;

namespace StableDiffusion.Models.Adapters;

/// <summary>LoHa: the product, place by place, of two low-rank products (Hyeon-Woo et al., arXiv 2108.06098; LyCORIS).</summary>
internal sealed class HadamardChange : LayerChange
{
    private readonly Product _first;
    private readonly Product _second;

    private HadamardChange(Product first, Product second)
        : base("LoHa", first.OutWidth, first.InnerCount, first.Rank)
    {
        if (first.OutWidth != second.OutWidth || first.InnerCount != second.InnerCount)
            throw Contradiction(first.Left, second.Left);
        (_first, _second) = (first, second);
    }

    /// <summary>The change, if its tensors are there.</summary>
    public static HadamardChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors) =>
        Product.Find(tensors, LoraRole.Hada1A, LoraRole.Hada1B, LoraRole.Hada1Core) is { } first
        && Product.Find(tensors, LoraRole.Hada2A, LoraRole.Hada2B, LoraRole.Hada2Core) is { } second
            ? new HadamardChange(first, second)
            : null;

    public override float[] Compute(ITensorFile file)
    {
        float[] change = _first.Compute(file);
        TensorPrimitives.Multiply(change, _second.Compute(file), change);
        return change;
    }

    /// <summary>One of the two products; with a core, the left factor lies with its axes exchanged.</summary>
    private sealed class Product
    {
        private readonly StoredTensor _right;
        private readonly StoredTensor? _core;

        private Product(StoredTensor left, StoredTensor right, StoredTensor? core)
        {
            (Left, _right, _core) = (left, right, core);
            Rank = Rows(right);
            if (core is null)
                RequireProduct(left, right);
            OutWidth = core is null ? Rows(left) : Columns(left);
            InnerCount = Columns(right) * (core is null ? 1 : CoreShape(left, core, right).Kernel);
        }

        public StoredTensor Left { get; }

        public long OutWidth { get; }

        public long InnerCount { get; }

        public long Rank { get; }

        public static Product? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, LoraRole left, LoraRole right, LoraRole core) =>
            tensors.TryGetValue(left, out StoredTensor? leftTensor) && tensors.TryGetValue(right, out StoredTensor? rightTensor)
                ? new Product(leftTensor, rightTensor, tensors.GetValueOrDefault(core))
                : null;

        public float[] Compute(ITensorFile file) => _core is null ? Multiply(file, Left, _right) : Tucker(file, Left, _core, _right);
    }
}
