namespace StableDiffusion.Building;

/// <summary>The activities of a model's build, as its progress names them.</summary>
internal static class BuildActivity
{
    /// <summary>The source's files are read to learn whether they were built before.</summary>
    public const string Hashing = "Reading the model";

    /// <summary>The graphs are written.</summary>
    public const string Writing = "Writing the model's graphs";

    /// <summary>The U-Net is run to find the ranges of its values.</summary>
    public const string Calibrating = "Calibrating the ranges of the integers";
}
