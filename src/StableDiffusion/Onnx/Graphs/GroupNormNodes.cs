using StableDiffusion.Onnx.Graphs.Format;

namespace StableDiffusion.Onnx.Graphs;

/// <summary>The nodes of a group normalization that <see cref="GraphOperators.GroupNorm"/> wrote, and of the SiLU that follows it.</summary>
/// <param name="Normalization">The normalization of the groups, from which the others are found.</param>
/// <param name="Last">The last of the nodes.</param>
/// <param name="Input">The feature maps.</param>
/// <param name="IsHalf">Whether the feature maps are in half precision.</param>
/// <param name="Scale">The scale, [channels, 1, 1], as it is stored.</param>
/// <param name="Shift">The shift, [channels, 1, 1], as it is stored.</param>
/// <param name="Groups">The number of groups.</param>
/// <param name="IsActivated">Whether the SiLU is among the nodes.</param>
internal sealed record GroupNormNodes(NodeProto Normalization, NodeProto Last, string Input, bool IsHalf, TensorProto Scale, TensorProto Shift, long Groups, bool IsActivated)
{
    /// <summary>The number of channels.</summary>
    public long Channels => Scale.Dims[0];

    /// <summary>The number of channels of a group.</summary>
    public long ChannelsOfGroup => Channels / Groups;

    /// <summary>Finds the nodes.</summary>
    /// <param name="normalization">A normalization.</param>
    /// <param name="links">The links of the graph.</param>
    /// <param name="weights">Finds a weight of the graph by its name; null if there is none.</param>
    /// <returns>The nodes; null if the normalization is another one, or something else reads a value between two nodes.</returns>
    public static GroupNormNodes? Find(NodeProto normalization, GraphLinks links, Func<string, TensorProto?> weights)
    {
        if (links.Producer(normalization.Input[0], "Reshape") is not NodeProto split || weights(normalization.Input[1]) is not TensorProto ones)
            return null;
        string input = split.Input[0];
        NodeProto? next = links.OnlyReader(normalization.Output[0]);
        bool isHalf = next?.OpType == "Cast";
        if (isHalf)
        {
            // Half precision is left for the normalization only.
            if (links.Producer(input, "Cast") is not NodeProto widened)
                return null;
            input = widened.Input[0];
            next = links.OnlyReader(next!.Output[0]);
        }

        if (next?.OpType != "Reshape" || links.OnlyReader(next.Output[0]) is not { OpType: "Mul" } scaled || links.OnlyReader(scaled.Output[0]) is not { OpType: "Add" } shifted)
            return null;
        if (scaled.Input[0] != next.Output[0] || shifted.Input[0] != scaled.Output[0])
            return null;
        if (Stored(scaled.Input[1]) is not { Dims: [long channels, 1, 1] } scale || Stored(shifted.Input[1]) is not { Dims: [long others, 1, 1] } shift || channels != others)
            return null;
        NodeProto? activated = Activated(shifted.Output[0], links);
        return new GroupNormNodes(normalization, activated ?? shifted, input, isHalf, scale, shift, ones.Dims.Single(), activated is not null);

        // Weights may be stored in half precision and converted.
        TensorProto? Stored(string weight) => weights(links.Producer(weight, "Cast")?.Input[0] ?? weight);
    }

    /// <summary>Finds the product of a value and its sigmoid.</summary>
    /// <returns>Null if there is none, or something else reads the value.</returns>
    private static NodeProto? Activated(string value, GraphLinks links)
    {
        NodeProto[] readers = [.. links.Readers(value)];
        return readers.Length == 2 && !links.IsOutput(value)
            && Array.Find(readers, static reader => reader.OpType == "Sigmoid") is NodeProto sigmoid
            && links.OnlyReader(sigmoid.Output[0]) is { OpType: "Mul" } product
            && readers.Contains(product)
            ? product
            : null;
    }
}
