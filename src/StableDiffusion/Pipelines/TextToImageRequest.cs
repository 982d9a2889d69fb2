using StableDiffusion.Pipelines.Details;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Passes;
using StableDiffusion.Text;

namespace StableDiffusion.Pipelines;

/// <summary>A request for <see cref="TextToImage"/>.</summary>
public sealed record TextToImageRequest
{
    /// <summary>The settings of the images, with their prompts; a seed that is null is drawn at random.</summary>
    public required DenoiseOptions Options { get; init; }

    /// <summary>The number of images, 1 to <see cref="TextToImage.HighestCount"/>; each uses the next seed, or the next variation seed.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Whether the noise of all images is drawn from one generator, instead of using a seed for each.</summary>
    public bool SharedGenerator { get; init; }

    /// <summary>The image to start from, at the size of the new images; null starts from noise.</summary>
    public StartImage? Start { get; init; }

    /// <summary>Enlarges the first of two passes by a network, if <see cref="HiresSettings.HiresUpscaler"/> names one; such as <c>ModelLibrary.Upscale</c>.</summary>
    public ImageUpscaler? Upscale { get; init; }

    /// <summary>Finds the regions that are painted anew, if <see cref="DetailSettings.Detailer"/> names a detector; such as <c>ModelLibrary.Detect</c>.</summary>
    public RegionFinder? FindRegions { get; init; }

    /// <summary>The textual inversion embeddings that the prompts can use.</summary>
    public IReadOnlyList<TextualInversion> TextualInversions { get; init; } = [];
}
