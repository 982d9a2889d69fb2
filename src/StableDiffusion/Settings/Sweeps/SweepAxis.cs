namespace StableDiffusion.Settings.Sweeps;

/// <summary>A setting of a sweep, and its values.</summary>
/// <param name="Name">The setting's name.</param>
/// <param name="Values">The values, one or more; null is the default.</param>
internal sealed record SweepAxis(string Name, IReadOnlyList<object?> Values)
{
    /// <summary>What it costs to go from one value to the next: 2 where a model is opened, 1 where another network or other weights are, else 0.</summary>
    public int Cost => Name switch
    {
        nameof(GenerationSettings.Model) or nameof(GenerationSettings.Refiner) => 2,
        nameof(GenerationSettings.Lora) or nameof(GenerationSettings.TextualInversion) or nameof(GenerationSettings.Vae) or nameof(GeneratedObject.ControlNet) or nameof(GeneratedObject.Detailer) or nameof(GeneratedObject.HiresUpscaler) => 1,
        _ => 0,
    };
}
