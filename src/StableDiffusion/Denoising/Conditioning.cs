using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

/// <summary>What a denoising is steered by: one embedding, or several that are summed, each of which may change on the way.</summary>
/// <param name="Parts">What is summed, at least one.</param>
internal sealed record Conditioning(IReadOnlyList<ConditioningPart> Parts)
{
    /// <summary>
    /// The sizes that SDXL's U-Net takes, in pixels: original height and width, top and left of the crop, target height
    /// and width; for the refiner the aesthetic score stands in place of the target's. Empty for other models.
    /// </summary>
    public float[] Sizes { get; init; } = [];

    /// <summary>One embedding all the way.</summary>
    public static Conditioning Of(TextVectors embedding) => new([new ConditioningPart(1, [(int.MaxValue, embedding)])]);
}

/// <summary>One of the embeddings that are summed.</summary>
/// <param name="Weight">What its difference to the negative prediction is multiplied by.</param>
/// <param name="Schedule">Embeddings, and the last step at which each is in force.</param>
internal sealed record ConditioningPart(double Weight, IReadOnlyList<(int UntilStep, TextVectors Embedding)> Schedule)
{
    /// <summary>The embedding in force.</summary>
    /// <param name="step">
    /// The step, from 0. As in A1111, whose schedules count from 1, the first entry holds for one step more than it says.
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
