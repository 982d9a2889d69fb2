namespace StableDiffusion.Storage;

/// <summary>The stage of a model's build.</summary>
internal enum BuildStage
{
    /// <summary>Reading the source's files to find out whether they were built before.</summary>
    Hashing,

    /// <summary>Writing the graphs.</summary>
    Writing,

    /// <summary>Running the U-Net to find the ranges of its values.</summary>
    Calibrating,
}

/// <summary>The progress of a model's build.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Part">The current file or part of the model.</param>
/// <param name="Done">The processed bytes of the stage.</param>
/// <param name="Total">The total bytes of the stage.</param>
internal readonly record struct BuildProgress(BuildStage Stage, string Part, long Done, long Total)
{
    /// <summary>The finished part of the stage, 0 to 1.</summary>
    public double Fraction => Total == 0 ? 1 : (double)Done / Total;
}
