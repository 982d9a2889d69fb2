namespace StableDiffusion.Onnx.Checks;

/// <summary>What is known of a graph that was checked.</summary>
/// <param name="WeightFiles">The files with its weights, by their paths from the graph's folder with <c>/</c> between the parts; none if it holds all weights itself.</param>
/// <param name="WeightBytes">The length of these files together, in bytes.</param>
/// <param name="IsQuantized">Whether it computes with integers.</param>
internal sealed record CheckedGraph(IReadOnlyCollection<string> WeightFiles, long WeightBytes, bool IsQuantized)
{
    // From this size on, packing takes longer than it saves in an image, and as much memory again.
    private const long SmallestUnpacked = 256L << 20;

    /// <summary>
    /// Whether the processor's operators copy their weights into a layout of their own when the graph is opened. Products of large
    /// matrices need it only if they are of integers: the others spend a few thousandths of a step on it. Sums are then taken in
    /// another order, so that it must not depend on how a graph is opened.
    /// </summary>
    public bool PacksWeights => IsQuantized || WeightBytes < SmallestUnpacked;
}
