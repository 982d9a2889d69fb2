using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>A ControlNet in a denoising, with its settings.</summary>
/// <param name="Net">The ControlNet.</param>
/// <param name="Image">The control image, [1, 3, height, width] in 0..1, of the size of the image to make.</param>
/// <param name="Scale">The factor of its residuals.</param>
/// <param name="Start">The fraction of the steps before it becomes active, 0 to 1.</param>
/// <param name="End">The fraction of the steps after which it is no longer active, 0 to 1.</param>
internal sealed record ControlCondition(ControlNet Net, Tensor Image, double Scale, double Start, double End)
{
    /// <summary>Whether it is active in a step; as in diffusers, the whole step must be between start and end.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">The number of steps.</param>
    public bool IsActive(int step, int steps) => !((double)step / steps < Start || (double)(step + 1) / steps > End);
}
