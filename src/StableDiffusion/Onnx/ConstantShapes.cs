namespace StableDiffusion.Onnx;

/// <summary>
/// Derives the shapes of what a graph makes of its constants alone, so that giant ones are found before ONNX Runtime makes
/// them. An operator that is not known here, or whose input is not, has no known shape.
/// </summary>
internal sealed class ConstantShapes
{
    // ONNX Runtime's operators support far fewer axes; with more, this could take long.
    private const int MostAxes = 64;

    /// <summary>The operators whose output has the shape of their inputs, broadcast to each other.</summary>
    private static readonly HashSet<string> s_elementwise = new(StringComparer.Ordinal)
    {
        "Abs", "Add", "And", "Cast", "Ceil", "Clip", "Cos", "Div", "Elu", "Equal", "Erf", "Exp", "FastGelu", "Floor", "Gelu", "Greater",
        "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean",
        "Min", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "QuickGelu", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin",
        "Softmax", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "Where", "Xor",
    };

    // Lengths are floating-point numbers, which do not overflow.
    private readonly Dictionary<string, double[]> _shapes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double[]> _values = new(StringComparer.Ordinal);

    /// <summary>Adds a constant.</summary>
    /// <param name="name">Its name in the graph.</param>
    /// <param name="shape">Its shape; null if not known.</param>
    /// <param name="values">Its values, if it is short; null if not known.</param>
    public void Add(string name, double[]? shape, double[]? values)
    {
        if (shape is { Length: <= MostAxes })
            _shapes[name] = shape;
        if (values is not null)
            _values[name] = values;
    }

    /// <summary>The values of an operator's input, if it is a short constant; null if not known.</summary>
    /// <param name="node">The operator.</param>
    /// <param name="index">The input.</param>
    public double[]? Values(GraphNode node, int index) => index < node.Inputs.Length ? _values.GetValueOrDefault(node.Inputs[index]) : null;

    /// <summary>Derives the shape of an operator's output, if its inputs are known. Operators must be given in their order.</summary>
    /// <param name="node">The operator.</param>
    /// <returns>The number of elements of the output; 0 if not known.</returns>
    public double Derive(GraphNode node)
    {
        double[]? shape = ShapeOf(node);
        if (shape is null || shape.Length > MostAxes || !Array.TrueForAll(shape, static length => length >= 0))
            return 0;

        _shapes[node.Output] = shape;
        return shape.Aggregate(1d, static (product, length) => product * length);
    }

    private double[]? ShapeOf(GraphNode node)
    {
        if (node.Operator == "ConstantOfShape")
            return Values(node, 0);
        if (node.Operator == "Range")
            return Values(node, 0) is [double from] && Values(node, 1) is [double to] && Values(node, 2) is [double step] ? [Math.Max(0, Math.Ceiling((to - from) / step))] : null;

        List<double[]> shapes = [];
        foreach (string input in node.Inputs)
        {
            if (_shapes.TryGetValue(input, out double[]? known))
                shapes.Add(known);
            else if (input.Length > 0)
                return null;
        }

        if (shapes.Count == 0)
            return null;
        double[] first = shapes[0];
        return node.Operator switch
        {
            "Expand" => Values(node, 1) is double[] sizes ? Broadcast(first, sizes) : null,
            "Tile" => Values(node, 1) is double[] factors && factors.Length == first.Length ? [.. first.Zip(factors, static (length, factor) => length * factor)] : null,
            "Pad" => Values(node, 1) is double[] pads && pads.Length == 2 * first.Length ? [.. first.Select((length, axis) => length + pads[axis] + pads[axis + first.Length])] : null,
            "Resize" => Resize(node, first),
            "Concat" => Concat(shapes, Axis(node, 0, first.Length)),
            "MatMul" => shapes.Count == 2 ? MatMul(first, shapes[1]) : null,
            "Gemm" => shapes.Count >= 2 && first.Length == 2 && shapes[1].Length == 2 ? [first[IsSet(node, "transA") ? 1 : 0], shapes[1][IsSet(node, "transB") ? 0 : 1]] : null,
            "OneHot" => Values(node, 1) is [double depth] ? Insert(first, Axis(node, -1, first.Length + 1), depth) : null,
            "Transpose" => Transpose(first, node.Attributes.GetValueOrDefault("perm")),
            "Reshape" => Values(node, 1) is double[] reshaped ? Reshape(first, reshaped) : null,
            "Flatten" => Flatten(first, Axis(node, 1, first.Length + 1)),
            "Unsqueeze" => Axes(node, first.Length) is [int axis] ? Insert(first, axis, 1) : null,
            "Squeeze" => Axes(node, first.Length - 1) is [int axis] && axis < first.Length ? [.. first[..axis], .. first[(axis + 1)..]] : null,
            _ => s_elementwise.Contains(node.Operator) ? shapes.Aggregate(static (all, shape) => all is null ? null! : Broadcast(all, shape)!) : null,
        };
    }

    private static double[]? Broadcast(double[] left, double[] right)
    {
        double[] shape = new double[Math.Max(left.Length, right.Length)];
        for (int axis = 1; axis <= shape.Length; axis++)
        {
            double a = axis <= left.Length ? left[^axis] : 1, b = axis <= right.Length ? right[^axis] : 1;
            if (a != b && a != 1 && b != 1)
                return null;
            shape[^axis] = a == 1 ? b : a;
        }

        return shape;
    }

    private static double[]? MatMul(double[] left, double[] right)
    {
        if (left.Length == 0 || right.Length == 0)
            return null;

        double[] rows = left.Length == 1 ? [] : [left[^2]];
        double[] columns = right.Length == 1 ? [] : [right[^1]];
        return Broadcast(left[..Math.Max(0, left.Length - 2)], right[..Math.Max(0, right.Length - 2)]) is double[] batch ? [.. batch, .. rows, .. columns] : null;
    }

    private static double[]? Concat(List<double[]> shapes, int axis)
    {
        double[] first = shapes[0];
        if (axis >= first.Length || shapes.Exists(shape => shape.Length != first.Length))
            return null;

        double[] joined = [.. first];
        joined[axis] = shapes.Sum(shape => shape[axis]);
        return joined;
    }

    private static double[]? Transpose(double[] shape, double[]? order)
    {
        if (order is null)
            return [.. shape.Reverse()];
        return order.Length == shape.Length && Array.TrueForAll(order, axis => axis >= 0 && axis < shape.Length) ? [.. order.Select(axis => shape[(int)axis])] : null;
    }

    private static double[]? Reshape(double[] shape, double[] sizes)
    {
        double[] reshaped = [.. sizes.Select((size, axis) => size == 0 && axis < shape.Length ? shape[axis] : size)];
        int open = Array.IndexOf(reshaped, -1);
        if (open >= 0)
        {
            reshaped[open] = 1;
            reshaped[open] = Product(shape) / Product(reshaped);
        }

        return Product(reshaped) == Product(shape) ? reshaped : null;
    }

    private static double[]? Flatten(double[] shape, int axis) => axis <= shape.Length ? [Product(shape[..axis]), Product(shape[axis..])] : null;

    private static double[]? Insert(double[] shape, int axis, double length) => axis <= shape.Length ? [.. shape[..axis], length, .. shape[axis..]] : null;

    private double[]? Resize(GraphNode node, double[] shape)
    {
        if (Values(node, 3) is double[] sizes && sizes.Length == shape.Length)
            return sizes;
        return (Values(node, 2) ?? Values(node, 1)) is double[] factors && factors.Length == shape.Length ? [.. shape.Zip(factors, static (length, factor) => Math.Floor(length * factor))] : null;
    }

    private int[]? Axes(GraphNode node, int highest) =>
        (Values(node, 1) ?? node.Attributes.GetValueOrDefault("axes"))?.Select(axis => Normal(axis, highest + 1)).ToArray();

    private static int Axis(GraphNode node, int standard, int count) =>
        Normal(node.Attributes.GetValueOrDefault("axis") is [double axis] ? axis : standard, count);

    /// <summary>An axis counted from the first; one that does not exist becomes a number above all.</summary>
    private static int Normal(double axis, int count) => axis + (axis < 0 ? count : 0) is >= 0 and < MostAxes and double normal ? (int)normal : int.MaxValue;

    private static bool IsSet(GraphNode node, string name) => node.Attributes.GetValueOrDefault(name) is [not 0];

    private static double Product(double[] lengths) => lengths.Aggregate(1d, static (product, length) => product * length);
}
