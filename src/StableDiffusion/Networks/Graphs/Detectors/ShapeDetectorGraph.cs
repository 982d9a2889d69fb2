using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs.Detectors;

/// <summary>
/// Finds the shapes on a plain background that the small model draws, without weights that were trained. What differs from the
/// color at the image's edge is a shape; the ends of each connected one spread through it by maxima of neighbors; and its innermost
/// pixel has its box and the nearest color. Graph: <c>images</c> [1, 3, 64, 64], RGB of 0 to 1 → <c>output0</c> [1, 14, 4096], center,
/// size and the score of each color, as YOLO has them.
/// </summary>
internal static class ShapeDetectorGraph
{
    /// <summary>The side of the image that it takes, that of the small model.</summary>
    public const int Side = 64;

    // A way through a ring along its middle is no longer.
    private const int Steps = 128;

    // How far a color is from that of the edge, in the channel where it is farthest. The small model's backgrounds vary by 0.06.
    private const float LeastDifference = 0.2f;

    // A thinner shape has a lower score.
    private const float SureSide = 6;

    // What covers more of the image is no shape on a background.
    private const float MostArea = 0.8f;

    private const float Padding = 114 / 255f;
    private const float Far = 1e5f;

    /// <summary>The colors as the small model draws them, by the names in its prompts.</summary>
    public static IReadOnlyList<(string Name, float Red, float Green, float Blue)> Colors { get; } =
    [
        ("red", 0.80f, 0.13f, 0.16f), ("green", 0.18f, 0.62f, 0.25f), ("blue", 0.13f, 0.33f, 0.82f), ("yellow", 0.97f, 0.82f, 0.18f), ("orange", 0.95f, 0.54f, 0.11f),
        ("purple", 0.54f, 0.25f, 0.70f), ("pink", 0.96f, 0.55f, 0.72f), ("white", 0.97f, 0.97f, 0.97f), ("black", 0.08f, 0.08f, 0.10f), ("brown", 0.45f, 0.28f, 0.15f),
    ];

    /// <summary>Builds the graph.</summary>
    /// <returns>The unsaved graph.</returns>
    public static GraphBuilder Build()
    {
        GraphBuilder graph = new("shapes");
        Value image = graph.Input("images", 1, 3, Side, Side);
        Value inner = Not(graph, graph.Node("ReduceMin", [Less(graph, Distance(graph, image, graph.Scalar(Padding)), 0.001f)], [("axes", new long[] { 1 }), ("keepdims", 1)]));
        Value shape = Shapes(graph, image, inner);

        // How many pixels around belong to the shape, and the place to tell equal ones apart.
        Value depth = graph.Node("Floor", [graph.Add(graph.Mul(Average(graph, shape, 7), graph.Scalar(49)), graph.Scalar(0.5f))]);
        Value rank = graph.Mul(graph.Add(graph.Mul(depth, graph.Scalar(Side * Side)), Places(graph, "index", static (x, y) => (y * Side) + x + 1)), shape);
        Value column = Places(graph, "column", static (x, _) => x), row = Places(graph, "row", static (_, y) => y);
        Value ends = Spread(graph, graph.Concat(1, graph.Node("Neg", [column]), graph.Node("Neg", [row]), column, row, rank), shape);
        Value left = graph.Node("Neg", [Channel(graph, ends, 0)]), top = graph.Node("Neg", [Channel(graph, ends, 1)]);
        Value right = graph.Add(Channel(graph, ends, 2), graph.Scalar(1)), bottom = graph.Add(Channel(graph, ends, 3), graph.Scalar(1));
        Value width = graph.Node("Sub", [right, left]), height = graph.Node("Sub", [bottom, top]);

        Value isInnermost = graph.Mul(graph.Node("Cast", [graph.Node("Equal", [Channel(graph, ends, 4), rank])], [("to", 1L)]), shape);
        Value sureness = graph.Node("Min", [graph.Mul(graph.Node("Min", [width, height]), graph.Scalar(1 / SureSide)), graph.Scalar(1)]);
        Value isOnBackground = Less(graph, graph.Node("Div", [graph.Mul(width, height), Sum(graph, inner)]), MostArea);
        Value scores = graph.Mul(Nearest(graph, image), graph.Mul(graph.Mul(isInnermost, sureness), isOnBackground));
        Value half = graph.Scalar(0.5f);
        Value all = graph.Concat(1, graph.Mul(graph.Add(left, right), half), graph.Mul(graph.Add(top, bottom), half), width, height, scores);
        graph.Output("output0", graph.Reshape(all, 1, 4 + Colors.Count, Side * Side), 1, 4 + Colors.Count, Side * Side);
        graph.Metadata("names", $"{{{string.Join(", ", Colors.Select(static (color, i) => $"{i}: '{color.Name}'"))}}}");
        return graph;
    }

    /// <summary>1 for the pixels that differ from the mean color at the edge of the image, which may lie in gray padding.</summary>
    private static Value Shapes(GraphBuilder graph, Value image, Value inner)
    {
        Value padded = graph.Node("Pad", [inner, graph.Integers(0, 0, 1, 1, 0, 0, 1, 1)]);
        Value eroded = graph.Node("Neg", [graph.Node("MaxPool", [graph.Node("Neg", [padded])], [("kernel_shape", new long[] { 3, 3 })])]);
        Value edge = graph.Node("Sub", [inner, eroded]);
        Value background = graph.Node("Div", [Sum(graph, graph.Mul(image, edge)), Sum(graph, edge)]);
        Value difference = graph.Node("ReduceMax", [Distance(graph, image, background)], [("axes", new long[] { 1 }), ("keepdims", 1)]);
        return graph.Mul(Not(graph, Less(graph, difference, LeastDifference)), inner);
    }

    /// <summary>Lets the largest values of connected pixels spread among them.</summary>
    private static Value Spread(GraphBuilder graph, Value values, Value shape)
    {
        Value outside = graph.Mul(graph.Node("Sub", [shape, graph.Scalar(1)]), graph.Scalar(Far));
        Value spread = graph.Add(graph.Mul(values, shape), outside);
        for (int step = 0; step < Steps; step++)
        {
            Value largest = graph.Node("MaxPool", [spread], [("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 })]);
            spread = graph.Add(graph.Mul(largest, shape), outside);
        }

        return spread;
    }

    /// <summary>1 for the nearest color of each pixel's surroundings, [1, colors, side, side].</summary>
    private static Value Nearest(GraphBuilder graph, Value image)
    {
        // |p - c|² without |p|², which is the same for all colors.
        Value weights = graph.Weight("colors", [Colors.Count, 3, 1, 1], static values =>
        {
            for (int i = 0; i < Colors.Count; i++)
                (values[3 * i], values[(3 * i) + 1], values[(3 * i) + 2]) = (2 * Colors[i].Red, 2 * Colors[i].Green, 2 * Colors[i].Blue);
        });
        Value bias = graph.Weight("lengths", [Colors.Count], static values =>
        {
            for (int i = 0; i < Colors.Count; i++)
                values[i] = -((Colors[i].Red * Colors[i].Red) + (Colors[i].Green * Colors[i].Green) + (Colors[i].Blue * Colors[i].Blue));
        });
        Value nearness = graph.Node("Conv", [Average(graph, image, 3), weights, bias]);
        Value best = graph.Node("ReduceMax", [nearness], [("axes", new long[] { 1 }), ("keepdims", 1)]);
        return graph.Node("Cast", [graph.Node("Equal", [nearness, best])], [("to", 1L)]);
    }

    private static Value Distance(GraphBuilder graph, Value a, Value b) => graph.Node("Abs", [graph.Node("Sub", [a, b])]);

    private static Value Less(GraphBuilder graph, Value a, float limit) => graph.Node("Cast", [graph.Node("Less", [a, graph.Scalar(limit)])], [("to", 1L)]);

    private static Value Not(GraphBuilder graph, Value a) => graph.Node("Sub", [graph.Scalar(1), a]);

    private static Value Sum(GraphBuilder graph, Value a) => graph.Node("ReduceSum", [a, graph.Integers(2, 3)], [("keepdims", 1)]);

    private static Value Channel(GraphBuilder graph, Value a, int channel) => graph.Slice(a, graph.Integers(channel), graph.Integers(channel + 1), 1);

    private static Value Average(GraphBuilder graph, Value a, int side) => graph.Node(
        "AveragePool",
        [a],
        [("kernel_shape", new long[] { side, side }), ("pads", new long[] { side / 2, side / 2, side / 2, side / 2 }), ("count_include_pad", side > 3 ? 1 : 0)]);

    private static Value Places(GraphBuilder graph, string name, Func<int, int, int> value) => graph.SingleWeight(name, [1, 1, Side, Side], values =>
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = value(i % Side, i / Side);
    });
}
