using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>
/// GLoRA (Chavan et al., arXiv 2306.07967): W·A + B, both of low rank. A mixes the inputs of the original weight, so a kernel
/// stays as it is.
/// </summary>
/// <remarks>
/// LyCORIS (modules/glora.py) stores A as a1 [in, rank] times a2 [rank, in], and B as b1 [out, rank] times b2 [rank, in, kernel].
/// Before version 3 it stored each pair in the opposite order. Where the shapes allow both, the layer's own shape decides.
/// </remarks>
internal sealed class GeneralizedChange : LayerChange
{
    private readonly Layout[] _layouts;
    private readonly StoredTensor? _alpha;

    private GeneralizedChange(Layout[] layouts, StoredTensor? alpha)
        : base("GLoRA", layouts[0].Added.OutWidth, layouts[0].Added.InnerCount, rank: null)
    {
        _layouts = layouts;
        _alpha = alpha;
    }

    /// <summary>Returns the change if all its tensors exist.</summary>
    /// <exception cref="AdapterInvalidException">They do not fit together.</exception>
    public static GeneralizedChange? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors)
    {
        bool isComplete = tensors.TryGetValue(LoraRole.GeneralA1, out StoredTensor? a1) & tensors.TryGetValue(LoraRole.GeneralA2, out StoredTensor? a2)
            & tensors.TryGetValue(LoraRole.GeneralB1, out StoredTensor? b1) & tensors.TryGetValue(LoraRole.GeneralB2, out StoredTensor? b2);
        if (!isComplete)
            return null;

        Layout[] layouts = [.. new[] { Layout.Of(a1!, a2!, b1!, b2!), Layout.Of(a2!, a1!, b2!, b1!) }.OfType<Layout>()];
        return layouts.Length > 0
            ? new GeneralizedChange(layouts, tensors.GetValueOrDefault(LoraRole.Alpha))
            : throw new AdapterInvalidException(
                $"The tensors '{a1!.Name}' {a1.ShapeText}, '{a2!.Name}' {a2.ShapeText}, '{b1!.Name}' {b1.ShapeText} and '{b2!.Name}' {b2.ShapeText} do not fit together.");
    }

    public override bool Fits(int outWidth, int inWidth, int innerCount) => Array.Exists(_layouts, layout => layout.Fits(outWidth, inWidth, innerCount));

    public override float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken)
    {
        Layout layout = Array.Find(_layouts, layout => layout.Fits(weight.OutWidth, weight.InWidth, weight.InnerCount))
            ?? throw new ArgumentException("The weight does not have the shape of the change.", nameof(weight));
        (int outWidth, int inWidth, int kernel) = (weight.OutWidth, weight.InWidth, weight.Kernel);
        int rank = (int)layout.Rank;
        float[] left = file.Read(layout.Left.Name).Values, right = file.Read(layout.Right.Name).Values;
        float[] rows = TransposeEach(weight.Values, outWidth, inWidth, kernel);

        // In the order whose intermediate result is no larger than the weight, or than a square of the layer's width.
        float[] mixed = rank <= inWidth
            ? Multiply(Multiply(rows, left, outWidth * kernel, inWidth, rank), right, outWidth * kernel, rank, inWidth)
            : Multiply(rows, Multiply(left, right, inWidth, rank, inWidth), outWidth * kernel, inWidth, inWidth);
        float[] change = TransposeEach(mixed, outWidth, kernel, inWidth);
        TensorPrimitives.Add(change, layout.Added.Compute(file, weight, cancellationToken), change);
        TensorPrimitives.Multiply(change, ScaleOf(file, _alpha, rank), change);
        return change;

        float[] Multiply(float[] first, float[] second, int count, int inner, int columns) => Matrix.Multiply(first, second, count, inner, columns, cancellationToken);
    }

    /// <summary>One way to read the four tensors.</summary>
    /// <param name="Left">The factor [in, rank] of A.</param>
    /// <param name="Right">The factor [rank, in] of A.</param>
    /// <param name="Added">B.</param>
    private sealed record Layout(StoredTensor Left, StoredTensor Right, LowRankChange Added)
    {
        public long Rank => Rows(Right);

        /// <summary>Returns the layout if the shapes allow it.</summary>
        public static Layout? Of(StoredTensor left, StoredTensor right, StoredTensor up, StoredTensor down)
        {
            long rank = Rows(right);
            return Columns(left) == rank && Columns(right) == Rows(left) && Columns(up) == rank && Rows(down) == rank && Columns(down) % Rows(left) == 0
                ? new Layout(left, right, new LowRankChange(up, down, mid: null))
                : null;
        }

        public bool Fits(int outWidth, int inWidth, int innerCount) => Added.Fits(outWidth, inWidth, innerCount) && Rows(Left) == inWidth;
    }
}
