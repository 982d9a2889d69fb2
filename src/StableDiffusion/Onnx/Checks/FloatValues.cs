namespace StableDiffusion.Onnx.Checks;

/// <summary>
/// Determines which values of a graph are certainly floating-point numbers, by what the graph says of them and by the operators
/// that make them. ONNX Runtime refuses a graph that says something else of a value than its operators do.
/// </summary>
internal sealed class FloatValues
{
    /// <summary>The operators whose output is a floating-point number, whatever their input is.</summary>
    private static readonly HashSet<string> s_makers = new(StringComparer.Ordinal)
    {
        "Attention", "BatchNormalization", "BiasGelu", "Ceil", "Conv", "ConvTranspose", "Cos", "DequantizeLinear", "Exp", "FastGelu", "Floor",
        "FusedConv", "Gelu", "GlobalAveragePool", "GroupNorm", "GroupNormalization", "HardSigmoid", "InstanceNormalization",
        "LayerNormalization", "Log", "LogSoftmax", "MultiHeadAttention", "QuickGelu", "RandomNormal", "RandomUniform", "Reciprocal", "Round",
        "SimplifiedLayerNormalization", "Sigmoid", "Sin", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "Softmax", "Softplus",
        "Sqrt", "Tanh",
    };

    /// <summary>The operators whose output has the type of their inputs; those of other inputs, such as indices, come after the first one.</summary>
    private static readonly HashSet<string> s_keepers = new(StringComparer.Ordinal)
    {
        "Abs", "Add", "AveragePool", "Clip", "Concat", "Div", "Dropout", "Einsum", "Erf", "Expand", "Flatten", "Gather", "GatherElements",
        "GatherND", "Gemm", "Identity", "MatMul", "Max", "MaxPool", "Mean", "Min", "Mul", "Neg", "Pad", "Pow", "ReduceL1", "ReduceL2",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu",
        "Reshape", "Resize", "ScatterElements", "ScatterND", "Slice", "Split", "Squeeze", "Sub", "Sum", "Tile", "Transpose", "Unsqueeze",
    };

    // What inputs, weights and constants are, and what operators make. The branches of an If may use a name again for another value.
    private readonly Dictionary<string, bool> _declared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, bool> _derived = new(StringComparer.Ordinal);
    private readonly HashSet<string> _outputs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _repeated = new(StringComparer.Ordinal);

    /// <summary>Whether a type of the format is one of floating-point numbers.</summary>
    /// <param name="type">The number of the type in the format: float, float16, double or bfloat16.</param>
    public static bool IsFloat(double type) => type is 1 or 10 or 11 or 16;

    /// <summary>Adds an input, a weight or a constant of the graph. If there are several of its name, all must be floating-point numbers.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isFloat">Whether it is a floating-point number.</param>
    public void Add(string name, bool isFloat) => _declared[name] = isFloat && _declared.GetValueOrDefault(name, true);

    /// <summary>Adds the name of an operator's output. All must be added before anything is derived.</summary>
    /// <param name="name">The name.</param>
    public void AddOutput(string name)
    {
        if (!_outputs.Add(name))
            _repeated.Add(name);
    }

    /// <summary>Determines the first output of an operator. Operators must be given in their order; of another order, less is known.</summary>
    /// <param name="node">The operator.</param>
    public void Derive(GraphNode node) => _derived[node.Output] = MakesFloat(node);

    /// <summary>Whether an input of an operator is certainly a floating-point number.</summary>
    /// <param name="node">The operator.</param>
    /// <param name="index">The input.</param>
    public bool Contains(GraphNode node, int index)
    {
        if (index >= node.Inputs.Length)
            return false;
        string name = node.Inputs[index];
        return _declared.TryGetValue(name, out bool isFloat) ? isFloat && !_outputs.Contains(name) : _derived.GetValueOrDefault(name) && !_repeated.Contains(name);
    }

    private bool MakesFloat(GraphNode node) => node.Operator switch
    {
        "Cast" => node.Attributes.GetValueOrDefault("to") is [double type] && IsFloat(type),
        "CastLike" => Contains(node, 1),
        "Where" => Contains(node, 1) || Contains(node, 2),
        "Add" or "Div" or "MatMul" or "Mul" or "Sub" => Contains(node, 0) || Contains(node, 1),
        string name => s_makers.Contains(name) || (s_keepers.Contains(name) && Contains(node, 0)),
    };
}
