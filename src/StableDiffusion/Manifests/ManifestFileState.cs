namespace StableDiffusion.Manifests;

/// <summary>What became of the file of an image in a manifest.</summary>
public enum ManifestFileState
{
    /// <summary>The file has the same bytes.</summary>
    Equal,

    /// <summary>The file has other bytes, such as other metadata, but the same pixels.</summary>
    EqualPixels,

    /// <summary>The file has other pixels.</summary>
    Changed,

    /// <summary>The file cannot be read as an image.</summary>
    Unreadable,

    /// <summary>There is no such file.</summary>
    Missing,
}
