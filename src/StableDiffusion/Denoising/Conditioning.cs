using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>The text conditioning of a denoising: one embedding, or several that are summed; each may change between steps.</summary>
/// <param name="Parts">The parts to sum, at least one.</param>
internal sealed record Conditioning(IReadOnlyList<ConditioningPart> Parts)
{
    /// <summary>
    /// The sizes for SDXL's U-Net, in pixels: original height and width, top and left of the crop, target height and width; for
    /// the refiner, the aesthetic score in place of the target size. Empty for other models.
    /// </summary>
    public float[] Sizes { get; init; } = [];

    /// <summary>Creates a conditioning of one embedding for all steps.</summary>
    public static Conditioning Of(TextVectors embedding) => new([new ConditioningPart(1, [(int.MaxValue, embedding)])]);
}

/// <summary>One of the parts of a conditioning.</summary>
/// <param name="Weight">The factor of the difference between its prediction and the negative one.</param>
/// <param name="Schedule">The embeddings, each with the last step at which it is used.</param>
internal sealed record ConditioningPart(double Weight, IReadOnlyList<(int UntilStep, TextVectors Embedding)> Schedule)
{
    /// <summary>Returns the embedding for a step.</summary>
    /// <param name="step">
    /// The step, from 0. As in A1111, whose schedules count from 1, the first entry is used for one step more than it says.
    /// </param>
    public TextVectors At(int step)
    {
        foreach ((int untilStep, TextVectors embedding) in Schedule)
        {
            if (step <= untilStep)
                return embedding;
        }

        return Schedule[0].Embedding;
    }
}
