namespace StableDiffusion.Onnx.Checks;

/// <summary>What is known of a graph that was checked.</summary>
/// <param name="WeightFiles">The files with its weights, by their paths from the graph's folder with <c>/</c> between the parts; none if it holds all weights itself.</param>
/// <param name="WeightBytes">The length of these files together, in bytes.</param>
/// <param name="IsQuantized">Whether it computes with integers.</param>
internal sealed record CheckedGraph(IReadOnlyCollection<string> WeightFiles, long WeightBytes, bool IsQuantized)
{
    // From this size on, packing takes longer than it saves in an image, and as much memory again.
    private const long SmallestUnpacked = 256L << 20;

    // Still larger ones, such as the U-Net of Stable Diffusion XL, are nearly all products of matrices with few rows.
    private const long LargestUnpacked = 4L << 30;

    /// <summary>
    /// Whether the processor's operators copy their weights into a layout of their own when the graph is opened, rather than in each
    /// run. For integers, and for the U-Net of Stable Diffusion XL, runs would take 3 to 10 percent longer otherwise; that of Stable
    /// Diffusion 1.5 takes about a percent longer and opens in a tenth of the time. Sums are taken in another order, so that it must
    /// not depend on how a graph is opened.
    /// </summary>
    public bool PacksWeights => IsQuantized || WeightBytes is < SmallestUnpacked or > LargestUnpacked;
}
