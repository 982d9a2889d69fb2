namespace StableDiffusion.Comparison;

/// <summary>What the comparison of two images says in a word.</summary>
public enum ComparisonVerdict
{
    /// <summary>The pixels are equal, and no setting is known to differ.</summary>
    Equal,

    /// <summary>The pixels are equal, although they were made with other settings.</summary>
    EqualPixels,

    /// <summary>The settings are the same, but the pixels differ: something that the settings do not hold differs, such as the device, the precision or a version.</summary>
    OtherPixels,

    /// <summary>The pixels differ, and so do the settings.</summary>
    OtherSettings,

    /// <summary>The sizes differ, so the pixels were not compared.</summary>
    OtherSize,

    /// <summary>The pixels differ, and at least one of the images does not say how it was made.</summary>
    NoRecord,
}
