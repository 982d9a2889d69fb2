using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>A ControlNet for a denoising.</summary>
/// <param name="ControlNet">Its name, if the model was opened with a store of ControlNets, or the path of its folder or file.</param>
/// <param name="Image">The control image; it is resized to the size of the new image, and then preprocessed.</param>
public sealed record ControlOptions(string ControlNet, DiffusionImage Image)
{
    /// <summary>The preprocessor that is applied to the control image.</summary>
    public ControlPreprocessor Preprocessor { get; init; }

    /// <summary>The scale of its residuals, -10 to 10; 1 is the strength that it was trained with, 0 has no effect.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The part of the steps before it takes effect, 0 to 1.</summary>
    public double Start { get; init; }

    /// <summary>The part of the steps after which it no longer takes effect, 0 to 1.</summary>
    public double End { get; init; } = 1;
}
