using System.Text.Json.Serialization;

namespace StableDiffusion.Hub;

/// <summary>A model as the hub describes it at a revision; only what is needed of it.</summary>
/// <param name="Sha">The commit.</param>
/// <param name="Siblings">Its files.</param>
internal sealed record HubModelJson(string? Sha, IReadOnlyList<HubSiblingJson>? Siblings);

/// <summary>A file in a model's description.</summary>
/// <param name="Rfilename">Its path.</param>
/// <param name="Size">Its length; absent from hubs that do not know of blobs.</param>
/// <param name="BlobId">What git knows it, or the pointer to it, by.</param>
/// <param name="Lfs">What the large-file store knows of it, if it lies there.</param>
internal sealed record HubSiblingJson(string? Rfilename, long? Size, string? BlobId, HubLfsJson? Lfs);

/// <summary>An entry of a repository's tree.</summary>
/// <param name="Type"><c>file</c> or <c>directory</c>.</param>
/// <param name="Path">Its path.</param>
/// <param name="Size">Its length.</param>
/// <param name="Oid">What git knows it, or the pointer to it, by.</param>
/// <param name="Lfs">What the large-file store knows of it, if it lies there.</param>
internal sealed record HubTreeEntryJson(string? Type, string? Path, long? Size, string? Oid, HubLfsJson? Lfs);

/// <summary>A file in the large-file store. A model's description names its hash <c>sha256</c>, a tree <c>oid</c>.</summary>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="Oid">Its SHA-256.</param>
/// <param name="Size">Its length.</param>
internal sealed record HubLfsJson(string? Sha256, string? Oid, long? Size);

/// <summary>The hub's answers as JSON, generated when compiled.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HubModelJson))]
[JsonSerializable(typeof(IReadOnlyList<HubTreeEntryJson>))]
internal sealed partial class HubJson : JsonSerializerContext;
