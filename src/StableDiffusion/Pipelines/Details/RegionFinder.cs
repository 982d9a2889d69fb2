using StableDiffusion.Detecting;
using StableDiffusion.Images;
using StableDiffusion.Storage;

namespace StableDiffusion.Pipelines.Details;

/// <summary>Finds the regions of an image.</summary>
/// <param name="image">The image.</param>
/// <param name="options">The detector, and which regions are returned.</param>
/// <param name="progress">Receives the progress.</param>
/// <param name="cancellationToken">Cancels it.</param>
/// <returns>The regions.</returns>
/// <exception cref="DiffusionException">There is no such detector, or it cannot be run.</exception>
public delegate IReadOnlyList<DetectedRegion> RegionFinder(DiffusionImage image, DetectOptions options, Action<ProgressReport> progress, CancellationToken cancellationToken);
