using StableDiffusion.Images;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>How to denoise: the settings of the image, and where to begin and to end. Null means the model's own default.</summary>
public sealed record DenoiseOptions : GenerationSettings
{
    /// <summary>How far a given image is noised where <see cref="GenerationSettings.Strength"/> is null.</summary>
    public const double DefaultStrength = 0.8;

    /// <summary>The step to start at, 0 or more; the latent's own where it was stopped half way.</summary>
    public int? StartStep { get; init; }

    /// <summary>The step to stop before; the end where it is null.</summary>
    public int? StopStep { get; init; }

    /// <summary>What to paint anew of a given image: white is painted, black is kept; as large as the image.</summary>
    public MaskImage? Mask { get; init; }

    /// <summary>The ControlNets that steer besides the prompt; their residuals add up.</summary>
    public IReadOnlyList<ControlOptions> Controls { get; init; } = [];
}
