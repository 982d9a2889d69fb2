using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>What a denoising is steered by: one embedding, or several that are summed, each of which may change on the way.</summary>
/// <param name="Parts">What is summed, at least one.</param>
internal sealed record Conditioning(IReadOnlyList<ConditioningPart> Parts)
{
    /// <summary>One embedding all the way.</summary>
    public static Conditioning Of(Tensor embedding) => new([new ConditioningPart(1, [(int.MaxValue, embedding)])]);
}
