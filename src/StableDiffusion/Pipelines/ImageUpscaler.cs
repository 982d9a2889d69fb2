using StableDiffusion.Images;
using StableDiffusion.Storage;
using StableDiffusion.Upscaling;

namespace StableDiffusion.Pipelines;

/// <summary>Enlarges an image.</summary>
/// <param name="image">The image; it is not changed.</param>
/// <param name="options">The upscaler and the size.</param>
/// <param name="progress">Receives the progress.</param>
/// <param name="cancellationToken">Cancels it.</param>
/// <returns>The new image, with one more stage.</returns>
/// <exception cref="DiffusionException">There is no such upscaler, or it cannot be run.</exception>
public delegate DiffusionImage ImageUpscaler(DiffusionImage image, UpscaleOptions options, Action<ProgressReport> progress, CancellationToken cancellationToken);
