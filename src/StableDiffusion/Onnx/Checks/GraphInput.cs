namespace StableDiffusion.Onnx.Checks;

/// <summary>An input that a part of a model must have.</summary>
/// <param name="Name">Its name in the graph.</param>
/// <param name="Axes">The number of its axes; null for any.</param>
internal readonly record struct GraphInput(string Name, int? Axes = null)
{
    /// <summary>The timestep of what runs in each step of a denoising, such as a U-Net.</summary>
    public static GraphInput Timestep { get; } = new("timestep");

    public static implicit operator GraphInput(string name) => new(name);
}
