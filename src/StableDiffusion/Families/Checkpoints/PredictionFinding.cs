using StableDiffusion.Sampling;
using StableDiffusion.Tensors;

namespace StableDiffusion.Families.Checkpoints;

/// <summary>What the model in a file predicts, and how that is known. No weight has a shape that shows it.</summary>
/// <param name="Type">What it predicts.</param>
/// <param name="Reason">The evidence.</param>
/// <param name="Assumed">Whether it is only likely.</param>
internal sealed record PredictionFinding(PredictionType Type, string Reason, bool Assumed)
{
    // An empty tensor of this name marks such models, for tools that check nothing else.
    private const string VelocityMark = "v_pred";

    // The keys of Stability AI's ModelSpec, which trainers write.
    private const string SpecKey = "modelspec.prediction_type";
    private const string ArchitectureKey = "modelspec.architecture";

    /// <summary>The name in scheduler configs.</summary>
    public string Name => PredictionTypes.NameOf(Type);

    /// <summary>Infers the prediction type, from the most to the least certain evidence: the caller's choice, the marker tensor, the file's metadata.</summary>
    /// <param name="file">The file.</param>
    /// <param name="asked">The caller's choice, or null.</param>
    /// <returns>The result; null if there is no evidence.</returns>
    /// <exception cref="InvalidSettingException">The caller's choice is not a prediction type of a model in a single file.</exception>
    public static PredictionFinding? Conclude(ITensorFile file, string? asked)
    {
        if (asked is not null)
        {
            return PredictionTypes.Find(asked) is PredictionType type and (PredictionType.Epsilon or PredictionType.Velocity)
                ? new PredictionFinding(type, "as asked for", Assumed: false)
                : throw new InvalidSettingException("PredictionType", $"'{asked}' is not what a model in a single file predicts. Use {PredictionTypes.NameOf(PredictionType.Epsilon)} or {PredictionTypes.NameOf(PredictionType.Velocity)}.");
        }

        return file.Tensors.ContainsKey(VelocityMark)
            ? new PredictionFinding(PredictionType.Velocity, $"the file is marked by a tensor '{VelocityMark}'", Assumed: false)
            : FromSpec(file.Metadata);
    }

    private static PredictionFinding? FromSpec(IReadOnlyDictionary<string, string> metadata)
    {
        PredictionType? type = metadata.GetValueOrDefault(SpecKey) switch
        {
            "epsilon" or "eps" => PredictionType.Epsilon,
            "v" or "v_prediction" or "v-prediction" => PredictionType.Velocity,
            _ => null,
        };
        if (type is PredictionType said)
            return new PredictionFinding(said, $"the file says so in '{SpecKey}'", Assumed: false);

        type = metadata.GetValueOrDefault(ArchitectureKey) switch
        {
            "stable-diffusion-v2-512" => PredictionType.Epsilon,
            "stable-diffusion-v2-768-v" => PredictionType.Velocity,
            _ => null,
        };
        return type is PredictionType named ? new PredictionFinding(named, $"the file says so in '{ArchitectureKey}'", Assumed: false) : null;
    }
}
