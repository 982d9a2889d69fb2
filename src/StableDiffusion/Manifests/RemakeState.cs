namespace StableDiffusion.Manifests;

/// <summary>What came of making an image of a manifest again.</summary>
public enum RemakeState
{
    /// <summary>It was not made.</summary>
    NotTried,

    /// <summary>It has the same pixels.</summary>
    Equal,

    /// <summary>It has other pixels.</summary>
    Different,

    /// <summary>It could not be made.</summary>
    Failed,
}
