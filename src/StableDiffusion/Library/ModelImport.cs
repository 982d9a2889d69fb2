using StableDiffusion.Quantization;
using StableDiffusion.Running;

namespace StableDiffusion.Library;

/// <summary>The result of an import.</summary>
public sealed record ModelImport
{
    /// <summary>The name of the model in the store.</summary>
    public required string Name { get; init; }

    /// <summary>The model.</summary>
    public required ModelInfo Model { get; init; }

    /// <summary>The full path of the imported file or folder.</summary>
    public required string Source { get; init; }

    /// <summary>The size of the source in bytes.</summary>
    public required long SourceLength { get; init; }

    /// <summary>The family, such as <c>StableDiffusionXL</c>.</summary>
    public string? Family => Model.Family;

    /// <summary>The variant of the U-Net by its extra inputs: <c>TextToImage</c>, <c>Inpainting</c> or <c>InstructPix2Pix</c>; null if unknown.</summary>
    public string? Variant { get; init; }

    /// <summary>What the U-Net predicts: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>.</summary>
    public string PredictionType => Model.PredictionType;

    /// <summary>The size of the result in bytes.</summary>
    public long Length => Model.Length;

    /// <summary>Whether the same content already existed, and only the name is new.</summary>
    public required bool WasThere { get; init; }

    /// <summary>The time that the import took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The difference of its images from those in full precision, and their speed; null if they were not compared.</summary>
    public PrecisionComparison? Comparison { get; init; }

    /// <summary>The findings about the source: ignored weights, assumptions, and harmless damage.</summary>
    public IReadOnlyList<string> Findings { get; init; } = [];
}
