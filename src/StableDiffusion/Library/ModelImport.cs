using StableDiffusion.Quantization;
using StableDiffusion.Running;

namespace StableDiffusion.Library;

/// <summary>What an import did.</summary>
public sealed record ModelImport
{
    /// <summary>The name to ask for the model by.</summary>
    public required string Name { get; init; }

    /// <summary>The model.</summary>
    public required ModelInfo Model { get; init; }

    /// <summary>The full path of the file or folder that it was made of.</summary>
    public required string Source { get; init; }

    /// <summary>How many bytes the source has.</summary>
    public required long SourceLength { get; init; }

    /// <summary>The family, such as <c>StableDiffusionXL</c>.</summary>
    public string? Family => Model.Family;

    /// <summary>What the U-Net takes besides the noise: <c>TextToImage</c>, <c>Inpainting</c> or <c>InstructPix2Pix</c>; null where the source does not say.</summary>
    public string? Variant { get; init; }

    /// <summary>What the U-Net predicts: <c>epsilon</c>, <c>v_prediction</c> or <c>sample</c>.</summary>
    public string PredictionType => Model.PredictionType;

    /// <summary>How many bytes the result takes.</summary>
    public long Length => Model.Length;

    /// <summary>Whether the same content was there already, and only the name is new.</summary>
    public required bool WasThere { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>How far its images are from those in full precision, and how fast they are made; null where that was not tried.</summary>
    public PrecisionComparison? Comparison { get; init; }

    /// <summary>What is worth telling of the source: weights left out, guesses, damage that does not matter.</summary>
    public IReadOnlyList<string> Findings { get; init; } = [];
}
