using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>A ControlNet in a denoising.</summary>
/// <param name="Net">The ControlNet.</param>
/// <param name="Picture">What it looks at, [1, 3, height, width] in 0..1, as large as the picture that is made.</param>
/// <param name="Scale">What its answers are multiplied by.</param>
/// <param name="Start">The part of the steps before it takes effect, 0 to 1.</param>
/// <param name="End">The part of the steps after which it no longer does, 0 to 1.</param>
internal sealed record ControlCondition(ControlNet Net, Tensor Picture, double Scale, double Start, double End)
{
    /// <summary>Whether it takes effect in a step: one that lies within its part of the steps from end to end, as in diffusers.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">How many there are.</param>
    public bool IsActive(int step, int steps) => !((double)step / steps < Start || (double)(step + 1) / steps > End);
}
