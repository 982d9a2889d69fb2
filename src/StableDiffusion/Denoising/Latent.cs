using StableDiffusion.Denoising.CrossAttention;
using StableDiffusion.Denoising.Masks;
using StableDiffusion.Noise;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;

namespace StableDiffusion.Denoising;

/// <summary>
/// An image in the latent space of the autoencoder: four channels at an eighth of the image's width and height, scaled to about
/// unit variance. Noisy at first, clean when the denoising is complete.
/// </summary>
public sealed class Latent : GeneratedObject
{
    // The autoencoders of all families divide sides by it.
    private const int UsualFactor = 8;

    /// <summary>Creates a latent of a clean image, for example one that was computed or read from a file.</summary>
    /// <param name="tensor">The values, [1, channels, height, width].</param>
    /// <param name="info">The settings that it was made with.</param>
    /// <exception cref="ShapeMismatchException">The shape is not that of one latent.</exception>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
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

    /// <summary>The number of steps done; 0 for a latent that was encoded from an image.</summary>
    public int Step { get; }

    /// <summary>The total number of steps of the denoising; 0 if there was none.</summary>
    public int StepCount { get; }

    /// <summary>Whether the denoising is complete, so that it can be decoded to a clean image.</summary>
    public bool IsComplete => Step == StepCount;

    /// <inheritdoc cref="GenerationSettings.Width"/>
    public int? Width => Info.Width;

    /// <inheritdoc cref="GenerationSettings.Height"/>
    public int? Height => Info.Height;

    /// <summary>The number of image pixels for each cell, along a side.</summary>
    internal int Factor => Width is int width && width % Tensor.Shape[3] == 0 ? width / Tensor.Shape[3] : UsualFactor;

    /// <summary>The full path of the file that it was read from or last written to; null if there is none.</summary>
    public string? Path { get; internal set; }

    /// <summary>The cross-attention of its denoising up to here, as far as it was kept; null if it was not. It is kept in memory only.</summary>
    public KeptAttention? Attention { get; internal init; }

    /// <summary>The model that made it; null if unknown.</summary>
    internal ModelMark? Maker { get; init; }

    /// <summary>The generator of its seed after the numbers drawn so far; null if none were drawn.</summary>
    internal INoiseSource? Noise { get; init; }

    /// <summary>The image that it was encoded from, [1, 3, height, width] in -1..1, which inpainting models need; null if there is none.</summary>
    internal Tensor? SourcePixels { get; init; }

    /// <summary>The unscaled mean of that image's latent distribution, which models that edit images need; null if there is none.</summary>
    internal Tensor? SourceMean { get; init; }

    /// <summary>The state of a denoising that was stopped, to continue it; null if it is complete.</summary>
    internal DenoiseState? State { get; init; }

    /// <summary>Finds the mask by which the image that it started from is pasted back; null if that is the mask of the request.</summary>
    internal AdaptiveMask? Overlay { get; init; }

    /// <inheritdoc/>
    internal override GenerationInfo Recorded => Record<float>(Info.Stages?.Output, Tensor.Span);

    /// <summary>Makes maps of its cross-attention.</summary>
    /// <param name="query">What is asked for.</param>
    /// <returns>The maps.</returns>
    /// <exception cref="InvalidSettingException">The attention was not kept, or not what is asked for.</exception>
    public IReadOnlyList<AttentionMap> FindAttention(AttentionQuery query)
    {
        if (Attention is null)
            throw new InvalidSettingException(nameof(Attention), "The latent has no attention. Denoise it with Attention. Files and copies of latents do not have it, nor do resized latents.");
        return Attention.Find(query, Tensor.Shape[3] * Factor, Tensor.Shape[2] * Factor);
    }

    /// <summary>The stages that made the values as they are now.</summary>
    internal StageList Origin() => StageList.Of<float>(Info.Stages, Tensor.Span);

    /// <summary>The same latent for a model that has another name or path now.</summary>
    /// <param name="model">The name or path.</param>
    internal Latent ForModel(string model) => With(Info with { Model = model }, Maker is null ? null : Maker with { Name = model });

    /// <summary>The same latent with another record.</summary>
    /// <param name="info">The settings.</param>
    /// <param name="maker">The model that made it; null if unknown.</param>
    internal Latent With(GenerationInfo info, ModelMark? maker) => new(Tensor, info, Step, StepCount)
    {
        Path = Path,
        Maker = maker,
        Noise = Noise,
        SourcePixels = SourcePixels,
        SourceMean = SourceMean,
        State = State,
        Overlay = Overlay,
        Attention = Attention,
    };

    /// <summary>Checks that the values are finite; the caller may have written to the array.</summary>
    /// <exception cref="NotFiniteException">A value is NaN, infinite, or far beyond those of models.</exception>
    internal void CheckFinite()
    {
        if (Tensor.FindUnusable() is string fault)
            throw new NotFiniteException($"The latent has a value that is {fault}. Make it again; if the error persists, the model or its precision is at fault.");
    }

    /// <summary>The latent as text.</summary>
    /// <returns>The shape and the step.</returns>
    public override string ToString() => $"{Tensor} step {Step} of {StepCount}";
}
