using StableDiffusion.Tensors;

namespace StableDiffusion.Adapters;

/// <summary>How a LoRA changes one layer's weight, in one of the forms in which such a change is stored.</summary>
/// <param name="kind">What the form is called.</param>
/// <param name="outWidth">How many rows the changed weight has.</param>
/// <param name="innerCount">How many values each row has.</param>
/// <param name="rank">What alpha is divided by; null where the form does not scale.</param>
internal abstract class LayerChange(string kind, long outWidth, long innerCount, long? rank)
{
    /// <summary>What the form is called.</summary>
    public string Kind { get; } = kind;

    /// <summary>How many rows the changed weight has.</summary>
    public long OutWidth { get; } = outWidth;

    /// <summary>How many values each row has.</summary>
    public long InnerCount { get; } = innerCount;

    /// <summary>What alpha is divided by.</summary>
    public long? Rank { get; } = rank;

    /// <summary>Computes the change, not scaled yet.</summary>
    /// <param name="file">The LoRA, open.</param>
    /// <returns>As many rows of values as the weight has.</returns>
    public abstract float[] Compute(ITensorFile file);

    /// <summary>Recognises a form by the tensors that are there.</summary>
    /// <param name="tensors">The layer's tensors by what they are for.</param>
    /// <returns>The change; null if tensors are missing.</returns>
    /// <exception cref="AdapterInvalidException">The shapes of the tensors do not fit together.</exception>
    public static LayerChange? From(IReadOnlyDictionary<LoraRole, StoredTensor> tensors)
    {
        if (tensors.TryGetValue(LoraRole.Up, out StoredTensor? up) && tensors.TryGetValue(LoraRole.Down, out StoredTensor? down))
            return new LowRankChange(up, down, tensors.GetValueOrDefault(LoraRole.Mid));
        if (HadamardChange.Find(tensors) is { } hadamard)
            return hadamard;
        if (KroneckerChange.Find(tensors) is { } kronecker)
            return kronecker;
        return tensors.TryGetValue(LoraRole.Difference, out StoredTensor? difference) ? new WholeChange(difference) : null;
    }

    /// <summary>The length of a tensor's first axis.</summary>
    protected static long Rows(StoredTensor tensor) => tensor.Shape.Count > 0 && tensor.Count > 0
        ? tensor.Shape[0]
        : throw new AdapterInvalidException($"The tensor '{tensor.Name}' of the shape {tensor.ShapeText} is no matrix.");

    /// <summary>How many values a row of a tensor has.</summary>
    protected static long Columns(StoredTensor tensor) => tensor.Count / Rows(tensor);

    /// <summary>Requires that one tensor's rows are as long as another one has rows.</summary>
    protected static void RequireProduct(StoredTensor left, StoredTensor right)
    {
        if (Columns(left) != Rows(right))
            throw Contradiction(left, right);
    }

    protected static AdapterInvalidException Contradiction(StoredTensor first, StoredTensor second) =>
        new($"The tensors '{first.Name}' {first.ShapeText} and '{second.Name}' {second.ShapeText} do not fit together.");

    /// <summary>Reads the product of two factors.</summary>
    protected static float[] Multiply(ITensorFile file, StoredTensor left, StoredTensor right) =>
        Matrix.Multiply(file.Read(left.Name).Values, file.Read(right.Name).Values, (int)Rows(left), (int)Rows(right), (int)Columns(right));

    /// <summary>A convolution's weight in Tucker's form: W[o,i,·] = Σ left[o,a] core[a,b,·] right[b,i].</summary>
    /// <param name="left">The left factor [out, a].</param>
    /// <param name="core">The core [a, b, kernel].</param>
    /// <param name="right">The right factor [b, in].</param>
    /// <param name="outWidth">How many rows the left factor has.</param>
    /// <param name="coreShape">The core's axes.</param>
    /// <param name="inWidth">How many columns the right factor has.</param>
    protected static float[] Tucker(float[] left, float[] core, float[] right, int outWidth, (int A, int B, int Kernel) coreShape, int inWidth)
    {
        (int a, int b, int kernel) = coreShape;

        // The kernel's places are kept between the two widths until the end, so that both products are of matrices.
        float[] turned = new float[core.Length];
        for (int i = 0; i < a; i++)
            Matrix.Transpose(core.AsSpan(i * b * kernel, b * kernel), b, kernel, turned.AsSpan(i * b * kernel));
        float[] half = Matrix.Multiply(turned, right, a * kernel, b, inWidth);
        float[] whole = Matrix.Multiply(left, half, outWidth, a, kernel * inWidth);
        float[] weight = new float[whole.Length];
        for (int row = 0; row < outWidth; row++)
            Matrix.Transpose(whole.AsSpan(row * kernel * inWidth, kernel * inWidth), kernel, inWidth, weight.AsSpan(row * kernel * inWidth));
        return weight;
    }

    /// <summary>The same, read from a file, with the left factor stored as [a, out].</summary>
    protected static float[] Tucker(ITensorFile file, StoredTensor turnedLeft, StoredTensor core, StoredTensor right)
    {
        int outWidth = (int)Columns(turnedLeft);
        int inner = (int)Rows(turnedLeft);
        float[] left = new float[turnedLeft.Count];
        Matrix.Transpose(file.Read(turnedLeft.Name).Values, inner, outWidth, left);
        return Tucker(left, file.Read(core.Name).Values, file.Read(right.Name).Values, outWidth, CoreShape(turnedLeft, core, right), (int)Columns(right));
    }

    /// <summary>Checks a core against the factors beside it.</summary>
    /// <returns>The core's axes, the kernel's as one.</returns>
    protected static (int A, int B, int Kernel) CoreShape(StoredTensor turnedLeft, StoredTensor core, StoredTensor right)
    {
        (long a, long b) = (Rows(turnedLeft), Rows(right));
        if (core.Shape.Count < 2 || core.Shape[0] != a || core.Shape[1] != b)
            throw Contradiction(core, right);
        return ((int)a, (int)b, (int)(core.Count / (a * b)));
    }

    /// <summary>A matrix that is stored as two factors; with a core between them, the left one lies with its axes exchanged.</summary>
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

        /// <summary>The left factor.</summary>
        public StoredTensor Left { get; }

        /// <summary>How many rows the matrix has.</summary>
        public long RowCount { get; }

        /// <summary>How many values each row has.</summary>
        public long ColumnCount { get; }

        /// <summary>How many rows the right factor has.</summary>
        public long Rank { get; }

        /// <summary>The product, if its factors are there.</summary>
        public static LowRankProduct? Find(IReadOnlyDictionary<LoraRole, StoredTensor> tensors, LoraRole left, LoraRole right, LoraRole? core) =>
            tensors.TryGetValue(left, out StoredTensor? leftTensor) && tensors.TryGetValue(right, out StoredTensor? rightTensor)
                ? new LowRankProduct(leftTensor, rightTensor, core is { } role ? tensors.GetValueOrDefault(role) : null)
                : null;

        /// <summary>Computes it.</summary>
        public float[] Compute(ITensorFile file) => _core is null ? Multiply(file, Left, _right) : Tucker(file, Left, _core, _right);
    }
}
