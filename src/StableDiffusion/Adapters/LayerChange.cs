using System.Globalization;
using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>The change of one layer's weight by a LoRA, in one of the forms in which it can be stored.</summary>
/// <param name="kind">The name of the form.</param>
/// <param name="outWidth">The number of rows of the changed weight; null if the form does not say.</param>
/// <param name="innerCount">The number of values per row; null if the form does not say.</param>
/// <param name="rank">The divisor of alpha; null if the form is not scaled.</param>
internal abstract class LayerChange(string kind, long? outWidth, long? innerCount, long? rank)
{
    // In values: 64 MiB. The products of the cores and right factors of real LoRAs are far smaller.
    private const int SmallProduct = 1 << 24;

    private const string Any = "*";

    public string Kind { get; } = kind;

    public long? OutWidth { get; } = outWidth;

    public long? InnerCount { get; } = innerCount;

    public long? Rank { get; } = rank;

    /// <summary>Whether the change is proportional to the strength. Otherwise, it is computed for the strength of the weight.</summary>
    public virtual bool IsProportional => true;

    /// <summary>The shape of the changed weight as text, with an asterisk for what the form does not say.</summary>
    public virtual string ShapeText => $"[{OutWidth?.ToString(CultureInfo.InvariantCulture) ?? Any},{InnerCount?.ToString(CultureInfo.InvariantCulture) ?? Any}]";

    /// <summary>Whether the change fits a weight.</summary>
    /// <param name="outWidth">The number of outputs.</param>
    /// <param name="inWidth">The number of inputs.</param>
    /// <param name="innerCount">The number of values per output.</param>
    public virtual bool Fits(int outWidth, int inWidth, int innerCount) => (OutWidth ?? outWidth) == outWidth && (InnerCount ?? innerCount) == innerCount;

    /// <summary>Computes the change, without its strength if it is proportional to that, and not scaled by alpha if it has a rank.</summary>
    /// <param name="file">The open LoRA file.</param>
    /// <param name="weight">The original weight, which fits the change. Most forms do not depend on its values.</param>
    /// <param name="cancellationToken">Cancels between two rows of a product.</param>
    /// <returns>The values in row-major order.</returns>
    public abstract float[] Compute(ITensorFile file, ChangedWeight weight, CancellationToken cancellationToken);

    /// <summary>Detects the form from the tensors of a layer.</summary>
    /// <param name="tensors">The tensors by role.</param>
    /// <param name="file">The file that they are in.</param>
    /// <param name="form">How values of PEFT's OFT become rotations.</param>
    /// <returns>The change; null if tensors are missing.</returns>
    /// <exception cref="AdapterInvalidException">The tensors are of several forms, or their shapes do not fit together.</exception>
    public static LayerChange? From(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, ITensorFile file, Lazy<PeftRotation> form)
    {
        RequireOneForm(tensors);
        if (tensors.TryGetValue(LoraRole.Up, out StoredTensor? up) && tensors.TryGetValue(LoraRole.Down, out StoredTensor? down))
            return new LowRankChange(up, down, tensors.GetValueOrDefault(LoraRole.Mid));
        if (HadamardChange.Find(tensors) is { } hadamard)
            return hadamard;
        if (KroneckerChange.Find(tensors) is { } kronecker)
            return kronecker;
        if (GeneralizedChange.Find(tensors) is { } generalized)
            return generalized;
        if (ScalingChange.Find(tensors, file) is { } scaling)
            return scaling;
        if (RotationChange.Find(tensors) is { } rotation)
            return rotation;
        if (InputRotationChange.Find(tensors, form) is { } turned)
            return turned;
        if (tensors.TryGetValue(LoraRole.Difference, out StoredTensor? difference))
            return new WholeChange(difference, "difference");
        return tensors.TryGetValue(LoraRole.NormDifference, out StoredTensor? norm) ? new WholeChange(norm, "norm") : null;
    }

    private static void RequireOneForm(IReadOnlyDictionary<LoraRole, StoredTensor> tensors)
    {
        (string? Form, StoredTensor Tensor)[] all = [.. tensors.OrderBy(static entry => entry.Key).Select(static entry => (FormOf(entry.Key), entry.Value)).Where(static entry => entry.Item1 is not null)];
        foreach ((string? form, StoredTensor tensor) in all)
        {
            if (form != all[0].Form)
                throw new AdapterInvalidException($"The tensors '{all[0].Tensor.Name}' ({all[0].Form}) and '{tensor.Name}' ({form}) are of different kinds, but change the same layer.");
        }
    }

    /// <summary>The form that only tensors of this role belong to; null if several forms have them.</summary>
    private static string? FormOf(LoraRole role) => role switch
    {
        LoraRole.Up or LoraRole.Down or LoraRole.Mid => "LoRA",
        LoraRole.Hada1A or LoraRole.Hada1B or LoraRole.Hada2A or LoraRole.Hada2B or LoraRole.Hada1Core or LoraRole.Hada2Core => "LoHa",
        LoraRole.Kron1 or LoraRole.Kron1A or LoraRole.Kron1B or LoraRole.Kron2 or LoraRole.Kron2A or LoraRole.Kron2B or LoraRole.Kron2Core => "LoKr",
        LoraRole.GeneralA1 or LoraRole.GeneralA2 or LoraRole.GeneralB1 or LoraRole.GeneralB2 => "GLoRA",
        LoraRole.Factors or LoraRole.OnInput => "IA3",
        LoraRole.Blocks or LoraRole.RowScales => "OFT",
        LoraRole.Rotations => "OFT of whole rotations",
        LoraRole.InputBlocks => "OFT of PEFT",
        LoraRole.Difference or LoraRole.BiasDifference => "difference",
        LoraRole.NormDifference or LoraRole.NormBiasDifference => "norm",
        _ => null,
    };

    /// <summary>The factor of a change: alpha by the rank. A missing alpha and one of 0 stand for the rank.</summary>
    /// <param name="file">The open LoRA file.</param>
    /// <param name="alpha">The tensor of alpha, if there is one.</param>
    /// <param name="rank">The rank.</param>
    public static float ScaleOf(ITensorFile file, StoredTensor? alpha, long rank)
    {
        float value = alpha is { Count: 1 } ? file.Read(alpha.Name).Values[0] : 0;
        return value == 0 ? 1 : value / rank;
    }

    /// <summary>The length of a tensor's first axis.</summary>
    protected static long Rows(StoredTensor tensor) => tensor.Shape.Count > 0 && tensor.Count > 0
        ? tensor.Shape[0]
        : throw new AdapterInvalidException($"The tensor '{tensor.Name}' of the shape {tensor.ShapeText} is not a matrix.");

    /// <summary>The number of values per row of a tensor.</summary>
    protected static long Columns(StoredTensor tensor) => tensor.Count / Rows(tensor);

    /// <summary>Checks that two tensors can be multiplied.</summary>
    protected static void RequireProduct(StoredTensor left, StoredTensor right)
    {
        if (Columns(left) != Rows(right))
            throw Contradiction(left, right);
    }

    /// <summary>Whether the second axis of a tensor with axes for a kernel is that of the inputs. Other tensors are matrices.</summary>
    protected static bool HasInputs(StoredTensor tensor, int inWidth) => tensor.Shape.Count < 3 || tensor.Shape[1] == inWidth;

    protected static AdapterInvalidException Contradiction(StoredTensor first, StoredTensor second) =>
        new($"The tensors '{first.Name}' {first.ShapeText} and '{second.Name}' {second.ShapeText} do not fit together.");

    protected static float[] Multiply(ITensorFile file, StoredTensor left, StoredTensor right, CancellationToken cancellationToken) =>
        Matrix.Multiply(file.Read(left.Name).Values, file.Read(right.Name).Values, (int)Rows(left), (int)Rows(right), (int)Columns(right), cancellationToken);

    /// <summary>The weight of a convolution in Tucker form: W[o,i,·] = Σ left[o,a] core[a,b,·] right[b,i].</summary>
    /// <param name="left">The left factor [out, a].</param>
    /// <param name="core">The core [a, b, kernel].</param>
    /// <param name="right">The right factor [b, in].</param>
    /// <param name="outWidth">The number of rows of the left factor.</param>
    /// <param name="coreShape">The axes of the core.</param>
    /// <param name="inWidth">The number of columns of the right factor.</param>
    /// <param name="cancellationToken">Cancels between two rows of a product.</param>
    /// <remarks>The memory is bounded by the factors and the weight, whatever the ranks are.</remarks>
    protected static float[] Tucker(
        float[] left, float[] core, float[] right, int outWidth, (int A, int B, int Kernel) coreShape, int inWidth, CancellationToken cancellationToken)
    {
        (int a, int b, int kernel) = coreShape;

        // The kernel axis is kept between the two widths until the end, so that all products are of matrices. The core is
        // multiplied by the right factor first, as long as the result is small or no larger than the weight. Otherwise, a is
        // larger than the width of the left factor, so the result of the other order is smaller than the core.
        bool isRightFirst = (long)a * kernel * inWidth <= Math.Max((long)outWidth * kernel * inWidth, SmallProduct);
        float[] weight = isRightFirst
            ? Multiply(left, Multiply(TransposeEach(core, a, b, kernel), right, a * kernel, b, inWidth), outWidth, a, kernel * inWidth)
            : Multiply(TransposeEach(Multiply(left, core, outWidth, a, b * kernel), outWidth, b, kernel), right, outWidth * kernel, b, inWidth);
        return TransposeEach(weight, outWidth, kernel, inWidth);

        float[] Multiply(float[] first, float[] second, int rows, int inner, int columns) =>
            Matrix.Multiply(first, second, rows, inner, columns, cancellationToken);
    }

    /// <summary>The same for factors in a file, with the left factor stored as [a, out].</summary>
    protected static float[] Tucker(ITensorFile file, StoredTensor turnedLeft, StoredTensor core, StoredTensor right, CancellationToken cancellationToken)
    {
        (int rank, int outWidth) = ((int)Rows(turnedLeft), (int)Columns(turnedLeft));
        float[] left = TransposeEach(file.Read(turnedLeft.Name).Values, 1, rank, outWidth);
        return Tucker(
            left, file.Read(core.Name).Values, file.Read(right.Name).Values,
            outWidth, CoreShape(turnedLeft, core, right), (int)Columns(right), cancellationToken);
    }

    /// <summary>Checks the core against its factors.</summary>
    /// <returns>The axes of the core, with those of the kernel as one.</returns>
    protected static (int A, int B, int Kernel) CoreShape(StoredTensor turnedLeft, StoredTensor core, StoredTensor right)
    {
        (long a, long b) = (Rows(turnedLeft), Rows(right));
        if (core.Shape.Count < 2 || core.Shape[0] != a || core.Shape[1] != b)
            throw Contradiction(core, right);
        return ((int)a, (int)b, (int)(core.Count / (a * b)));
    }

    /// <summary>Transposes each of a number of matrices that follow each other.</summary>
    protected static float[] TransposeEach(float[] matrices, int count, int rows, int columns)
    {
        float[] turned = GC.AllocateUninitializedArray<float>(matrices.Length);
        int length = rows * columns;
        for (int i = 0; i < count; i++)
            Matrix.Transpose(matrices.AsSpan(i * length, length), rows, columns, turned.AsSpan(i * length, length));
        return turned;
    }

    /// <summary>A matrix that is stored as two factors; if there is a core between them, the left one is transposed.</summary>
    protected sealed class LowRankProduct
    {
        private readonly StoredTensor _right;
        private readonly StoredTensor? _core;

        private LowRankProduct(StoredTensor left, StoredTensor right, StoredTensor? core)
        {
            (Left, _right, _core) = (left, right, core);
            Rank = Rows(right);
            if (core is null)
                RequireProduct(left, right);
            RowCount = core is null ? Rows(left) : Columns(left);
            ColumnCount = Columns(right) * (core is null ? 1 : CoreShape(left, core, right).Kernel);
        }

        public StoredTensor Left { get; }

        public long RowCount { get; }

        public long ColumnCount { get; }

        /// <summary>The number of rows of the right factor.</summary>
        public long Rank { get; }

        /// <summary>Returns the product if its factors exist.</summary>
        public static LowRankProduct? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, LoraRole left, LoraRole right, LoraRole? core) =>
            tensors.TryGetValue(left, out StoredTensor? leftTensor) && tensors.TryGetValue(right, out StoredTensor? rightTensor)
                ? new LowRankProduct(leftTensor, rightTensor, core is { } role ? tensors.GetValueOrDefault(role) : null)
                : null;

        public float[] Compute(ITensorFile file, CancellationToken cancellationToken) =>
            _core is null ? Multiply(file, Left, _right, cancellationToken) : Tucker(file, Left, _core, _right, cancellationToken);
    }
}
