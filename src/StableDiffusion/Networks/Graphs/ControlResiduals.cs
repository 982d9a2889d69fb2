using StableDiffusion.Onnx;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs;

/// <summary>The residuals that a ControlNet outputs and a U-Net adds to its own: their names, which are OnnxStack's, and their shapes.</summary>
internal static class ControlResiduals
{
    /// <summary>The residual of the mid block.</summary>
    public const string Middle = "mid_block_additional_residual";

    /// <summary>The residual of a skip connection.</summary>
    /// <param name="index">The index of the skip connection, in the order of the down blocks.</param>
    public static string Down(int index) => $"down_block_{index}_additional_residual";

    /// <summary>The axes of a residual.</summary>
    /// <param name="channels">The number of channels.</param>
    /// <param name="level">How often the latent's height and width are halved.</param>
    public static Dimension[] Shape(int channels, int level) => ["batch", channels, $"height_{level}", $"width_{level}"];

    /// <summary>Finds the residuals among a graph's inputs or outputs.</summary>
    /// <param name="session">The graph.</param>
    /// <param name="values">Its inputs or outputs, by name.</param>
    /// <returns>The residuals of the skip connections in order, then that of the mid block; empty if the graph has none.</returns>
    /// <exception cref="ModelInvalidException">One has not the shape of a residual.</exception>
    public static OnnxValueInfo[] Find(OnnxSession session, IReadOnlyDictionary<string, OnnxValueInfo> values)
    {
        List<OnnxValueInfo> found = [];
        while (values.TryGetValue(Down(found.Count), out OnnxValueInfo? down))
            found.Add(down);
        if (values.TryGetValue(Middle, out OnnxValueInfo? middle))
            found.Add(middle);
        return found.Find(static value => value.Rank != 4 || value.Dimensions[1] <= 0) is { } other
            ? throw new ModelInvalidException($"'{other.Name}' of the graph '{session.Path}' has not the shape of a residual, [batch, channels, height, width] with a fixed number of channels. Get another model.")
            : [.. found];
    }
}
