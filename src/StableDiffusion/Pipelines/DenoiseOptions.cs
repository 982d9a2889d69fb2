using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>The options of a denoising: the settings of the image, and the steps to start and stop at. Null means the model's default.</summary>
public sealed record DenoiseOptions : GenerationSettings
{
    /// <summary>The strength if <see cref="GenerationSettings.Strength"/> is null: how much noise is added to an image to start from.</summary>
    public const double DefaultStrength = 0.8;

    /// <summary>The step to start at, 0 or more; null starts where the denoising of the latent was stopped, or at the step that follows from the strength.</summary>
    public int? StartStep { get; init; }

    /// <summary>
    /// The part of the denoising that another model has done, 0 to 1, as diffusers' <c>denoising_start</c>: the latent is taken as it
    /// is, and the steps of this model's own schedule are run whose timesteps are below that level of noise. Null for none.
    /// </summary>
    public double? DenoisingStart { get; init; }

    /// <summary>The step to stop before; null means the end.</summary>
    public int? StopStep { get; init; }

    /// <summary>The mask of the image to start from: white is repainted, black is kept. It has the size of the image.</summary>
    public MaskImage? Mask { get; init; }

    /// <summary>The ControlNets to apply; their residuals are added.</summary>
    public IReadOnlyList<ControlOptions> Controls { get; init; } = [];

    /// <summary>The cross-attention to keep, which changes nothing of the image; null for none.</summary>
    public AttentionOptions? Attention { get; init; }
}

/// <summary>Which cross-attention of a denoising is kept: that of the predictions for the prompt.</summary>
public sealed record AttentionOptions
{
    /// <summary>The names of the layers, in which <c>*</c> and <c>?</c> stand for any letters; empty for all.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>The steps, from 1 for the first of the whole schedule; empty for all.</summary>
    public IReadOnlyList<int> Steps { get; init; } = [];

    /// <summary>Whether each head is kept, and not only their mean.</summary>
    public bool KeepsHeads { get; init; }
}
