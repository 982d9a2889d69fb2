using StableDiffusion.Storage;

namespace StableDiffusion.Library;

/// <summary>Where an imported model goes.</summary>
internal sealed record ImportTarget
{
    /// <summary>The folders of the library that it goes into.</summary>
    public required StorageFolders Folders { get; init; }

    /// <summary>The name to ask for the model by.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the name may stand for another model, which is then replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether the model is written anew even if the same content is there.</summary>
    public bool Rebuilds { get; init; }

    /// <summary>What was fetched from a hub; null for what the user had.</summary>
    public ModelManifest? Origin { get; init; }
}
