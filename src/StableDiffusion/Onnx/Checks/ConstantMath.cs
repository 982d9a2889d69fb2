namespace StableDiffusion.Onnx.Checks;

/// <summary>Computes the few numbers that sizes are made of, as ONNX Runtime does.</summary>
internal static class ConstantMath
{
    // Whole numbers wrap around beyond what their type holds; larger ones are not followed.
    private const double LargestInteger = int.MaxValue;
    private const double LargestHalf = 65504;

    private static readonly Dictionary<string, Func<double, double>> s_unary = new(StringComparer.Ordinal)
    {
        ["Abs"] = Math.Abs,
        ["Ceil"] = Math.Ceiling,
        ["Exp"] = Math.Exp,
        ["Floor"] = Math.Floor,
        ["Log"] = Math.Log,
        ["Neg"] = static value => -value,
        ["Not"] = static value => value == 0 ? 1 : 0,
        ["Reciprocal"] = static value => 1 / value,
        ["Round"] = static value => Math.Round(value, MidpointRounding.ToEven),
        ["Sign"] = static value => Math.Sign(value),
        ["Sqrt"] = Math.Sqrt,
    };

    private static readonly Dictionary<string, Func<double, double, double>> s_binary = new(StringComparer.Ordinal)
    {
        ["Add"] = static (left, right) => left + right,
        ["Sum"] = static (left, right) => left + right,
        ["Sub"] = static (left, right) => left - right,
        ["Mul"] = static (left, right) => left * right,
        ["Div"] = static (left, right) => left / right,
        ["Pow"] = Math.Pow,
        ["Max"] = Math.Max,
        ["Min"] = Math.Min,
        ["And"] = static (left, right) => left != 0 && right != 0 ? 1 : 0,
        ["Or"] = static (left, right) => left != 0 || right != 0 ? 1 : 0,
        ["Equal"] = static (left, right) => left == right ? 1 : 0,
        ["Less"] = static (left, right) => left < right ? 1 : 0,
        ["LessOrEqual"] = static (left, right) => left <= right ? 1 : 0,
        ["Greater"] = static (left, right) => left > right ? 1 : 0,
        ["GreaterOrEqual"] = static (left, right) => left >= right ? 1 : 0,
    };

    private static readonly HashSet<string> s_comparisons = new(StringComparer.Ordinal) { "Not", "And", "Or", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual" };

    /// <summary>Computes an operator whose output has an element for each element of its inputs.</summary>
    /// <param name="node">The operator.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <param name="shape">The shape of the output.</param>
    public static GraphConstant Elementwise(GraphNode node, IReadOnlyList<GraphConstant> inputs, double[] shape)
    {
        bool isKnown = inputs.All(static input => input.Values is not null);
        if (node.Operator == "Cast")
            return Cast(inputs[0], shape, node.Attributes.GetValueOrDefault("to") is [double type] ? (int)type : 0);
        if (node.Operator == "Where")
            return GraphConstant.Make(shape, inputs[^1].IsFloat, isKnown && inputs.Count == 3 ? index => inputs[0].At(index) != 0 ? inputs[1].At(index) : inputs[2].At(index) : null);

        bool isFloat = inputs.Any(static input => input.IsFloat) && !s_comparisons.Contains(node.Operator);
        if (node.Operator == "Identity")
            return GraphConstant.Make(shape, isFloat, isKnown ? index => inputs[0].At(index) : null);
        if (isKnown && inputs.Count == 1 && s_unary.TryGetValue(node.Operator, out Func<double, double>? unary))
            return GraphConstant.Make(shape, isFloat, index => Limit(unary(inputs[0].At(index)), isFloat));
        if (!isKnown || !s_binary.TryGetValue(node.Operator, out Func<double, double, double>? binary))
            return GraphConstant.Make(shape, isFloat, null);

        return GraphConstant.Make(shape, isFloat, index =>
        {
            double result = inputs[0].At(index);
            foreach (GraphConstant input in inputs.Skip(1))
                result = Limit(binary(result, input.At(index)), isFloat);
            return result;
        });
    }

    /// <summary>Computes what an operator makes of all elements of its input.</summary>
    /// <param name="name">The operator.</param>
    /// <param name="input">The input.</param>
    /// <returns>The number; NaN if it is not known.</returns>
    public static double Reduce(string name, GraphConstant input) => input.Values is not { Length: > 0 } values ? double.NaN : name switch
    {
        "ReduceProd" => values.Aggregate((all, value) => Limit(all * value, input.IsFloat)),
        "ReduceSum" => values.Aggregate((all, value) => Limit(all + value, input.IsFloat)),
        "ReduceMax" => values.Max(),
        "ReduceMin" => values.Min(),
        _ => double.NaN,
    };

    // Source: onnx.proto, TensorProto.DataType.
    private static GraphConstant Cast(GraphConstant input, double[] shape, int type)
    {
        (double largest, bool isFloat) = type switch
        {
            1 or 11 or 16 => (float.MaxValue, true),
            10 => (LargestHalf, true),
            7 => (1L << 53, false),
            6 => (LargestInteger, false),
            9 => (double.MaxValue, false),
            _ => (0d, false),
        };
        return GraphConstant.Make(shape, isFloat, input.Values is null || largest == 0 ? null : index =>
        {
            double value = input.At(index);
            if (type == 9)
                return value != 0 ? 1 : 0;

            // A slice to the end of an axis ends at the largest whole number.
            bool isKept = Math.Abs(value) <= largest || (type == 7 && !input.IsFloat);
            return isKept ? isFloat ? value : Math.Truncate(value) : double.NaN;
        });
    }

    private static double Limit(double value, bool isFloat)
    {
        if (isFloat)
            return value;
        value = Math.Truncate(value);
        return Math.Abs(value) <= LargestInteger ? value : double.NaN;
    }
}
