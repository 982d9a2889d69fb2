using StableDiffusion.Images;
using StableDiffusion.Noise;
using StableDiffusion.Settings;

namespace StableDiffusion.Pipelines;

/// <summary>How to denoise; what is null takes the model's own default.</summary>
public sealed record DenoiseOptions
{
    /// <summary>How far a given image is noised where <see cref="Strength"/> is null.</summary>
    public const double DefaultStrength = 0.8;

    /// <summary>The seed of the noise, 0 or more; drawn at random where it is null. The same seed and options give the same picture.</summary>
    public long? Seed { get; init; }

    /// <summary>What is made of the seed besides the plain noise.</summary>
    public NoiseOptions Noise { get; init; } = new();

    /// <summary>How many steps, 1 to 1000.</summary>
    public int? Steps { get; init; }

    /// <summary>The scheduler's name, any that <see cref="Sampling.SchedulerCatalog"/> knows.</summary>
    public string? Scheduler { get; init; }

    /// <summary>Options of the scheduler by name, over those of the model.</summary>
    public IReadOnlyDictionary<string, object?>? SchedulerOptions { get; init; }

    /// <summary>How strongly the prompt is followed, 0 to 100; at 1 or less the negative prompt has no part.</summary>
    public double? GuidanceScale { get; init; }

    /// <summary>How strongly the given picture is followed by a model that edits pictures by instructions, 0 to 100; 1.5 where it is null.</summary>
    public double? ImageGuidanceScale { get; init; }

    /// <summary>How far the guided prediction's deviation is drawn back to the unguided one's, 0 to 1.</summary>
    public double GuidanceRescale { get; init; }

    /// <summary>How far a given clean latent is noised before denoising, above 0 and up to 1.</summary>
    public double? Strength { get; init; }

    /// <summary>The picture's width in pixels, a multiple of 8; taken from the latent where one is given.</summary>
    public int? Width { get; init; }

    /// <summary>The picture's height in pixels, a multiple of 8; taken from the latent where one is given.</summary>
    public int? Height { get; init; }

    /// <summary>What SDXL is told of the picture's size besides.</summary>
    public MicroConditioning MicroConditioning { get; init; } = new();

    /// <summary>The step to start at, 0 or more; the latent's own where it was stopped half way.</summary>
    public int? StartStep { get; init; }

    /// <summary>The step to stop before; the end where it is null.</summary>
    public int? StopStep { get; init; }

    /// <summary>What to paint anew of a given picture: white is painted, black is kept; as large as the picture.</summary>
    public MaskImage? Mask { get; init; }

    /// <summary>The ControlNets that steer besides the prompt; their answers add up.</summary>
    public IReadOnlyList<ControlOptions> Controls { get; init; } = [];
}
