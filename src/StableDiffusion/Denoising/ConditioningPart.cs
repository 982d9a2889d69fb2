using StableDiffusion.Text;

namespace StableDiffusion.Denoising;

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
