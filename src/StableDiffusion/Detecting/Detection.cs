namespace StableDiffusion.Detecting;

/// <summary>A box that a network found, in pixels of the network's input.</summary>
/// <param name="Left">The left edge.</param>
/// <param name="Top">The top edge.</param>
/// <param name="Right">The right edge.</param>
/// <param name="Bottom">The bottom edge.</param>
/// <param name="Score">The score of its class, 0 to 1.</param>
/// <param name="Class">The class with the highest score.</param>
/// <param name="Anchor">Its index among all boxes of the network.</param>
internal readonly record struct Detection(float Left, float Top, float Right, float Bottom, float Score, int Class, int Anchor)
{
    /// <summary>The most boxes that are compared with each other, as in ultralytics.</summary>
    private const int MostCompared = 30_000;

    /// <summary>The most boxes that are found in an image, as in ultralytics.</summary>
    private const int MostFound = 300;

    /// <summary>Keeps of boxes of one class that overlap only the one with the highest score. Source: torchvision's <c>batched_nms</c>.</summary>
    /// <param name="boxes">The boxes.</param>
    /// <param name="overlap">The intersection over the union above which a box is dropped.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The boxes that are left, the highest score first.</returns>
    public static List<Detection> Suppress(IEnumerable<Detection> boxes, float overlap, CancellationToken cancellationToken = default)
    {
        List<Detection> kept = [];
        foreach (Detection box in boxes.OrderByDescending(static box => box.Score).Take(MostCompared))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (kept.Count == MostFound)
                break;
            if (!kept.Exists(other => other.Class == box.Class && box.Overlap(other) > overlap))
                kept.Add(box);
        }

        return kept;
    }

    /// <summary>The intersection over the union with another box.</summary>
    private float Overlap(Detection other)
    {
        float width = MathF.Max(MathF.Min(Right, other.Right) - MathF.Max(Left, other.Left), 0), height = MathF.Max(MathF.Min(Bottom, other.Bottom) - MathF.Max(Top, other.Top), 0);
        float shared = width * height;
        return shared / (((Right - Left) * (Bottom - Top)) + ((other.Right - other.Left) * (other.Bottom - other.Top)) - shared);
    }
}
