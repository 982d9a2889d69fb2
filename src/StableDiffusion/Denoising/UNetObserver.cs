namespace StableDiffusion.Denoising;

/// <summary>Looks at values inside a U-Net whose graph has outputs for them.</summary>
/// <param name="Outputs">The names of the outputs.</param>
/// <param name="Note">Receives each output's name and values after every prediction; the memory is used again.</param>
internal sealed record UNetObserver(IReadOnlyList<string> Outputs, Action<string, float[]> Note);
