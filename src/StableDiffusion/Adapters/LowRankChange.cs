using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// up·down (Hu et al., arXiv 2106.09685). A convolution's down has the kernel (LoCon), or a core between the two has it.
/// </summary>
internal sealed class LowRankChange : LayerChange
{
    private readonly StoredTensor _up;
    private readonly StoredTensor _down;
    private readonly StoredTensor? _mid;

    public LowRankChange(StoredTensor up, StoredTensor down, StoredTensor? mid)
        : base("LoRA", Rows(up), Inner(down, mid), Rows(down))
    {
        (_up, _down, _mid) = (up, down, mid);
        if (mid is null)
            RequireProduct(up, down);
        else if (mid.Shape.Count < 2 || mid.Shape[0] != Columns(up) || mid.Shape[1] != Rows(down))
            throw Contradiction(up, mid);
    }

    public override string ShapeText => _mid is null && _down.Shape.Count > 2 ? $"{_up.ShapeText} · {_down.ShapeText}" : base.ShapeText;

    public override bool Fits(int outWidth, int inWidth, int innerCount) => base.Fits(outWidth, inWidth, innerCount) && (_mid is not null || HasInputs(_down, inWidth));

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        if (_mid is null)
            return Multiply(file, _up, _down, cancellationToken);

        (int a, int b) = ((int)_mid.Shape[0], (int)_mid.Shape[1]);
        return Tucker(
            file.Read(_up.Name).Values, file.Read(_mid.Name).Values, file.Read(_down.Name).Values,
            weight.OutWidth, (a, b, (int)(_mid.Count / ((long)a * b))), (int)Columns(_down), cancellationToken);
    }

    private static long Inner(StoredTensor down, StoredTensor? mid) => mid is null
        ? Columns(down)
        : Columns(down) * (Columns(mid) / Math.Max(1, mid.Shape.Count > 1 ? mid.Shape[1] : 1));
}
