namespace StableDiffusion.Onnx.Graphs;

/// <summary>
/// The operators that the networks consist of, in the forms that ONNX Runtime's CPU provider runs fastest and its GPU
/// providers support too. See https://onnx.ai/onnx/operators/ and ONNX Runtime's ContribOperators.md.
/// </summary>
internal static class GraphOperators
{
    public static Value Add(this GraphBuilder graph, Value a, Value b) => graph.Node("Add", [a, b]);

    public static Value Mul(this GraphBuilder graph, Value a, Value b) => graph.Node("Mul", [a, b]);

    /// <summary>max(x, 0). ONNX Runtime fuses it with the convolution before it.</summary>
    public static Value Relu(this GraphBuilder graph, Value x) => graph.Node("Relu", [x]);

    /// <summary>x where it is positive, else a part of it. ONNX Runtime fuses it with the convolution before it.</summary>
    public static Value LeakyRelu(this GraphBuilder graph, Value x, float slope) => graph.Node("LeakyRelu", [x], [("alpha", slope)]);

    /// <summary>x · sigmoid(x). ONNX Runtime fuses this pair; its kernel for ONNX's Swish is three times slower.</summary>
    public static Value Silu(this GraphBuilder graph, Value x) => graph.Mul(x, graph.Node("Sigmoid", [x]));

    /// <summary>The Gaussian error linear unit in its exact form, with erf.</summary>
    public static Value Gelu(this GraphBuilder graph, Value x) => graph.MicrosoftNode("Gelu", [x]);

    /// <summary>x · sigmoid(1.702 x), CLIP's approximation of the Gaussian error linear unit.</summary>
    public static Value QuickGelu(this GraphBuilder graph, Value x) => graph.MicrosoftNode("QuickGelu", [x], [("alpha", 1.702f)]);

    public static Value Concat(this GraphBuilder graph, int axis, params ReadOnlySpan<Value> values) =>
        graph.Node("Concat", values, [("axis", axis)]);

    /// <summary>Reshapes a value: 0 keeps the length of an axis, -1 is computed from the others.</summary>
    public static Value Reshape(this GraphBuilder graph, Value x, params ReadOnlySpan<long> shape) =>
        graph.Node("Reshape", [x, graph.Integers(shape)]);

    public static Value Reshape(this GraphBuilder graph, Value x, Value shape) => graph.Node("Reshape", [x, shape]);

    public static Value Transpose(this GraphBuilder graph, Value x, params long[] order) =>
        graph.Node("Transpose", [x], [("perm", order)]);

    /// <summary>The lengths of the axes from <paramref name="start"/> to <paramref name="end"/>, exclusive.</summary>
    public static Value Shape(this GraphBuilder graph, Value x, int start, int end) =>
        graph.Node("Shape", [x], [("start", start), ("end", end)]);

    /// <summary>The part of an axis from <paramref name="start"/> to <paramref name="end"/>, exclusive.</summary>
    public static Value Slice(this GraphBuilder graph, Value x, Value start, Value end, int axis) =>
        graph.Node("Slice", [x, start, end, graph.Integers(axis)]);

    /// <summary>Enlarges height and width by nearest-neighbor interpolation.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="factor">The factor of both sides, 2 or more.</param>
    /// <returns>Feature maps [batch, channels, factor · height, factor · width].</returns>
    public static Value UpsampleNearest(this GraphBuilder graph, Value x, int factor = 2) => graph.Node(
        "Resize",
        [x, Value.None, graph.Floats(1, 1, factor, factor)],
        [("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")]);

    /// <summary>Turns groups of channels into pixels, as torch's <c>pixel_shuffle</c> does.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels · factor², height, width].</param>
    /// <param name="factor">The factor of both sides.</param>
    /// <returns>Feature maps [batch, channels, factor · height, factor · width].</returns>
    public static Value PixelShuffle(this GraphBuilder graph, Value x, int factor) =>
        graph.Node("DepthToSpace", [x], [("blocksize", factor), ("mode", "CRD")]);

    /// <summary>Turns pixels into channels, as torch's <c>pixel_unshuffle</c> does.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width], whose sides are multiples of the factor.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="factor">The factor of both sides.</param>
    /// <returns>Feature maps [batch, channels · factor², height / factor, width / factor].</returns>
    public static Value PixelUnshuffle(this GraphBuilder graph, Value x, int channels, int factor)
    {
        // ONNX has the places in the block as the outer index of the new channels, torch as the inner one.
        int places = factor * factor;
        long[] order = [.. Enumerable.Range(0, channels * places).Select(i => (long)((i % places * channels) + (i / places)))];
        return graph.Node("Gather", [graph.Node("SpaceToDepth", [x], [("blocksize", factor)]), graph.Integers(order)], [("axis", 1)]);
    }

    /// <summary>
    /// Group normalization. Written as an instance normalization of the groups, which takes ONNX Runtime's CPU provider half the
    /// time of the operator of that name; <see cref="ChannelsLast"/> makes it one operator for NVIDIA cards.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">Feature maps [batch, channels, height, width].</param>
    /// <param name="groups">The number of groups, a divisor of the number of channels.</param>
    /// <param name="epsilon">The value added to a variance.</param>
    /// <param name="scale">The scale [channels, 1, 1].</param>
    /// <param name="shift">The shift [channels, 1, 1].</param>
    /// <param name="path">Its place in the network.</param>
    /// <returns>Feature maps of the same shape.</returns>
    public static Value GroupNorm(this GraphBuilder graph, Value x, int groups, float epsilon, GraphWeight scale, GraphWeight shift, string path)
    {
        float[] ones = new float[groups];
        Array.Fill(ones, 1);

        // A sum of squares soon exceeds the range of 16-bit floats, and the type that the operator sums in is not specified.
        Value normalized = graph.Node(
            "InstanceNormalization",
            [graph.Reshape(graph.ToSingle(x), 0, groups, -1), graph.Floats(ones), graph.Floats(new float[groups])],
            [("epsilon", epsilon)],
            path);
        Value scaled = graph.Mul(graph.Reshape(graph.ToComputed(normalized), graph.Shape(x, 0, 4)), graph.Weight(scale));
        return graph.Add(scaled, graph.Weight(shift));
    }

    /// <summary>Multi-head attention, softmax(q·kᵀ / √d)·v, as one fused operator.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="query">Queries [batch, tokens, width].</param>
    /// <param name="key">Keys [batch, other tokens, width].</param>
    /// <param name="value">Values [batch, other tokens, width].</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="causal">Whether a token attends only to itself and the tokens before it.</param>
    /// <returns>Tokens [batch, tokens, width].</returns>
    public static Value Attention(this GraphBuilder graph, Value query, Value key, Value value, int heads, bool causal = false) =>
        graph.MicrosoftNode("MultiHeadAttention", [query, key, value], [("num_heads", heads), ("unidirectional", causal ? 1 : 0)]);
}
