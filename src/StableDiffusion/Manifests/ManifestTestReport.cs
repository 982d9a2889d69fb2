using StableDiffusion.Comparison;
using StableDiffusion.Settings;

namespace StableDiffusion.Manifests;

/// <summary>The result of testing an image of a manifest.</summary>
/// <param name="image">The image.</param>
/// <param name="path">The full path of its file.</param>
/// <param name="fileState">What became of the file.</param>
public sealed class ManifestTestReport(ManifestImage image, string path, ManifestFileState fileState)
{
    /// <summary>The path of the file from the folder, as in the manifest.</summary>
    public string Name => image.Name;

    /// <summary>The full path of the file.</summary>
    public string Path => path;

    /// <summary>
    /// Whether the file is there with the pixels of the manifest and the image, if it was made again, came out as it can be expected
    /// to here: with the same pixels if it is <see cref="Reproducibility.Exact"/>.
    /// </summary>
    public bool IsValid => FileState is ManifestFileState.Equal or ManifestFileState.EqualPixels
        && (Remade is RemakeState.NotTried or RemakeState.Equal || (Remade == RemakeState.Different && Reproducibility == Reproducibility.Device));

    /// <summary>What became of the file.</summary>
    public ManifestFileState FileState => fileState;

    /// <summary>How far the image can be made again here.</summary>
    public Reproducibility Reproducibility => image.Reproducibility;

    /// <summary>What came of making it again.</summary>
    public RemakeState Remade { get; internal set; }

    /// <summary>Why it could not be made again, or came out differently; null if neither.</summary>
    public string? Reason { get; internal set; }

    /// <summary>The comparison of the file with the image that came out differently; null if there is none.</summary>
    public ImageComparison? Comparison { get; internal set; }

    /// <summary>The image in the manifest.</summary>
    public ManifestImage Image => image;
}
