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
