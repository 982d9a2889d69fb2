namespace StableDiffusion.Pipelines.Estimates;

/// <summary>Predictions of the U-Net, each of one latent or of one window of it.</summary>
/// <param name="Count">How many there are, those for negative prompts among them.</param>
/// <param name="Width">The width in pixels of what each one sees.</param>
/// <param name="Height">The height in pixels of what each one sees.</param>
internal readonly record struct UNetWork(long Count, int Width, int Height);
