using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Networks.Graphs;

/// <summary>What a ControlNet gives and a U-Net takes: the names and shapes of the pictures that are added to the U-Net's own.</summary>
internal static class ControlResidual
{
    /// <summary>What is added to what the middle gives.</summary>
    public const string Middle = "mid_block_additional_residual";

    /// <summary>What is added to a picture that the way down leaves for the way up.</summary>
    /// <param name="index">Which, in the order in which they are left.</param>
    public static string Down(int index) => $"down_block_{index}_additional_residual";

    /// <summary>The axes of a residual.</summary>
    /// <param name="channels">Its channels.</param>
    /// <param name="level">How often it was halved.</param>
    public static Dimension[] Shape(int channels, int level) => ["batch", channels, $"height_{level}", $"width_{level}"];
}
