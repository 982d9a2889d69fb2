namespace StableDiffusion.Detecting;

/// <summary>What is found in an image.</summary>
public sealed record DetectOptions
{
    /// <summary>The default lowest score, that of ADetailer.</summary>
    public const double DefaultConfidence = 0.3;

    /// <summary>The detector: a name in the store, the path of its file, or <see cref="Detecting.Detector.BuiltIn"/>.</summary>
    public string Detector { get; init; } = Detecting.Detector.BuiltIn;

    /// <summary>The lowest score of a region, 0 to 1.</summary>
    public double Confidence { get; init; } = DefaultConfidence;

    /// <summary>How the regions are sorted.</summary>
    public RegionOrder Order { get; init; } = RegionOrder.Confidence;

    /// <summary>How many of them are kept, the first ones; null for all.</summary>
    public int? First { get; init; }

    /// <summary>Says whether regions of a class, by its name, are kept; null for all.</summary>
    public Predicate<string>? Accepts { get; init; }

    /// <summary>Throws for settings that no image can be searched with.</summary>
    /// <exception cref="InvalidSettingException">A setting is out of range; the message names it.</exception>
    internal void Check()
    {
        if (!(Confidence is >= 0 and <= 1))
            throw new InvalidSettingException(nameof(Confidence), $"Confidence is {Confidence}, but must be from 0 to 1.");
        if (First < 1)
            throw new InvalidSettingException(nameof(First), $"First is {First}, but must be 1 or more.");
    }

    /// <summary>Sorts regions and keeps the first ones, with the rules of ADetailer (<c>adetailer/mask.py</c>). Equal ones stay in their order.</summary>
    /// <param name="regions">The regions, the highest score first.</param>
    internal IReadOnlyList<DetectedRegion> Select(IEnumerable<DetectedRegion> regions)
    {
        if (Accepts is not null)
            regions = regions.Where(region => Accepts(region.Label));
        regions = Order switch
        {
            RegionOrder.LeftToRight => regions.OrderBy(static region => region.X),
            RegionOrder.CenterToEdge => regions.OrderBy(static region => double.Hypot(region.X + (region.Width / 2.0) - (region.Image.Width / 2.0), region.Y + (region.Height / 2.0) - (region.Image.Height / 2.0))),
            RegionOrder.Area => regions.OrderByDescending(static region => region.Area),
            _ => regions,
        };
        return [.. First is int count ? regions.Take(count) : regions];
    }
}
