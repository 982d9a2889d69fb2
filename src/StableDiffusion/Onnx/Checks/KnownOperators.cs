namespace StableDiffusion.Onnx.Checks;

/// <summary>
/// The operators that a graph may have: those that exporters of image models and ONNX Runtime's optimizer and quantizer write. Others
/// are for texts, sounds and loops; many of them end the process if a graph is made for that.
/// </summary>
internal static class KnownOperators
{
    // The standard's set has two names, of which the other is empty.
    private const string StandardDomain = "ai.onnx";
    private const string Microsoft = "com.microsoft";

    /// <summary>The operators of the ONNX standard, by the number of inputs that they need; <see cref="All"/> need each that they have.</summary>
    private static readonly (int Needed, string[] Names)[] s_standard =
    [
        (0, ["Constant", "RandomNormal", "RandomUniform"]),
        (1,
        [
            "Abs", "Acos", "Acosh", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh", "AveragePool", "BitwiseNot", "Cast", "Ceil", "Celu", "Clip", "ConstantOfShape", "Cos", "Cosh", "DepthToSpace",
            "Dropout", "DynamicQuantizeLinear", "Elu", "Erf", "Exp", "EyeLike", "Flatten", "Floor", "Gelu", "GlobalAveragePool", "HardSigmoid", "HardSwish", "Identity", "If", "IsInf",
            "IsNaN", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "MaxPool", "Mish", "Neg", "NonZero", "Not", "Pad", "RandomNormalLike", "RandomUniformLike", "Reciprocal", "ReduceL1", "ReduceL2",
            "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "Round", "Selu", "Shape", "Sigmoid", "Sign",
            "Sin", "Sinh", "Size", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Transpose", "Trilu", "Unsqueeze", "Upsample",
        ]),
        (2,
        [
            "Add", "And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "CastLike", "Conv", "ConvInteger", "ConvTranspose", "CumSum", "DequantizeLinear", "Div", "Equal", "Expand", "Gather", "GatherElements",
            "GatherND", "Gemm", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "MatMul", "MatMulInteger", "Mod", "Mul", "Or", "Pow", "PRelu", "QuantizeLinear", "RMSNormalization",
            "SimplifiedLayerNormalization", "Sub", "Tile", "TopK", "Xor",
        ]),
        (3, ["Attention", "GroupNormalization", "InstanceNormalization", "OneHot", "Range", "Scatter", "ScatterElements", "ScatterND", "Where"]),
        (5, ["BatchNormalization"]),
        (8, ["QLinearConv", "QLinearMatMul"]),
        (All, ["Concat", "Einsum", "LayerNormalization", "Max", "Mean", "Min", "Sum"]),
    ];

    /// <summary>Those of ONNX Runtime itself.</summary>
    private static readonly (int Needed, string[] Names)[] s_microsofts =
    [
        (1, ["EmbedLayerNormalization", "FastGelu", "Gelu", "GroupNorm", "NhwcConv", "QuickGelu"]),
        (2, ["Attention", "BiasAdd", "BiasGelu", "BiasSplitGelu", "DequantizeLinear", "FusedConv", "FusedGemm", "FusedMatMul", "QuantizeLinear", "TransposeMatMul"]),
        (3, ["DynamicQuantizeMatMul", "MatMulBnb4", "MatMulNBits", "MultiHeadAttention", "SkipGroupNorm", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"]),
        (4, ["MatMulIntegerToFloat"]),
    ];

    // Parts of the names of those that compute with integers.
    private static readonly string[] s_quantized = ["Quantize", "QLinear", "Integer", "NBits", "Bnb4"];

    private const int All = int.MaxValue;

    private static readonly Dictionary<(string Domain, string Name), int> s_needed =
        Of(string.Empty, s_standard).Concat(Of(Microsoft, s_microsofts)).ToDictionary(static item => item.Key, static item => item.Needed);

    /// <summary>The environment variable that names more of them, for a model that a person trusts: names with commas between them, each after its domain and a dot if it has one.</summary>
    public const string Variable = "STABLEDIFFUSION_OPERATORS";

    /// <summary>Finds how many of its first inputs an operator needs.</summary>
    /// <param name="domain">The set that it is from, by the name in the graph.</param>
    /// <param name="name">Its name.</param>
    /// <returns>The number, which is larger than any if it needs each that it has; null if no graph may have it.</returns>
    public static int? Needed(string domain, string name)
    {
        if (s_needed.TryGetValue((Normal(domain), name), out int needed))
            return needed;
        string trusted = Environment.GetEnvironmentVariable(Variable) ?? string.Empty;
        return trusted.Split(',', StringSplitOptions.TrimEntries).Contains(FullName(domain, name), StringComparer.Ordinal) ? 0 : null;
    }

    /// <summary>Whether an operator is for weights or values in integers.</summary>
    /// <param name="name">Its name, without the domain.</param>
    public static bool IsQuantized(string name) => s_quantized.Any(part => name.Contains(part, StringComparison.Ordinal));

    /// <summary>The name of an operator after its domain, if that is not the standard's.</summary>
    /// <inheritdoc cref="Needed"/>
    public static string FullName(string domain, string name) => Normal(domain).Length == 0 ? name : $"{domain}.{name}";

    /// <summary>The shortest name of a domain; empty for the standard's, which has two.</summary>
    /// <param name="domain">The domain.</param>
    public static string Normal(string domain) => domain == StandardDomain ? string.Empty : domain;

    private static IEnumerable<((string, string) Key, int Needed)> Of(string domain, (int Needed, string[] Names)[] operators) =>
        operators.SelectMany(group => group.Names.Select(name => ((domain, name), group.Needed)));
}
