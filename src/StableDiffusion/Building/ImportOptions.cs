namespace StableDiffusion.Building;

/// <summary>Options for importing a model; the defaults are those of the model's file.</summary>
public sealed record ImportOptions
{
    /// <summary>The full path of a file or folder with a VAE to use in place of the model's own.</summary>
    public string? Vae { get; init; }

    /// <summary>Whether the averaged (EMA) weights of the U-Net are used if a file has both.</summary>
    public bool PreferEma { get; init; }

    /// <summary>What the U-Net predicts, <c>epsilon</c> or <c>v_prediction</c>; null infers it from the file.</summary>
    public string? PredictionType { get; init; }

    /// <summary>The precision of the model's weights and computation.</summary>
    public ModelPrecision Precision { get; init; }
}
