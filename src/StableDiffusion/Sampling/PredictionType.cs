namespace StableDiffusion.Sampling;

/// <summary>What a model was trained to predict from a noisy sample.</summary>
public enum PredictionType
{
    /// <summary>The noise.</summary>
    Epsilon,

    /// <summary>The clean sample.</summary>
    Sample,

    /// <summary>The velocity, a mixture of noise and clean sample (Salimans and Ho, arXiv 2202.00512).</summary>
    Velocity,

    /// <summary>The flow from the clean sample to the noise.</summary>
    Flow,
}

/// <summary>The names that configs and options have for prediction types.</summary>
internal static class PredictionTypes
{
    private static readonly (PredictionType Type, string Name)[] s_names =
    [
        (PredictionType.Epsilon, "epsilon"), (PredictionType.Sample, "sample"), (PredictionType.Velocity, "v_prediction"), (PredictionType.Flow, "flow_prediction"),
    ];

    /// <summary>The name of the option of schedulers, and of the key of their configs.</summary>
    internal const string OptionName = "prediction_type";

    /// <summary>The name of a prediction type.</summary>
    /// <param name="type">The prediction type.</param>
    /// <returns>Diffusers' name, such as <c>v_prediction</c>.</returns>
    public static string NameOf(PredictionType type) => s_names.First(entry => entry.Type == type).Name;

    /// <summary>Finds a prediction type.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The prediction type; null if none has the name.</returns>
    public static PredictionType? Find(string? name) => s_names.Where(entry => entry.Name == name).Select(static entry => (PredictionType?)entry.Type).FirstOrDefault();
}
