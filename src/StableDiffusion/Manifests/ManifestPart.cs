namespace StableDiffusion.Manifests;

/// <summary>A model or an adapter that images of a manifest were made with.</summary>
/// <param name="Kind">What it is: <c>Model</c>, <c>Lora</c>, <c>TextualInversion</c>, <c>ControlNet</c>, <c>Vae</c> or <c>Upscaler</c>.</param>
/// <param name="Name">Its name.</param>
/// <param name="Hash">Its hash, as images record it; null if unknown.</param>
/// <param name="Source">Where it came from: a repository as <c>owner/name</c>, or the name of the file or folder that was imported; null if unknown.</param>
/// <param name="Revision">The revision: the commit of the repository, or the SHA-256 of the imported file; null if unknown.</param>
public sealed record ManifestPart(string Kind, string Name, string? Hash, string? Source = null, string? Revision = null)
{
    /// <summary>The part in words.</summary>
    /// <returns>Its kind, its name and where it came from.</returns>
    public override string ToString() => PrintableText.Of($"{Kind} {Name}{(Hash is null ? string.Empty : $" ({Hash})")}{(Source is null ? string.Empty : $" from {Source}{(Revision is null ? string.Empty : $"@{Revision}")}")}");
}
