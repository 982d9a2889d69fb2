namespace StableDiffusion.Building;

/// <summary>How a model is imported; what is left out is as the model's file says.</summary>
public sealed record ImportOptions
{
    /// <summary>The full path of a file with an autoencoder, or of an autoencoder's folder, to take in place of the model's own.</summary>
    public string? Vae { get; init; }

    /// <summary>Whether averaged (EMA) weights of the U-Net are taken where a file holds both.</summary>
    public bool PreferEma { get; init; }

    /// <summary>What the U-Net predicts, <c>epsilon</c> or <c>v_prediction</c>; null concludes it from the file.</summary>
    public string? PredictionType { get; init; }

    /// <summary>In which numbers the model is kept and computed.</summary>
    public ModelPrecision Precision { get; init; }
}
