using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>The destination of an imported model.</summary>
internal sealed record ImportTarget
{
    /// <summary>The folders of the library.</summary>
    public required StorageFolders Folders { get; init; }

    /// <summary>The name of the model in the store.</summary>
    public required string Name { get; init; }

    /// <summary>Whether another model of the same name is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the model is written again even if the same content exists.</summary>
    public bool Rebuilds { get; init; }

    /// <summary>Whether the model is tested with an image of one step before it is kept.</summary>
    public bool IsTested { get; init; } = true;

    /// <summary>The manifest of a download from a hub; null for the user's own files.</summary>
    public ModelManifest? Origin { get; init; }
}
