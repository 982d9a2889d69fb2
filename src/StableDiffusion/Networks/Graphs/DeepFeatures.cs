using System.Globalization;

namespace StableDiffusion.Networks.Graphs;

/// <summary>
/// The feature maps that the outer layers of a U-Net take from the inner ones, [batch, channels, height, width] of the latent.
/// They change little from step to step, so that a step can use those of an earlier one (DeepCache: Ma et al., arXiv 2312.00858).
/// </summary>
internal static class DeepFeatures
{
    /// <summary>The most branches that there are graphs for: the layers of the last up block of Stable Diffusion.</summary>
    public const int MostBranches = 3;

    /// <summary>The name of the input of the graph of the outer layers.</summary>
    public const string Input = "deep_features";

    /// <summary>The name of the whole graph's output for a branch.</summary>
    /// <param name="branch">The branch, from 0.</param>
    public static string Output(int branch) => $"{Input}_{branch.ToString(CultureInfo.InvariantCulture)}";
}
