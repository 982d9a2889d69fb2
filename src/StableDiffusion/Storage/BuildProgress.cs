namespace StableDiffusion.Storage;

/// <summary>What a model's build does at the moment.</summary>
internal enum BuildStage
{
    /// <summary>The source's files are read to learn whether they were built before.</summary>
    Hashing,

    /// <summary>The graphs are written.</summary>
    Writing,

    /// <summary>The U-Net is tried, to find the ranges of its values.</summary>
    Calibrating,
}

/// <summary>How far a model's build has come.</summary>
/// <param name="Stage">What it does.</param>
/// <param name="Part">The file or the part of the model that it works on.</param>
/// <param name="Done">How many bytes of the stage are done.</param>
/// <param name="Total">How many bytes the stage has.</param>
internal readonly record struct BuildProgress(BuildStage Stage, string Part, long Done, long Total)
{
    /// <summary>How much of the stage is done, 0 to 1.</summary>
    public double Fraction => Total == 0 ? 1 : (double)Done / Total;
}
