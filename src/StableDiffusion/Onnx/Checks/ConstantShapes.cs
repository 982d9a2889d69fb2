namespace StableDiffusion.Onnx.Checks;

/// <summary>
/// Derives the shapes of what a graph makes of its constants alone, and the few numbers that other sizes are made of, so that
/// giants are found before ONNX Runtime makes them.
/// </summary>
internal sealed class ConstantShapes
{
    // ONNX Runtime's operators support far fewer axes; with more, this could take long.
    private const int MostAxes = 64;

    /// <summary>The operators whose output has the shape of their inputs, broadcast to each other.</summary>
    private static readonly HashSet<string> s_elementwise = new(StringComparer.Ordinal)
    {
        "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BiasGelu", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr",
        "BitwiseXor", "Cast", "Ceil", "Celu", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp", "FastGelu", "Floor", "Gelu", "Greater",
        "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean",
        "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu", "Pow", "QuickGelu", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid",
        "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
    };

    /// <summary>The operators whose outputs have the shape of their first input.</summary>
    private static readonly HashSet<string> s_keepers = new(StringComparer.Ordinal)
    {
        "BatchNormalization", "Bernoulli", "CastLike", "Clip", "CumSum", "DequantizeLinear", "Dropout", "EyeLike", "GroupNormalization", "Hardmax",
        "InstanceNormalization", "LayerNormalization", "LogSoftmax", "LpNormalization", "QuantizeLinear", "RandomNormalLike",
        "RandomUniformLike", "Scatter", "ScatterElements", "ScatterND", "SimplifiedLayerNormalization", "Softmax", "Trilu",
    };

    private readonly Dictionary<string, GraphConstant> _constants = new(StringComparer.Ordinal);

    /// <summary>Adds a constant. If its name has another one already, the larger one counts, and its numbers are not known.</summary>
    /// <param name="name">Its name in the graph.</param>
    /// <param name="constant">What is known of it.</param>
    public void Add(string name, GraphConstant constant)
    {
        if (_constants.TryGetValue(name, out GraphConstant? other))
            constant = (constant.Count >= other.Count ? constant : other) with { Values = null };
        _constants[name] = constant;
    }

    /// <summary>An operator's input, if it is a constant; otherwise null.</summary>
    /// <param name="node">The operator.</param>
    /// <param name="index">The input.</param>
    public GraphConstant? Find(GraphNode node, int index) => index < node.Inputs.Length ? _constants.GetValueOrDefault(node.Inputs[index]) : null;

    /// <summary>A constant by its name in the graph; null if there is none.</summary>
    public GraphConstant? Find(string name) => _constants.GetValueOrDefault(name);

    /// <summary>Derives the outputs of an operator, if its inputs are constants. Operators must be given in the order in which they run.</summary>
    /// <param name="node">The operator.</param>
    /// <returns>The number of elements of the outputs; 0 if an input is no constant; null if all are and the number is not known.</returns>
    public double? Derive(GraphNode node)
    {
        if (node.Operator == "Constant" || Array.Exists(node.Inputs, input => input.Length > 0 && !_constants.ContainsKey(input)))
            return 0;

        double count = 0;
        GraphConstant[]? made = Outputs(node);
        for (int i = 0; made is not null && i < node.Outputs.Length; i++)
        {
            GraphConstant output = made[Math.Min(i, made.Length - 1)];
            if (output.Shape.Length > MostAxes || !Array.TrueForAll(output.Shape, static length => length >= 0))
                return null;
            count += output.Count;
            if (node.Outputs[i].Length > 0)
                Add(node.Outputs[i], output);
        }

        return made is null ? null : count;
    }

    private double[]? Values(GraphNode node, int index) => Find(node, index)?.Values;

    private GraphConstant[]? Outputs(GraphNode node)
    {
        if (node.Operator is "RandomNormal" or "RandomUniform")
            return node.Attributes.GetValueOrDefault("shape") is double[] random ? [new GraphConstant(random, null, IsFloat: true)] : null;
        if (node.Operator == "Split")
            return Split(node);
        if (node.Operator == "DynamicQuantizeLinear")
            return Find(node, 0) is { } quantized ? [quantized with { Values = null }, new GraphConstant([], null, IsFloat: true)] : null;
        return Output(node) is { } output ? [output] : null;
    }

    private GraphConstant? Output(GraphNode node)
    {
        GraphConstant[] inputs = [.. node.Inputs.Select(name => _constants.GetValueOrDefault(name)).OfType<GraphConstant>()];
        if (Find(node, 0) is not { } input)
            return null;
        switch (node.Operator)
        {
            case "Shape":
                return ShapeOf(node, input.Shape);
            case "Size":
                return new GraphConstant([], [input.Count], IsFloat: false);
            case "ConstantOfShape":
                GraphConstant fill = node.Tensor ?? new GraphConstant([1], [0], IsFloat: true);
                return input.Values is double[] filled ? GraphConstant.Make(filled, fill.IsFloat, fill.Values is [double value] ? _ => value : null) : null;
            case "Range":
                return Values(node, 0) is [double from] && Values(node, 1) is [double to] && Values(node, 2) is [double step] && Math.Ceiling((to - from) / step) is double length && !double.IsNaN(length)
                    ? GraphConstant.Make([Math.Max(0, length)], input.IsFloat, index => from + (step * index[0]))
                    : null;
            case "Concat":
                return Concat(inputs, Axis(node, 0, input.Shape.Length));
            case "Expand":
                return Values(node, 1) is double[] sizes && Broadcast(input.Shape, sizes) is double[] expanded ? Rearranged(input, expanded, static (index, source) => source.At(index)) : null;
            case "Gather":
                return Find(node, 1) is { } indices ? Gather(input, indices, Axis(node, 0, input.Shape.Length)) : null;
            case "Slice":
                return Slice(node, input);
            case "Transpose":
                return Transpose(input, node.Attributes.GetValueOrDefault("perm"));
            case "Reshape" or "Flatten" or "Unsqueeze" or "Squeeze":
                return LikeShape(node, input) is double[] shape ? input with { Shape = shape } : null;
            case string name when name.StartsWith("Reduce", StringComparison.Ordinal) || name is "ArgMax" or "ArgMin":
                return Reduce(node, input);
        }

        if (s_elementwise.Contains(node.Operator))
            return inputs.Select(static each => each.Shape).Aggregate(static (all, shape) => all is null ? null! : Broadcast(all, shape)!) is double[] broadcast ? ConstantMath.Elementwise(node, inputs, broadcast) : null;
        return OtherShape(node, inputs, input.Shape) is double[] other ? new GraphConstant(other, null, input.IsFloat) : null;
    }

    private double[]? LikeShape(GraphNode node, GraphConstant input) => node.Operator switch
    {
        "Reshape" => (Values(node, 1) ?? node.Attributes.GetValueOrDefault("shape")) is double[] sizes ? Reshape(input.Shape, sizes) : null,
        "Flatten" => Flatten(input.Shape, Axis(node, 1, input.Shape.Length + 1)),
        "Unsqueeze" => Unsqueeze(node, input.Shape),
        _ => Squeeze(node, input.Shape),
    };

    private double[]? OtherShape(GraphNode node, GraphConstant[] inputs, double[] first) => node.Operator switch
    {
        "Tile" => Values(node, 1) is double[] factors && factors.Length == first.Length ? [.. first.Zip(factors, static (length, factor) => length * factor)] : null,
        "Pad" => Pad(node, first),
        "Resize" or "Upsample" => Resize(node, first),
        "MatMul" or "MatMulInteger" => inputs.Length >= 2 ? MatMul(first, inputs[1].Shape) : null,
        "Gemm" => inputs.Length >= 2 && first.Length == 2 && inputs[1].Shape.Length == 2 ? [first[IsSet(node, "transA") ? 1 : 0], inputs[1].Shape[IsSet(node, "transB") ? 0 : 1]] : null,
        "OneHot" => Values(node, 1) is [double depth] ? Insert(first, Axis(node, -1, first.Length + 1), depth) : null,
        "GatherElements" => inputs.Length == 2 ? inputs[1].Shape : null,
        "GatherND" => inputs.Length == 2 && inputs[1].Shape is [.. double[] places, double depth] && depth <= first.Length && !IsSet(node, "batch_dims") ? [.. places, .. first[(int)depth..]] : null,
        "NonZero" => [Math.Max(1, first.Length), GraphConstant.Product(first)],
        "TopK" => Values(node, 1) is [double count] && Axis(node, -1, first.Length) is int axis && axis < first.Length ? [.. first[..axis], count, .. first[(axis + 1)..]] : null,
        string name => s_keepers.Contains(name) ? first : null,
    };

    private static GraphConstant Rearranged(GraphConstant source, double[] shape, Func<int[], GraphConstant, double> at) =>
        GraphConstant.Make(shape, source.IsFloat, source.Values is null ? null : index => at(index, source));

    private static GraphConstant ShapeOf(GraphNode node, double[] shape)
    {
        int start = Bound("start", 0), end = Bound("end", shape.Length);
        double[] part = start < end ? shape[start..end] : [];
        return new GraphConstant([part.Length], part, IsFloat: false);

        int Bound(string name, int absent) => node.Attributes.GetValueOrDefault(name) is [double bound] ? (int)Math.Clamp(bound < 0 ? bound + shape.Length : bound, 0, shape.Length) : absent;
    }

    private static GraphConstant? Concat(GraphConstant[] inputs, int axis)
    {
        double[] joined = [.. inputs[0].Shape];
        if (axis >= joined.Length || Array.Exists(inputs, input => input.Shape.Length != joined.Length))
            return null;

        joined[axis] = inputs.Sum(input => input.Shape[axis]);
        return GraphConstant.Make(joined, inputs[0].IsFloat, Array.Exists(inputs, static input => input.Values is null) ? null : index =>
        {
            int[] place = [.. index];
            foreach (GraphConstant input in inputs)
            {
                if (place[axis] < input.Shape[axis])
                    return input.At(place);
                place[axis] -= (int)input.Shape[axis];
            }

            return double.NaN;
        });
    }

    private static GraphConstant? Gather(GraphConstant input, GraphConstant indices, int axis)
    {
        if (axis >= input.Shape.Length)
            return null;

        int places = indices.Shape.Length;
        return Rearranged(input, [.. input.Shape[..axis], .. indices.Shape, .. input.Shape[(axis + 1)..]], (index, source) =>
        {
            double place = indices.Values is null ? double.NaN : indices.At(index.AsSpan(axis, places));
            place += place < 0 ? source.Shape[axis] : 0;
            return place >= 0 && place < source.Shape[axis] ? source.At([.. index[..axis], (int)place, .. index[(axis + places)..]]) : double.NaN;
        });
    }

    private GraphConstant? Slice(GraphNode node, GraphConstant input)
    {
        double[] shape = [.. input.Shape];
        double[]? starts = Values(node, 1) ?? node.Attributes.GetValueOrDefault("starts"), ends = Values(node, 2) ?? node.Attributes.GetValueOrDefault("ends");
        double[]? axes = Values(node, 3) ?? node.Attributes.GetValueOrDefault("axes"), steps = Values(node, 4);
        if (starts is null || ends?.Length != starts.Length || (axes is null ? Find(node, 3) is not null : axes.Length != starts.Length) || (steps is null ? Find(node, 4) is not null : steps.Length != starts.Length))
            return null;

        (double First, double Step)[] parts = [.. shape.Select(static _ => (0d, 1d))];
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = Normal(axes?[i] ?? i, shape.Length);
            double step = steps?[i] ?? 1;
            if (axis >= shape.Length || step == 0)
                return null;

            double length = input.Shape[axis];
            double first = Clamp(starts[i], 0, step < 0 ? length - 1 : length), end = step < 0 ? Clamp(ends[i], -1, length - 1) : Clamp(ends[i], 0, length);
            parts[axis] = (first, step);
            shape[axis] = Math.Max(0, Math.Ceiling((end - first) / step));

            double Clamp(double bound, double least, double most) => Math.Max(least, Math.Min(bound < 0 ? bound + length : bound, most));
        }

        return Rearranged(input, shape, (index, source) => source.At([.. index.Select((place, axis) => (int)(parts[axis].First + (place * parts[axis].Step)))]));
    }

    private GraphConstant[]? Split(GraphNode node)
    {
        if (Find(node, 0) is not { } input)
            return null;
        int axis = Axis(node, 0, input.Shape.Length);
        if (axis >= input.Shape.Length)
            return null;

        double equal = Math.Ceiling(input.Shape[axis] / Math.Max(1, node.Outputs.Length));
        double[]? lengths = Values(node, 1) ?? node.Attributes.GetValueOrDefault("split") ?? (Find(node, 1) is null ? [.. node.Outputs.Select(_ => equal)] : null);
        if (lengths?.Length != node.Outputs.Length)
            return null;

        double start = 0;
        List<GraphConstant> parts = [];
        foreach (double length in lengths)
        {
            double from = start;
            parts.Add(Rearranged(input, [.. input.Shape[..axis], length, .. input.Shape[(axis + 1)..]], (index, source) => source.At([.. index[..axis], index[axis] + (int)from, .. index[(axis + 1)..]])));
            start += length;
        }

        return [.. parts];
    }

    private GraphConstant? Reduce(GraphNode node, GraphConstant input)
    {
        bool isPlace = node.Operator is "ArgMax" or "ArgMin", keeps = node.Attributes.GetValueOrDefault("keepdims") is not [0];
        int rank = input.Shape.Length;
        if (!isPlace && Values(node, 1) is null && Find(node, 1) is not null)
            return null;

        int[] axes = isPlace ? [Axis(node, 0, rank)] : Axes(node, rank) ?? [];
        if (axes.Length == 0 && !IsSet(node, "noop_with_empty_axes"))
            axes = [.. Enumerable.Range(0, rank)];
        List<double> shape = [];
        for (int axis = 0; axis < rank; axis++)
        {
            if (!axes.Contains(axis))
                shape.Add(input.Shape[axis]);
            else if (keeps)
                shape.Add(1);
        }

        bool isWhole = axes.Distinct().Count(axis => axis < rank) == rank;
        return GraphConstant.Make([.. shape], input.IsFloat && !isPlace, isWhole && !isPlace ? _ => ConstantMath.Reduce(node.Operator, input) : null);
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

    private static GraphConstant? Transpose(GraphConstant input, double[]? order)
    {
        int rank = input.Shape.Length;
        int[] axes = order is null ? [.. Enumerable.Range(0, rank).Reverse()] : [.. order.Select(axis => Normal(axis, rank))];
        if (!axes.Order().SequenceEqual(Enumerable.Range(0, rank)))
            return null;

        return Rearranged(input, [.. axes.Select(axis => input.Shape[axis])], (index, source) =>
        {
            int[] place = new int[rank];
            for (int axis = 0; axis < rank; axis++)
                place[axes[axis]] = index[axis];
            return source.At(place);
        });
    }

    private static double[]? Reshape(double[] shape, double[] sizes)
    {
        double[] reshaped = [.. sizes.Select((size, axis) => size == 0 && axis < shape.Length ? shape[axis] : size)];
        int open = Array.IndexOf(reshaped, -1);
        if (open >= 0)
        {
            reshaped[open] = 1;
            double rest = GraphConstant.Product(reshaped);
            reshaped[open] = rest == 0 ? 0 : GraphConstant.Product(shape) / rest;
        }

        return GraphConstant.Product(reshaped) == GraphConstant.Product(shape) ? reshaped : null;
    }

    private static double[]? Flatten(double[] shape, int axis) => axis <= shape.Length ? [GraphConstant.Product(shape[..axis]), GraphConstant.Product(shape[axis..])] : null;

    private static double[]? Insert(double[] shape, int axis, double length) => axis <= shape.Length ? [.. shape[..axis], length, .. shape[axis..]] : null;

    private double[]? Unsqueeze(GraphNode node, double[] shape)
    {
        if (GivenAxes(node) is not double[] given)
            return null;
        double[]? result = shape;
        foreach (int axis in given.Select(axis => Normal(axis, shape.Length + given.Length)).Order())
            result = result is null ? null : Insert(result, axis, 1);
        return result;
    }

    private double[]? Squeeze(GraphNode node, double[] shape)
    {
        if (Find(node, 1) is { Values: null })
            return null;
        int[]? axes = Axes(node, shape.Length);
        return [.. shape.Where((length, axis) => length != 1 || (axes is not null && !axes.Contains(axis)))];
    }

    private double[]? Pad(GraphNode node, double[] shape)
    {
        if ((Values(node, 1) ?? node.Attributes.GetValueOrDefault("pads")) is not double[] pads || Find(node, 3) is { Values: null })
            return null;
        int[] axes = [.. Values(node, 3)?.Select(axis => Normal(axis, shape.Length)) ?? Enumerable.Range(0, shape.Length)];
        if (pads.Length != 2 * axes.Length || Array.Exists(axes, axis => axis >= shape.Length))
            return null;

        double[] padded = [.. shape];
        for (int i = 0; i < axes.Length; i++)
            padded[axes[i]] = Math.Max(0, padded[axes[i]] + pads[i] + pads[i + axes.Length]);
        return padded;
    }

    private double[]? Resize(GraphNode node, double[] shape)
    {
        if (Values(node, 3) is double[] sizes && sizes.Length == shape.Length)
            return sizes;
        return (Values(node, 2) ?? Values(node, 1) ?? node.Attributes.GetValueOrDefault("scales")) is double[] factors && factors.Length == shape.Length ? [.. shape.Zip(factors, static (length, factor) => Math.Floor(length * factor))] : null;
    }

    private int[]? Axes(GraphNode node, int count) => GivenAxes(node)?.Select(axis => Normal(axis, count)).ToArray();

    private double[]? GivenAxes(GraphNode node)
    {
        double[]? axes = Values(node, 1) ?? node.Attributes.GetValueOrDefault("axes");
        return axes is null or { Length: <= MostAxes } ? axes : throw new InvalidDataException($"an operator has more than {MostAxes} axes");
    }

    private static int Axis(GraphNode node, int standard, int count) =>
        Normal(node.Attributes.GetValueOrDefault("axis") is [double axis] ? axis : standard, count);

    /// <summary>An axis counted from the first; one that does not exist becomes a number above all.</summary>
    private static int Normal(double axis, int count) => axis + (axis < 0 ? count : 0) is >= 0 and < MostAxes and double normal ? (int)normal : int.MaxValue;

    private static bool IsSet(GraphNode node, string name) => node.Attributes.GetValueOrDefault(name) is [not 0];
}
