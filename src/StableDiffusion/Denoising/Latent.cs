using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// A picture in the autoencoder's compressed space: four channels at an eighth of the picture's width and height,
/// scaled to about unit variance. Noisy at first, clean when the denoising is done.
/// </summary>
public sealed class Latent : GeneratedObject
{
    /// <summary>Makes a latent of a clean picture, such as one that was computed or read from a file.</summary>
    /// <param name="tensor">The values, [1, channels, height, width].</param>
    /// <param name="info">What made it.</param>
    /// <exception cref="ShapeMismatchException">The shape is not that of one latent.</exception>
    /// <exception cref="NotFiniteException">A value is NaN or infinite.</exception>
    public Latent(Tensor tensor, GenerationInfo info)
        : this(tensor, info, step: 0, stepCount: 0)
    {
    }

    internal Latent(Tensor tensor, GenerationInfo info, int step, int stepCount)
        : base(info)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentNullException.ThrowIfNull(info);
        if (!tensor.HasShape(1, -1, -1, -1))
            throw new ShapeMismatchException($"A latent has the shape [1, channels, height, width], not {tensor}.");

        Tensor = tensor;
        CheckFinite();
        Step = step;
        StepCount = stepCount;
    }

    /// <summary>The values, [1, channels, height, width].</summary>
    public Tensor Tensor { get; }

    /// <summary>How many steps it has been through; 0 for a latent that was encoded from a picture.</summary>
    public int Step { get; }

    /// <summary>How many steps the denoising has in all; 0 where there was none.</summary>
    public int StepCount { get; }

    /// <summary>Whether nothing is left to denoise, so that it can be decoded into a clean picture.</summary>
    public bool IsComplete => Step == StepCount;

    /// <inheritdoc cref="GenerationSettings.Width"/>
    public int? Width => Info.Width;

    /// <inheritdoc cref="GenerationSettings.Height"/>
    public int? Height => Info.Height;

    /// <summary>Where the next random number of its seed comes from, if its making drew any.</summary>
    internal INoiseSource? Noise { get; init; }

    /// <summary>The picture that it was encoded from, [1, 3, height, width] in -1..1, where it was: inpainting models look at the picture itself.</summary>
    internal Tensor? SourcePixels { get; init; }

    /// <summary>The middle of that picture's distribution in the autoencoder's own space: models that edit pictures look at it.</summary>
    internal Tensor? SourceMean { get; init; }

    /// <summary>What a denoising that was stopped half way needs to go on, if it was.</summary>
    internal DenoiseState? State { get; init; }

    /// <summary>Refuses values that are not finite; they are the latent's own array, which its holder may have written to.</summary>
    /// <exception cref="NotFiniteException">A value is NaN or infinite.</exception>
    internal void CheckFinite()
    {
        if (!Tensor.IsFinite())
            throw new NotFiniteException("The latent holds a value that is NaN or infinite. Make it again; if it comes back, the model or the precision is at fault.");
    }

    /// <summary>The latent in short.</summary>
    /// <returns>Its shape and step.</returns>
    public override string ToString() => $"{Tensor} step {Step} of {StepCount}";
}
