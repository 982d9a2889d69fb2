using StableDiffusion.Onnx;

namespace StableDiffusion.Denoising;

/// <summary>The inputs or outputs of a graph that carry what ControlNets give, in OnnxStack's names for them.</summary>
internal static class ControlResiduals
{
    private const string Middle = "mid_block_additional_residual";

    /// <summary>Finds them.</summary>
    /// <param name="values">The graph's inputs or outputs.</param>
    /// <returns>Those of the way down in their order, and the middle's; none where there are none.</returns>
    public static OnnxValueInfo[] Sort(IReadOnlyDictionary<string, OnnxValueInfo> values)
    {
        List<OnnxValueInfo> sorted = [];
        while (values.TryGetValue($"down_block_{sorted.Count}_additional_residual", out OnnxValueInfo? value))
            sorted.Add(value);
        if (values.TryGetValue(Middle, out OnnxValueInfo? middle))
            sorted.Add(middle);
        return [.. sorted];
    }
}
