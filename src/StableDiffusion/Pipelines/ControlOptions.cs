using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>A ControlNet that is to steer a denoising.</summary>
/// <param name="ControlNet">Its name, where the model was opened with those that are known by name, or the path of its folder or file.</param>
/// <param name="Image">The picture that it looks at; brought to the size of the picture that is made, and then preprocessed.</param>
public sealed record ControlOptions(string ControlNet, DiffusionImage Image)
{
    /// <summary>What is made of the picture first.</summary>
    public ControlPreprocessor Preprocessor { get; init; }

    /// <summary>How strongly it steers, -10 to 10; 1 as it was trained, 0 not at all.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The part of the steps before it takes effect, 0 to 1.</summary>
    public double Start { get; init; }

    /// <summary>The part of the steps after which it no longer does, 0 to 1.</summary>
    public double End { get; init; } = 1;
}
