using StableDiffusion.Tensors;

namespace StableDiffusion.Families;

/// <summary>What a U-Net predicts: the noise, or the velocity between picture and noise. No weight has a shape that tells.</summary>
/// <param name="Name">The name that schedulers know it by.</param>
/// <param name="Reason">What it was concluded from.</param>
/// <param name="Assumed">Whether that is not more than likely.</param>
internal sealed record PredictionType(string Name, string Reason, bool Assumed)
{
    /// <summary>The name of noise as the prediction.</summary>
    public const string Epsilon = "epsilon";

    /// <summary>The name of velocity as the prediction (Salimans and Ho, 2022).</summary>
    public const string Velocity = "v_prediction";

    // An empty tensor of this name is how makers of such models mark them, for tools that look at nothing else.
    private const string VelocityMark = "v_pred";

    // The keys of Stability AI's ModelSpec, which trainers write.
    private const string SpecKey = "modelspec.prediction_type";
    private const string ArchitectureKey = "modelspec.architecture";

    // PyTorch's files count the steps of the training; this many made the base model for 512 pixels.
    private const string StepsKey = "global_step";
    private const string StepsOfBase = "875000";

    /// <summary>
    /// Concludes it, from the surest sign to the weakest: what the caller says; the mark; the maker's words in the
    /// file; the family. Stable Diffusion 2 was published both ways: the inpainting model and those for 512 pixels
    /// predict noise, those for 768 velocity. Like diffusers this takes the latter where nothing is said, unless the
    /// file goes by a name of the former.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="family">The family of the model in it.</param>
    /// <param name="variant">What the model takes beside the noise.</param>
    /// <param name="asked">What the caller says it is, or null.</param>
    /// <returns>The conclusion.</returns>
    /// <exception cref="InvalidSettingException">The caller names no prediction type.</exception>
    public static PredictionType Conclude(ITensorFile file, ModelFamily family, ModelVariant variant, string? asked)
    {
        if (asked is not null)
        {
            return asked is Epsilon or Velocity
                ? new PredictionType(asked, "as asked for", Assumed: false)
                : throw new InvalidSettingException("PredictionType", $"'{asked}' is not what a model in a single file predicts. Use {Epsilon} or {Velocity}.");
        }

        if (file.Tensors.ContainsKey(VelocityMark))
            return new PredictionType(Velocity, $"the file is marked by a tensor '{VelocityMark}'", Assumed: false);

        if (FromSpec(file.Metadata) is { } spec)
            return spec;

        if (family != ModelFamily.StableDiffusion2)
            return new PredictionType(Epsilon, "as nearly all models of the family", Assumed: false);
        if (variant == ModelVariant.Inpainting)
            return new PredictionType(Epsilon, "as the published inpainting model", Assumed: true);
        if (file.Metadata.GetValueOrDefault(StepsKey) == StepsOfBase)
            return new PredictionType(Epsilon, $"the file says '{StepsKey}' {StepsOfBase}, as the published base model does", Assumed: true);

        string? sign = FileWords.In(file.Path).FirstOrDefault(static word => word is "512" or "base" or "turbo");
        return sign is null
            ? new PredictionType(Velocity, "the file does not say, and the models for 768 pixels do", Assumed: true)
            : new PredictionType(Epsilon, $"the file does not say, and the '{sign}' in its name stands for models that do", Assumed: true);
    }

    private static PredictionType? FromSpec(IReadOnlyDictionary<string, string> metadata)
    {
        string? name = metadata.GetValueOrDefault(SpecKey) switch
        {
            "epsilon" or "eps" => Epsilon,
            "v" or "v_prediction" or "v-prediction" => Velocity,
            _ => null,
        };
        if (name is not null)
            return new PredictionType(name, $"the file says so in '{SpecKey}'", Assumed: false);

        name = metadata.GetValueOrDefault(ArchitectureKey) switch
        {
            "stable-diffusion-v2-512" => Epsilon,
            "stable-diffusion-v2-768-v" => Velocity,
            _ => null,
        };
        return name is null ? null : new PredictionType(name, $"the file says so in '{ArchitectureKey}'", Assumed: false);
    }
}
